"""What is kept of each endpoint while a session goes on, and the `Run` that it adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_modal_bench.protocol import outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.model import Endpoint, EndpointResult, Status

_WEIGHT: dict[Status, int] = {"failed": 3, "success": 2, "skipped": 1, "not_run": 0}


class Results:
    """Results of the endpoints that are part of the session.

    Kept by test, so that a rerun replaces what its test gave before, and so that an endpoint with several tests
    has failed if one of them has.
    """

    def __init__(self) -> None:
        """Nothing is part of the session yet."""
        self._selected: dict[str, Endpoint] = {}
        self._by_test: dict[str, dict[str, EndpointResult]] = {}
        self._records: dict[str, list[dict[str, Any]]] = {}

    def select(self, endpoints: Iterable[Endpoint]) -> None:
        """These endpoints are part of the session, in this order."""
        self._selected = {endpoint.id: endpoint for endpoint in endpoints}

    @property
    def selected(self) -> list[Endpoint]:
        """The endpoints that are part of the session."""
        return list(self._selected.values())

    def add(self, nodeid: str, result: EndpointResult, records: list[dict[str, Any]]) -> EndpointResult:
        """Keep what a test gave. Returns what is now known of its endpoint."""
        self._by_test.setdefault(result.id, {})[nodeid] = result
        self._records[nodeid] = records
        return self._settled(self._selected[result.id])

    def settled(self) -> list[EndpointResult]:
        """One result an endpoint, in catalogue order."""
        return [self._settled(endpoint) for endpoint in self._selected.values()]

    def records(self) -> list[dict[str, Any]]:
        """The benchmark records of all tests, in catalogue order."""
        tests = (nodeid for endpoint_id in self._selected for nodeid in self._by_test.get(endpoint_id, ()))
        return [record for nodeid in tests for record in self._records[nodeid]]

    def _settled(self, endpoint: Endpoint) -> EndpointResult:
        results = self._by_test.get(endpoint.id, {}).values()
        return max(results, key=lambda result: _WEIGHT[result.status], default=outcome.not_run(endpoint))
