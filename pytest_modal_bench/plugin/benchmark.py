"""The only module that knows pytest-benchmark's internals: makes its records of samples, in the process that reports,
and keeps it quiet about xdist.
"""

from __future__ import annotations

import os
import shlex
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from msgspec import to_builtins
from pytest_benchmark.stats import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from pytest_modal_bench.model import EndpointResult, Sample, Start

_TURNED_OFF = pytest.StashKey[bool]()
_OWN = pytest.StashKey[set[str]]()
"""The full names of our own records, which are in no table that nobody asked for."""
_ASKING = ("columns", "compare", "group-by", "histogram", "name", "sort", "verbose")
"""Options that say how tables are to be, or that compare: who gives one of them wants to see them."""
_KEEPING = ("autosave", "compare", "compare_fail", "histogram", "json", "save")
"""Options by which records are written to a file, or held against those of one."""
_OPTIONS = ("disable_gc", "min_rounds", "max_time", "min_time", "warmup")


class _Figure(NamedTuple):
    """What a record is made of."""

    ending: str
    """Of the record's name."""
    start: Start
    of_call: Callable[[Sample], float | None]
    """Seconds of one call; None: not known."""


def _elapsed_sec(sample: Sample) -> float:
    return sample.elapsed_sec


def _ttft_sec(sample: Sample) -> float | None:
    return None if sample.stream is None else sample.stream.ttft_sec


_RECORDED = (
    _Figure("cold", "cold", _elapsed_sec),
    _Figure("warm", "warm", _elapsed_sec),
    _Figure("ttft", "warm", _ttft_sec),
)
"""A `first` call is neither cold nor warm, and gets no record."""


def configure(config: pytest.Config, *, distributed: bool, worker: bool) -> None:
    """Before pytest-benchmark configures itself: remember what the user wants, forestall what it does under xdist.

    There it turns itself off with a warning, and refuses `--benchmark-only`. Its own switch turns it off without
    either; records are made all the same, and added in the controller (`add_records`). A worker shares its options
    with the controller, but must neither save nor compare.
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


def wanted(config: pytest.Config) -> bool:
    """Whether anything becomes of records: one takes more memory than all else that is known of its endpoint."""
    if getattr(config, "_benchmarksession", None) is None or config.stash[_TURNED_OFF]:
        return False
    kept = any(getattr(config.option, f"benchmark_{name}", None) for name in _KEEPING)
    return kept or _tables_wanted(config)


def add_records(config: pytest.Config, measured: Iterable[tuple[dict[str, Any], EndpointResult]]) -> None:
    """Hand pytest-benchmark's session a record for each figure of each result, where they are `wanted`.

    Beside each result stands the test that measured it: `name`, `fullname`, `param` and `params`, as its fixture
    has them. What a record holds is the client's own seconds; the clock of pytest-benchmark never runs.
    """
    if not wanted(config):
        return
    session = config._benchmarksession  # type: ignore[attr-defined] # noqa: SLF001
    options = {name: session.options[name] for name in _OPTIONS} | {"timer": time.monotonic}
    own = config.stash.setdefault(_OWN, set())
    for test, result in measured:
        for figure in _RECORDED:
            seconds = list(_seconds(result.samples, figure))
            if seconds:  # an empty record would crash it
                record = _record(test, result, figure, seconds, options)
                session.benchmarks.append(record)
                own.add(record.fullname)


def _tables_wanted(config: pytest.Config) -> bool:
    """Whether an option was given that says how tables are to be: on the command line, or for all runs."""
    for_all = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    given = (*config.getini("addopts"), *for_all, *map(str, config.invocation_params.args))
    return any(each.startswith(tuple(f"--benchmark-{name}" for name in _ASKING)) for each in given)


def _seconds(samples: Iterable[Sample], figure: _Figure) -> Iterator[float]:
    """The times of the calls that count; none where one failed: what came before it looks like good times."""
    meant = [sample for sample in samples if sample.meant == figure.start]
    if all(sample.ok for sample in meant):
        counting = [sample for sample in meant if sample.counts and sample.start == figure.start]
        yield from (seconds for sample in counting if (seconds := figure.of_call(sample)) is not None)


def _record(
    test: dict[str, Any],
    result: EndpointResult,
    figure: _Figure,
    seconds: list[float],
    options: dict[str, Any],
) -> Metadata:
    start = figure.start
    shown = (start, "first") if start == "warm" else (start,)
    fixture = SimpleNamespace(
        name=f"{test['name']}:{figure.ending}",
        fullname=f"{test['fullname']}:{figure.ending}",
        group=result.category,
        param=test["param"],
        params=test["params"],
        extra_info={
            "endpoint": result.id,
            "path": result.path,
            "app": result.app,
            "category": result.category,
            "start": start,
            "samples": to_builtins([sample for sample in result.samples if sample.start in shown]),
        },
        cprofile_stats=None,
        has_error=False,
    )
    record = Metadata(fixture, iterations=1, options=options)
    for duration in seconds:
        record.update(duration)
    return record


class BenchmarkPlugin:
    """Plugin where pytest-benchmark is installed and on: an endpoint test is a benchmark to `--benchmark-only`."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, config: pytest.Config) -> None:
        """Before pytest-benchmark shows its tables: take our records out of them, unless they were asked for."""
        session = getattr(config, "_benchmarksession", None)
        if session is not None and session.groups and not _tables_wanted(config):
            own = config.stash.get(_OWN, set())
            left = (
                (name, [each for each in group if each["fullname"] not in own])
                for name, group in session.groups
            )
            session.groups = [(name, group) for name, group in left if group]

    @pytest.fixture
    def _modal_bench_benchmark(self, benchmark: BenchmarkFixture) -> None:
        # Its records are made of samples, so that the fixture stays unused, which it would warn of.
        benchmark._mode = "modal-bench"  # noqa: SLF001
