"""Puts a session that runs the benchmark together: the plugins of a controller, of a worker, or of both in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import convert

from pytest_modal_bench.cost.ledger import Ledger
from pytest_modal_bench.model import Resource
from pytest_modal_bench.plugin import settings as session_settings
from pytest_modal_bench.plugin.collection import EndpointCollection
from pytest_modal_bench.plugin.fixtures import EndpointFixtures, PlainRecording
from pytest_modal_bench.run.gating import Gate
from pytest_modal_bench.run.measurer import Measuring

if TYPE_CHECKING:
    import pytest


def register(config: pytest.Config) -> None:
    """Register what this process needs. Raises `pytest.UsageError` for a bad option or catalogue."""
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    distributed = workerinput is None and _distributed(config)
    settings = session_settings.resolve(config)
    catalogue = session_settings.catalogue(config)
    collection = EndpointCollection(settings, catalogue)
    manager = config.pluginmanager
    manager.register(collection, "modal-bench-collection")
    if manager.hasplugin("benchmark"):
        from pytest_modal_bench.plugin import benchmark

        benchmark.configure(config, distributed=distributed, worker=workerinput is not None)
        manager.register(benchmark.BenchmarkRecording(), "modal-bench-recording")
    else:
        manager.register(PlainRecording(), "modal-bench-recording")
    only_looks = _only_looks(config)
    measuring = None
    if only_looks or not distributed:
        measuring = Measuring(settings)
        gate = Gate(measuring, session_settings.history(config))
        manager.register(EndpointFixtures(measuring, gate), "modal-bench-measuring")
    if only_looks:
        return
    from pytest_modal_bench.plugin.controller import RunSession, WorkerSession

    if workerinput is None or measuring is None:
        manager.register(RunSession(config, settings, collection, measuring), "modal-bench-session")
    else:
        given = workerinput["modal_bench"]
        if given["urls"]:
            collection.catalogue = catalogue.with_urls(given["urls"])
        measuring.found = convert(given["found"], dict[str, Resource])
        measuring.simulated = given["simulated"]
        if given["ledger"] is not None and settings.max_cost is not None:
            measuring.ledger = Ledger(Path(given["ledger"]), settings.max_cost)
        if given["access"] is not None:
            from pytest_modal_bench.run import control as access

            measuring.observer = access.observer(
                access.of_worker(given["access"]), settings, catalogue, config
            )
        manager.register(WorkerSession(config, measuring), "modal-bench-session")


def _only_looks(config: pytest.Config) -> bool:
    """Whether tests or fixtures are listed, and nothing is run or reported."""
    option = config.option
    return bool(option.collectonly or option.showfixtures or option.show_fixtures_per_test)


def _distributed(config: pytest.Config) -> bool:
    return (
        config.pluginmanager.hasplugin("xdist")
        and config.getoption("dist", "no") != "no"
        and bool(config.getoption("tx", None))
    )
