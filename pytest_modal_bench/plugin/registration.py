"""Puts a session that runs the benchmark together: the plugins of a controller, of a worker, or of both in one."""

from __future__ import annotations

import datetime as dt
import secrets
import shlex
import shutil
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import convert

from pytest_modal_bench.model import Resource
from pytest_modal_bench.plugin.collection import EndpointCollection
from pytest_modal_bench.plugin.fixtures import EndpointFixtures, NoBenchmark
from pytest_modal_bench.plugin.orphans import watch_controller
from pytest_modal_bench.plugin.settings import session_inputs
from pytest_modal_bench.plugin.settings.checks import check_loads, check_places
from pytest_modal_bench.plugin.settings.resolution import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from pytest_modal_bench.run.beside import Beside
    from pytest_modal_bench.run.gating import Gate
    from pytest_modal_bench.run.measurer import Measurer
    from pytest_modal_bench.run.settings import Settings


def register(config: pytest.Config) -> None:
    """Register what this process needs. Raises `pytest.UsageError` for a bad option or catalogue."""
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is not None:
        given = workerinput["modal_bench"]
        watch_controller(given["controller"], Path(given["shared"]))
    distributed = workerinput is None and _distributed(config)
    settings = resolve(config)
    catalogue = session_inputs.catalogue(config)
    today = _today(workerinput)
    collection = EndpointCollection(settings, catalogue, today)
    manager = config.pluginmanager
    manager.register(collection, "modal-bench-collection")
    _register_benchmark(config, distributed=distributed, worker=workerinput is not None)
    only_lists = _only_lists(config)
    if workerinput is None and not only_lists:
        # Whatever is wrong is said here, before workers are started that would find it, too.
        check_places(settings)
        session_inputs.history(config)
        session_inputs.base(config)
        check_loads(settings, catalogue)
    moves = _shared_directory(config, workerinput) / "moves"
    has_loads = bool(settings.load) or any(endpoint.load for endpoint in catalogue.endpoints)
    measurer = None
    if only_lists and not has_loads:
        # Nothing is measured: what measures is not even imported.
        manager.register(EndpointFixtures(None, today), "modal-bench-measuring")
    elif only_lists or not distributed:
        measurer, gate = _measuring(config, settings, moves)
        manager.register(EndpointFixtures((measurer, gate), today), "modal-bench-measuring")
        if has_loads:
            from pytest_modal_bench.plugin.under_load import UnderLoad

            say = partial(_say, config)
            loads = UnderLoad(measurer, moves.parent, mix=catalogue.mix, say=say)
            manager.register(loads, "modal-bench-load")
        if gate.compares:
            from pytest_modal_bench.plugin.deferral import Deferral

            reporting = _reporting(worker=workerinput is not None)
            manager.register(Deferral(gate, reporting), "modal-bench-deferral")
    if only_lists:
        return
    if workerinput is None or measurer is None:
        _register_controller(config, collection, measurer, moves.parent)
        return
    _register_worker(config, settings, collection, measurer, workerinput["modal_bench"])


def _register_controller(
    config: pytest.Config, collection: EndpointCollection, measurer: Measurer | None, shared: Path
) -> None:
    """`measurer`: None where workers measure. `shared`: a directory of the run's own, for all of its processes."""
    from pytest_modal_bench.plugin.controller.equipment import Equipment
    from pytest_modal_bench.plugin.controller.incoming_results import IncomingResults
    from pytest_modal_bench.plugin.controller.session_finish import SessionFinish
    from pytest_modal_bench.plugin.controller.session_start import SessionStart
    from pytest_modal_bench.plugin.controller.session_tests import SessionTests
    from pytest_modal_bench.plugin.live.watching import Watching
    from pytest_modal_bench.run.record import RunRecord

    settings, manager = collection.settings, config.pluginmanager
    sides = 1 if settings.against is None else 2
    watching = Watching(config, collection.catalogue.endpoints, rounds=settings.rounds, sides=sides)
    manager.register(watching, "modal-bench-live")
    record = RunRecord(settings, command=shlex.join(["pytest", *config.invocation_params.args]))
    tests = SessionTests(collection, shared)
    equipment = Equipment(config, collection, record, measurer=measurer, watching=watching, shared=shared)
    incoming = IncomingResults(config, collection, record, tests, watching)
    finish = SessionFinish(config, record, equipment, tests, incoming.measured_by)
    start = SessionStart(
        config, collection, record=record, equipment=equipment, tests=tests, watching=watching
    )
    manager.register(incoming, "modal-bench-results")
    manager.register(finish, "modal-bench-finish")
    if measurer is None:
        from pytest_modal_bench.plugin.controller.distribution import Distribution

        distribution = Distribution(record, equipment, tests, select=start.select, prepare=start.prepare)
        manager.register(distribution, "modal-bench-distribution")
    # The last to be registered is the first to be asked.
    manager.register(start, "modal-bench-session")


def _register_worker(
    config: pytest.Config,
    settings: Settings,
    collection: EndpointCollection,
    measurer: Measurer,
    given: dict[str, Any],
) -> None:
    """`given`: what the controller has sent."""
    from pytest_modal_bench.cost.ledger import Ledger
    from pytest_modal_bench.plugin.worker import Worker
    from pytest_modal_bench.run import control

    catalogue = collection.catalogue
    if given["urls"]:
        collection.catalogue = catalogue.with_urls(given["urls"])
    measurer.found = convert(given["found"], dict[str, Resource])
    measurer.simulated = given["simulated"]
    if given["ledger"] is not None and settings.max_cost is not None:
        measurer.spending.ledger = Ledger(Path(given["ledger"]), settings.max_cost)
    if given["credentials"] is not None:
        credentials = control.Credentials.crossed(given["credentials"])
        measurer.observer = control.observer(
            credentials, settings, catalogue.environment, Path(given["journal"])
        )
    base = session_inputs.base(config)
    if base is not None:
        base.cross(given["base"], Path(given["journal"]))
        base.equip(measurer)
    config.pluginmanager.register(Worker(config, measurer), "modal-bench-session")


def _measuring(config: pytest.Config, settings: Settings, moves: Path) -> tuple[Measurer, Gate]:
    from pytest_modal_bench.run.gating import Gate
    from pytest_modal_bench.run.measurer import Measurer
    from pytest_modal_bench.run.moves import Moves

    measurer = Measurer(settings)
    beside = _beside(settings, moves.parent)
    return measurer, Gate(measurer, session_inputs.history(config), Moves(moves), beside)


def _beside(settings: Settings, shared: Path) -> Beside | None:
    """What results are held against that are called in turn with others; None: they are not."""
    if settings.against is None:
        return None
    from pytest_modal_bench.gate.side_by_side import Scatter
    from pytest_modal_bench.run.beside import Beside
    from pytest_modal_bench.run.moves import Shared

    scatters = Shared(shared / "scatters", Scatter)
    return Beside(Path(settings.against).name, scatters, forced=settings.cold == "force")


def _register_benchmark(config: pytest.Config, *, distributed: bool, worker: bool) -> None:
    if not config.pluginmanager.hasplugin("benchmark"):
        config.pluginmanager.register(NoBenchmark(), "modal-bench-benchmark")
        return
    from pytest_modal_bench.plugin import benchmark

    benchmark.configure(config, distributed=distributed, worker=worker)
    config.pluginmanager.register(benchmark.BenchmarkPlugin(), "modal-bench-benchmark")


def _shared_directory(config: pytest.Config, workerinput: dict[str, Any] | None) -> Path:
    """A directory that the processes of the run share on this machine, and that goes with the session.

    Who first needs it makes it: most runs have nothing to share, and one of them that is killed leaves nothing behind.
    """
    if workerinput is not None:
        return Path(workerinput["modal_bench"]["shared"])
    directory = Path(tempfile.gettempdir()) / f"modal-bench-{secrets.token_hex(16)}"
    config.add_cleanup(partial(shutil.rmtree, directory, ignore_errors=True))
    return directory


def _reporting(*, worker: bool) -> Callable[[pytest.Item], AbstractContextManager[None]]:
    """Within what reports are made of a test that is run after all others."""
    if not worker:
        return lambda _: nullcontext()
    from pytest_modal_bench.plugin.xdist import reporting

    return reporting


def _today(workerinput: dict[str, Any] | None) -> dt.date:
    """The day on which the run began, which decides about quarantines: the same in all processes."""
    if workerinput is None:
        return dt.datetime.now(dt.UTC).date()
    return dt.date.fromisoformat(workerinput["modal_bench"]["today"])


def _say(config: pytest.Config, line: str) -> None:
    """Tell people at the terminal; a worker has none, and writes to its standard error."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        sys.stderr.write(f"modal-bench: {line}\n")
        return
    capture = config.pluginmanager.get_plugin("capturemanager")
    with nullcontext() if capture is None else capture.global_and_fixture_disabled():  # a test is running
        reporter.ensure_newline()
        reporter.write_line(f"modal-bench: {line}")


def _only_lists(config: pytest.Config) -> bool:
    """Whether tests or fixtures are listed, and nothing is run or reported."""
    option = config.option
    return bool(option.collectonly or option.showfixtures or option.show_fixtures_per_test)


def _distributed(config: pytest.Config) -> bool:
    return (
        config.pluginmanager.hasplugin("xdist")
        and config.getoption("dist", "no") != "no"
        and bool(config.getoption("tx", None))
    )
