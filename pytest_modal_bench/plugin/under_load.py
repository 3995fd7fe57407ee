"""Tests that put their endpoint under load: what they ask for, and what their reports carry."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import to_builtins

from pytest_modal_bench.gate.load import checks as load_checks
from pytest_modal_bench.load import generators
from pytest_modal_bench.load.knee import with_knees
from pytest_modal_bench.load.means import Means
from pytest_modal_bench.load.processes import MissingEngine
from pytest_modal_bench.load.spec import parse
from pytest_modal_bench.model import Endpoint, EndpointResult
from pytest_modal_bench.plugin import load_handover
from pytest_modal_bench.plugin.collection import endpoint_of, is_under_load
from pytest_modal_bench.plugin.fixtures import GateFailed
from pytest_modal_bench.protocol import outcome

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import Check, Load
    from pytest_modal_bench.run.measurer import Measurer
    from pytest_modal_bench.run.settings import Settings

PutUnderLoad = Callable[[], EndpointResult]


_CARRIED = pytest.StashKey[Any]()
"""A dictionary of built-in types."""


def _elsewhere(settings: Settings) -> dict[str, Any]:
    """What lets processes of other machines take part."""
    if settings.load_bind is None:
        return {"remote": settings.load_workers}
    host, port = settings.load_bind
    return {"remote": settings.load_workers, "host": host, "port": port}


class UnderLoad:
    """Plugin of the fixture `put_under_load`."""

    def __init__(self, measurer: Measurer, shared: Path, *, mix: bool, say: Callable[[str], None]) -> None:
        """`shared`: a directory of all processes of the run. `mix`: whether all endpoints are called together.

        `say`: tells people, now, who may take part.
        """
        self._say = say
        self._measurer = measurer
        self._shared = shared
        self._mix = mix
        self._selected: list[Endpoint] = []
        self._loads: dict[str, Load] = {}
        """By endpoint id: what has been made together with others."""

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which endpoints are put under load."""
        found = (endpoint_of(item) for item in session.items if is_under_load(item))
        self._selected = list({each.id: each for each in found if each is not None}.values())

    @pytest.fixture
    def put_under_load(
        self, request: pytest.FixtureRequest, endpoint: Endpoint, _modal_bench_benchmark: None
    ) -> PutUnderLoad:
        """Call it to put the endpoint under load: its result, or the test fails. Skips when a resource is missing."""
        missing = self._measurer.missing(endpoint)
        if missing is not None and not self._measurer.settings.strict:
            pytest.skip(missing)
        return lambda: self._put(request.node, endpoint, missing)

    def _put(self, item: pytest.Item, endpoint: Endpoint, missing: str | None) -> EndpointResult:
        if missing is not None:
            raise GateFailed(f"{endpoint.path}: strict: {missing}")
        load_handover.wait_to_begin(self._shared)
        try:
            with load_handover.going_on(self._shared):
                load = self._loads.pop(endpoint.id, None) or self._made(endpoint)
        except (MissingEngine, generators.LoadError) as error:
            raise GateFailed(f"{endpoint.path}: {error}") from None
        load, checks = self._held(endpoint, load)
        observer = self._measurer.observer
        item.stash[_CARRIED] = {
            "load": to_builtins(load),
            "checks": to_builtins(checks),
            "notes": [] if observer is None else list(observer.notes),
        }
        wrong = [check.message for check in checks if check.verdict == "FAIL"]
        if wrong:
            raise GateFailed(f"{endpoint.path}: {'; '.join(wrong)}")
        return outcome.with_load(outcome.not_run(endpoint), load, checks)

    def _made(self, endpoint: Endpoint) -> Load:
        """Put it under load, or all endpoints together of which it is the first."""
        settings = self._measurer.settings
        together = (
            [each for each in self._selected if self._measurer.missing(each) is None]
            if self._mix
            else [endpoint]
        )
        texts = settings.load or (endpoint.load or "",)
        try:
            loads = generators.run_mix(
                [(each, each.load_weight if self._mix else 1.0) for each in together],
                parse(*texts),
                Means(
                    settings=settings,
                    spending=self._measurer.spending,
                    resources=self._measurer.found,
                    observer=self._measurer.observer,
                    watch=self._measurer.watch,
                    say=self._say,
                    **_elsewhere(settings),
                ),
            )
        except generators.Interrupted as interrupt:
            found = [(each, *self._held(each, interrupt.loads[each.id])) for each in together]
            load_handover.keep_cut_off(
                self._shared, [load_handover.CutOff(each.id, load, checks) for each, load, checks in found]
            )
            raise
        self._loads = {id_: load for id_, load in loads.items() if id_ != endpoint.id}
        return loads[endpoint.id]

    def _held(self, endpoint: Endpoint, load: Load) -> tuple[Load, list[Check]]:
        """Return a load with its knees, and what it comes to held against the endpoint's budgets."""
        budget = endpoint.budget.under(self._measurer.settings.budget.for_form(endpoint.stream))
        return with_knees(load, budget), load_checks.checks(load, budget)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add to the report of the test's call what it carries, after `EndpointFixtures` has made its own part."""
        report = yield
        if call.when == "call" and _CARRIED in item.stash:
            carried: dict[str, Any] = {**getattr(report, "modal_bench", {}), **item.stash[_CARRIED]}
            report.modal_bench = carried  # type: ignore[attr-defined] # pytest carries what it does not know
            del item.stash[_CARRIED]
        return report
