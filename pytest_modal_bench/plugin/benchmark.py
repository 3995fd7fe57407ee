"""The only module that knows pytest-benchmark's internals: takes its records apart in the process that measures,
puts them together in the one that reports, and keeps it quiet about xdist.
"""

from __future__ import annotations

import copy
from itertools import compress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pytest_benchmark.stats import Metadata
from pytest_benchmark.utils import funcname

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_benchmark.fixture import BenchmarkFixture

    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import Start

Record = dict[str, Any]
"""One pytest-benchmark record as built-in types: `Metadata`'s attributes, and `data`, its times in seconds."""

_TURNED_OFF = pytest.StashKey[bool]()
_KEPT = ("name", "fullname", "group", "param", "params", "extra_info")


def configure(config: pytest.Config, *, distributed: bool, worker: bool) -> None:
    """Before pytest-benchmark configures itself: remember what the user wants, forestall what it does under xdist.

    There it turns itself off with a warning, and refuses `--benchmark-only`. Its own switch turns it off without
    either; records are made all the same (`BenchmarkRecorder`) and given back to it in the controller (`give_back`).
    A worker shares its options with the controller, but must neither save nor compare.
    """
    option = config.option
    config.stash[_TURNED_OFF] = bool(option.benchmark_disable and not option.benchmark_enable)
    if distributed or worker:
        option.benchmark_disable = True
        option.benchmark_enable = False
        option.benchmark_only = False
    if worker:
        option.benchmark_save = option.benchmark_json = option.benchmark_compare_fail = None
        option.benchmark_autosave = False
        option.benchmark_compare = []


class BenchmarkRecorder:
    """Runs an endpoint's calls through pytest-benchmark: one record for each start that is recorded."""

    def __init__(self, benchmark: BenchmarkFixture, *, group: str, endpoint: str, off: bool) -> None:
        self._benchmark = benchmark
        self._group = group
        self._endpoint = endpoint
        self._off = off
        self._metadata: dict[Start, list[Metadata]] = {}
        # The fixture itself stays unused, which it would warn of: its copies are used instead, one a record.
        benchmark._mode = "modal-bench"  # noqa: SLF001

    def run(
        self, start: Start, call: Callable[[Request], None], prepare: Callable[[], Request], rounds: int
    ) -> None:
        """Time `call` with pytest-benchmark; a `first` call is neither cold nor warm and gets no record."""
        if self._off or start == "first":
            for _ in range(rounds):
                call(prepare())
            return
        self._fixture(start).pedantic(call, setup=lambda: ((prepare(),), {}), rounds=rounds)

    def add(self, start: Start, seconds: Sequence[float]) -> None:
        """Make a record of calls that were timed elsewhere."""
        if self._off or start == "first":
            return
        metadata = self._fixture(start)._make_stats(iterations=1)  # noqa: SLF001
        for duration in seconds:
            metadata.update(duration)

    def _fixture(self, start: Start) -> BenchmarkFixture:
        fixture = copy.copy(self._benchmark)
        fixture.name = f"{fixture.name}:{start}"
        fixture.fullname = f"{fixture.fullname}:{start}"
        fixture.group = self._group
        # The parameter is an Endpoint, of which a JSON file wants no more than the id.
        fixture.params = {**(fixture.params or {}), "endpoint": self._endpoint}
        fixture.extra_info = {}
        fixture.disabled = False
        # Profiling would make one more call, which costs money and finds a warm container.
        fixture.cprofile = None
        fixture._mode = None  # noqa: SLF001
        fixture._add_stats = self._metadata.setdefault(start, []).append  # noqa: SLF001
        return fixture

    def records(
        self, extra_info: Callable[[Start], dict[str, Any]], kept: Callable[[Start], Sequence[bool]]
    ) -> list[Record]:
        """The records made so far, one a start, each with `extra_info` of its start and the calls that are `kept`.

        Left out are those of which a call ended in an error (what they hold looks like good times, but is what came
        before a failure) and empty ones (which pytest-benchmark can't cope with).
        """
        records = []
        for start, taken in self._metadata.items():
            timed = [metadata for metadata in taken if metadata]
            data = [duration for metadata in timed for duration in metadata.stats.data]
            counted = list(compress(data, kept(start)))
            if counted and not any(metadata.has_error for metadata in timed):
                records.append(_apart(timed[0]) | {"data": counted, "extra_info": extra_info(start)})
        return records


def _apart(metadata: Metadata) -> Record:
    options = {key: funcname(value) if callable(value) else value for key, value in metadata.options.items()}
    return {name: getattr(metadata, name) for name in _KEPT} | {"options": options}


def _together(record: Record) -> Metadata:
    fixture = SimpleNamespace(**{name: record[name] for name in _KEPT}, cprofile_stats=None, has_error=False)
    metadata = Metadata(fixture, iterations=1, options=record["options"])
    for duration in record["data"]:
        metadata.update(duration)
    return metadata


def give_back(config: pytest.Config, records: Iterable[Record]) -> None:
    """Hand records to pytest-benchmark's session, for its tables, files and comparisons."""
    session = getattr(config, "_benchmarksession", None)
    if session is not None:
        session.benchmarks.extend(_together(record) for record in records)


class BenchmarkRecording:
    """Plugin that gives a test its recorder, where pytest-benchmark is installed and on."""

    @pytest.fixture
    def _modal_bench_recorder(
        self, request: pytest.FixtureRequest, benchmark: BenchmarkFixture
    ) -> BenchmarkRecorder:
        endpoint = request.getfixturevalue("endpoint")
        return BenchmarkRecorder(
            benchmark, group=endpoint.category, endpoint=endpoint.id, off=request.config.stash[_TURNED_OFF]
        )
