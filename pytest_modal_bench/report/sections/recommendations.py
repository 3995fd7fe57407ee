"""Advice computed from this run's numbers, and left out where there are none."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.report.escape import NAME_LIMIT, text
from pytest_modal_bench.report.figures.pairs import averages, paired, proven
from pytest_modal_bench.report.figures.units import doubted, seconds
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Run
    from pytest_modal_bench.report.figures.pairs import Pair

    _Name = Callable[[EndpointResult], str]


def recommendations(run: Run) -> list[str]:
    """Return sentences of markdown, the most useful first; none for a run that measured nothing."""
    measured = [result for result in run.results if result.status == "success"]
    labels = Labels(run.results)

    def name(result: EndpointResult) -> str:
        return text(labels.name(result), NAME_LIMIT) or "-"

    worth_it = [pair for pair in paired(measured) if pair.saved > 0]
    return [
        *_keep_warm(worth_it, name),
        *_fastest(measured, name),
        *_longest_cold(measured, name),
        *_boot_or_load(measured, name),
        *_pre_warm(worth_it),
    ]


def _keep_warm(pairs: Sequence[Pair], name: _Name) -> Iterator[str]:
    if pairs:
        cold, warm = averages(pairs)
        mark = partial(doubted, proven=proven(pairs))
        best = max(pairs, key=lambda pair: pair.saved)
        yield (
            f"**Keep containers warm** for production - on {counted(len(pairs), 'endpoint')} a warm call took"
            f" {seconds(warm)}s where a cold one took {mark(f'{seconds(cold)}s')}; {name(best.result)} saves the most,"
            f" {doubted(f'{seconds(best.saved)}s', proven=best.result.cold_verified)} a call"
        )


def _fastest(results: Sequence[EndpointResult], name: _Name) -> Iterator[str]:
    timed = [(result.warm_time_sec, result) for result in results if result.warm_time_sec is not None]
    if len(timed) > 1:
        least, result = min(timed, key=itemgetter(0))
        yield (
            f"**Use {name(result)}** where speed matters most"
            f" - fastest warm median of {len(timed)} measured: {seconds(least)}s"
        )


def _longest_cold(results: Sequence[EndpointResult], name: _Name) -> Iterator[str]:
    timed = [(result.cold_time_sec, result) for result in results if result.cold_time_sec is not None]
    if len(timed) > 1:
        most, result = max(timed, key=itemgetter(0))
        shown = doubted(f"{seconds(most)}s", proven=result.cold_verified)
        yield (f"**Batch {name(result)} requests** - longest cold start of {len(timed)} measured: {shown}")


def _boot_or_load(results: Sequence[EndpointResult], name: _Name) -> Iterator[str]:
    """Where the most of a cold start can be saved: only where both parts are known, never guessed from one."""
    known = [
        (boot_sec, result.load_sec, result)
        for result in results
        if result.load_sec is not None and (boot_sec := _boot_sec(result)) is not None
    ]
    if not known:
        return
    boot_sec, load_sec, result = max(known, key=lambda each: max(each[:2]))
    mark = partial(doubted, proven=result.cold_verified)
    split = f"boot {mark(f'{seconds(boot_sec)}s')}, model load about {mark(f'{seconds(load_sec)}s')}"
    if load_sec > boot_sec:
        yield (
            f"**Load {name(result)}'s model sooner** - its cold start is more load than boot ({split}):"
            " load it before the first request, or restore it from a memory snapshot"
        )
    else:
        yield (
            f"**Make {name(result)}'s container lighter** - its cold start is more boot than load ({split}):"
            " a smaller image and fewer imports start sooner"
        )


def _boot_sec(result: EndpointResult) -> float | None:
    boots = [
        sample.provider.boot_sec
        for sample in result.samples
        if sample.start == "cold"
        and sample.counts
        and sample.provider
        and sample.provider.boot_sec is not None
    ]
    return median(boots) if boots else None


def _pre_warm(pairs: Sequence[Pair]) -> Iterator[str]:
    if pairs:
        pools: dict[str, float] = {}
        for pair in pairs:
            pools[pair.result.pool] = max(pair.cold, pools.get(pair.result.pool, 0))
        yield (
            f"**Pre-warm before peak hours** - one call to {counted(len(pools), 'pool')} takes"
            f" {doubted(f'{seconds(sum(pools.values()))}s', proven=proven(pairs))} of cold starts away from users"
        )
