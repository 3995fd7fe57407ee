"""Which endpoint each test of the session has, and which tests a load still waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.plugin import load_handover

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.plugin.collection import EndpointCollection


class SessionTests:
    """The session's endpoint tests, by id. Loads begin once no endpoint is called one by one any more."""

    def __init__(self, collection: EndpointCollection, shared: Path) -> None:
        """`shared`: the directory in which loads wait, which may be in another process."""
        self.endpoint_ids: dict[str, str] = {}
        """By test id; the workers say so of what they collect."""
        self.under_load: set[str] = set()
        """Ids of tests that put their endpoint under load."""
        self._one_by_one: set[str] = set()
        """Ids of the other tests that have not ended yet: a load waits for them."""
        self._collection = collection
        self._shared = shared

    def endpoint(self, nodeid: str) -> Endpoint:
        """The endpoint of a test."""
        return self._collection.endpoints[self.endpoint_ids[nodeid]]

    def collected(self, endpoint_ids: Mapping[str, str], under_load: Sequence[str]) -> None:
        """Take note of the tests that a process has collected."""
        self.endpoint_ids.update(endpoint_ids)
        self.under_load.update(under_load)

    def select(self, endpoint_ids: dict[str, str]) -> None:
        """These tests are part of the session, and no others."""
        self.endpoint_ids = endpoint_ids
        self._one_by_one = endpoint_ids.keys() - self.under_load
        self._loads_may_begin()

    def ended(self, nodeid: str) -> None:
        """A test has ended: no load waits for it any more."""
        self._one_by_one.discard(nodeid)
        self._loads_may_begin()

    def _loads_may_begin(self) -> None:
        if self.under_load and not self._one_by_one:
            load_handover.let_begin(self._shared)
