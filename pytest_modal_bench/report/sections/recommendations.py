"""Advice computed from this run: what it is worth in seconds or dollars, and left out where noise explains it."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.model.series import series
from pytest_modal_bench.report.escape import NAME_LIMIT, text
from pytest_modal_bench.report.figures.noise import CLEAR, clearly_less
from pytest_modal_bench.report.figures.pairs import clear_pairs
from pytest_modal_bench.report.figures.units import cost, doubted, seconds
from pytest_modal_bench.report.figures.warm_pools import warm_pools
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.report.sections import warm_pools as pools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Run

    _Name = Callable[[EndpointResult], str]

_FEWEST = 3
"""Warm calls of an endpoint that is compared with another."""

_MOST_CHOICES = 2
"""Categories in which one endpoint is advised instead of another."""


def recommendations(run: Run) -> str:
    """Return numbered sentences of markdown, the most useful first, and what a warm pool costs in a fold."""
    measured = [result for result in run.results if result.status == "success"]
    labels = Labels(run.results)

    def name(result: EndpointResult) -> str:
        return text(labels.name(result), NAME_LIMIT) or "-"

    sentences = [
        *(pools.advice(run) if warm_pools(run) else _keep_warm(measured, name)),
        *_instead(measured, name, in_dollars=run.simulated is None),
        *_boot_or_load(measured, name),
    ]
    numbered = "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, start=1))
    return "\n\n".join(filter(None, [numbered, pools.costs_of_warmth(run)]))


def _keep_warm(results: Sequence[EndpointResult], name: _Name) -> Iterator[str]:
    """What a warm container is worth in seconds, where its price is not known."""
    if pairs := clear_pairs(results):
        best = max(pairs, key=attrgetter("saved"))
        mark = partial(doubted, proven=best.result.cold_verified)
        yield (
            f"**Keep a container of {name(best.result)} warm** where calls come further apart than its scaledown"
            f" window - each saves {mark(f'{seconds(best.saved)}s')}: {seconds(best.warm)}s warm,"
            f" {mark(f'{seconds(best.cold)}s')} cold"
        )


def _instead(results: Sequence[EndpointResult], name: _Name, *, in_dollars: bool) -> Iterator[str]:
    """The fastest endpoint of a category instead of the slowest, if both make pictures of the same size of the same."""
    groups: dict[object, list[EndpointResult]] = {}
    for result in results:
        media = result.media
        if media is not None and media.kind in ("image", "video") and media.width is not None:
            what = (result.category, result.needs, media.kind, media.width, media.height, media.frames)
            groups.setdefault(what, []).append(result)
    choices = []
    for group in groups.values():
        timed = [result for result in group if len(series(result, "warm").times) >= _FEWEST]
        ordered = sorted(timed, key=lambda result: median(series(result, "warm").times))
        if len(ordered) > 1:
            fast, slow = (series(result, "warm").times for result in (ordered[0], ordered[-1]))
            if clearly_less(fast, slow):
                choices.append((median(slow) - median(fast), ordered[0], ordered[-1]))
    choices.sort(key=lambda choice: -choice[0])
    for saved, fast_one, slow_one in choices[:_MOST_CHOICES]:
        yield (
            f"**Use {name(fast_one)} instead of {name(slow_one)}** where its pictures will do - a warm call takes"
            f" {seconds(saved)}s less ({seconds(fast_one.warm_time_sec)}s, not {seconds(slow_one.warm_time_sec)}s)"
            f"{_cheaper(fast_one, slow_one) if in_dollars else ''}"
        )


def _cheaper(one: EndpointResult, other: EndpointResult) -> str:
    """What choosing `one` is worth in dollars, where both costs are known in the same way."""
    if one.cost_usd is None or other.cost_usd is None or one.cost_basis != other.cost_basis:
        return ""
    saved = other.cost_usd - one.cost_usd
    amount = cost(abs(saved), one.cost_basis)
    return f" and costs {amount} USD {'less' if saved >= 0 else 'more'}"


def _boot_or_load(results: Sequence[EndpointResult], name: _Name) -> Iterator[str]:
    """Where the most of a cold start can be saved: only where one of its two parts is clearly the larger."""
    known = [
        (boot_sec, result.load_sec, result)
        for result in results
        if result.load_sec is not None and (boot_sec := _boot_sec(result)) is not None
        if max(boot_sec, result.load_sec) >= CLEAR * min(boot_sec, result.load_sec)
    ]
    if not known:
        return
    boot_sec, load_sec, result = max(known, key=lambda each: max(each[:2]))
    mark = partial(doubted, proven=result.cold_verified)
    boot, load = (mark(f"{seconds(part)}s") for part in (boot_sec, load_sec))
    if load_sec > boot_sec:
        yield (
            f"**Load {name(result)}'s model sooner** - up to about {load} of its cold start are load (boot: {boot}):"
            " load it before the first request, or restore it from a memory snapshot"
        )
    else:
        yield (
            f"**Make {name(result)}'s container lighter** - up to {boot} of its cold start are boot (load: about"
            f" {load}): a smaller image and fewer imports start sooner"
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
