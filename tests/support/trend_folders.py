"""Folders of reports for the tests of trends: the same run many times, with a little noise, and a step at a commit."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.report.json import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_modal_bench.model import EndpointResult, Run

BEGUN = datetime(2026, 10, 20, 13, 5, tzinfo=UTC)
BEFORE, AFTER = "9f1c2ab7d0e4" + "0" * 28, "abc1230000aa" + "0" * 28
STEP = 1.31
FIGURES = ("cold_time_sec", "warm_time_sec", "ttft_sec", "cost_usd")


def write_history(  # noqa: PLR0913 - what a history is made of
    folder: Path,
    run: Run,
    runs: int = 12,
    *,
    slower_from: int | None = None,
    slower: str = "",
    changed: Callable[[EndpointResult, int], EndpointResult] = lambda result, _: result,
) -> None:
    """Write `run` so often, a day apart; from `slower_from` on there is another commit, and `slower` takes longer.

    `changed` may make another result of each, by the number of the run.
    """
    folder.mkdir(exist_ok=True)
    noise = random.Random(12)
    for number in range(runs):
        late = slower_from is not None and number >= slower_from
        results = [
            changed(_varied(each, noise, STEP if late and each.id == slower else 1.0), number)
            for each in run.results
        ]
        when = f"{BEGUN + timedelta(days=number):%Y-%m-%dT%H:%M:%SZ}"
        written = structs.replace(run, timestamp=when, commit=AFTER if late else BEFORE, results=results)
        # Names that do not sort as the times do: what counts is when a run began.
        (folder / f"{(number * 7) % runs:03}.json").write_text(render(written), "utf-8")


def _varied(result: EndpointResult, noise: random.Random, step: float) -> EndpointResult:
    given = {name: value for name in FIGURES if (value := getattr(result, name))}
    return structs.replace(
        result, **{name: value * step * noise.uniform(0.97, 1.03) for name, value in given.items()}
    )
