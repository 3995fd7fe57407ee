"""What is kept of each endpoint while a run goes on: its measurement, how its tests ended, and the verdict on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.gate import verdicts
from pytest_modal_bench.model import OutcomeOfTest
from pytest_modal_bench.model.packed import packed
from pytest_modal_bench.protocol import outcome

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.model import Check, Endpoint, EndpointResult, Load, Status, TestEnd

_WEIGHT: dict[Status, int] = {"not_run": 0, "skipped": 1, "failed": 2, "success": 2}
_WORST_FIRST: tuple[TestEnd, ...] = ("failed", "error", "xfailed", "skipped", "passed")
_SHARED = (
    "endpoint",
    "path",
    "category",
    "description",
    "id",
    "app",
    "case",
    "pool",
    "method",
    "tags",
    "needs",
)
"""What a result has of the catalogue."""


class Results:
    """Results of the endpoints that are part of the run, in catalogue order.

    An endpoint is measured once, however many tests ask for it; a later measurement, which only a rerun makes,
    replaces the one before. How its tests end adds to the verdict, never to what was measured.
    """

    def __init__(self, *, strict: bool, today: dt.date) -> None:
        self._strict = strict
        self._today = today
        self._selected: dict[str, Endpoint] = {}
        self._measured: dict[str, EndpointResult] = {}
        self._loads: dict[str, tuple[Load, list[Check]]] = {}
        self._tests: dict[str, tuple[OutcomeOfTest, ...]] = {}

    def select(self, endpoints: Iterable[Endpoint]) -> None:
        """These endpoints are part of the run, in this order."""
        self._selected = {endpoint.id: endpoint for endpoint in endpoints}

    @property
    def selected(self) -> list[Endpoint]:
        """The endpoints that are part of the run."""
        return list(self._selected.values())

    def begin(self, endpoint_id: str, test: str) -> None:
        """A test of the endpoint begins: how it ended before, if it runs again, no longer counts."""
        self._tests[endpoint_id] = tuple(
            each for each in self._tests.get(endpoint_id, ()) if each.test != test
        )

    def keep(self, result: EndpointResult) -> None:
        """Keep a measurement; what was skipped or not run takes nothing from one that was made."""
        before = self._measured.get(result.id)
        if before is None or _WEIGHT[result.status] >= _WEIGHT[before.status]:
            self._measured[result.id] = packed(self._as_selected(result))

    def keep_load(self, endpoint_id: str, load: Load, checks: Sequence[Check]) -> None:
        """Keep what an endpoint did under load, beside what it did when it was called one by one."""
        self._loads[endpoint_id] = (load, list(checks))

    def end(self, endpoint_id: str, test: str, end: TestEnd, message: str | None = None) -> None:
        """A test of the endpoint, or a part of it, ended so; the worst of its parts is how it ended."""
        tests = list(self._tests.get(endpoint_id, ()))
        ended = OutcomeOfTest(test=test, outcome=end, message=message)
        at = next((number for number, each in enumerate(tests) if each.test == test), len(tests))
        if at == len(tests) or _WORST_FIRST.index(end) < _WORST_FIRST.index(tests[at].outcome):
            self._tests[endpoint_id] = (*tests[:at], ended, *tests[at + 1 :])

    def is_known(self, endpoint_id: str) -> bool:
        """Whether anything is known of what the endpoint did."""
        return endpoint_id in self._measured or endpoint_id in self._loads

    def of(self, endpoint_id: str) -> EndpointResult:
        """What is known of an endpoint, with the verdict on it."""
        endpoint = self._selected[endpoint_id]
        measured = self._measured.get(endpoint_id) or outcome.not_run(endpoint)
        has_load = endpoint_id in self._loads
        if has_load:
            measured = outcome.with_load(measured, *self._loads[endpoint_id])
        tests = list(self._tests.get(endpoint_id, ()))
        known = structs.replace(
            measured, tests=tests, quarantine=endpoint.quarantine, history=endpoint.history
        )
        judged = verdicts.judged(known, strict=self._strict, today=self._today)
        if endpoint_id in self._measured and not has_load:
            # A verdict is made of the rest of a result, never of the verdict before: one of both is enough in memory.
            self._measured[endpoint_id] = judged
        return judged

    def all(self) -> list[EndpointResult]:
        """One result an endpoint."""
        return [self.of(endpoint_id) for endpoint_id in self._selected]

    def _as_selected(self, result: EndpointResult) -> EndpointResult:
        """Return `result` with the endpoint's own texts: one of each is enough in memory."""
        endpoint = self._selected.get(result.id)
        if endpoint is None:
            return result
        given = outcome.not_run(endpoint)
        shared = {name: value for name in _SHARED if (value := getattr(given, name)) == getattr(result, name)}
        return structs.replace(result, **shared)
