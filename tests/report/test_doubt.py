"""A question mark on all that comes from a cold start that nothing proves.

No list of places: two runs are rendered that differ in their unproven cold time alone, and every word in which the two
texts differ must have the mark, or stand in a line that says `unverified`.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from report_runs import result, run, sample, streamed

from pytest_modal_bench.gate.budgets import checks
from pytest_modal_bench.model import Budget, Check, Job, Level
from pytest_modal_bench.report import comment, comparison, markdown
from pytest_modal_bench.report.html import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.model import EndpointResult, Run

_FIGURE = re.compile(r"[-+~]?\d[\d.,]*[%sx]?")


def measured(
    name: str, cold: float, warm: float, *, proof: str | None, category: str = "Flux"
) -> EndpointResult:
    job = Job(submit_sec=cold / 10, waiting_sec=cold / 2, delivery_sec=cold / 5, asked=9)
    samples = [
        sample(
            "cold",
            cold,
            proof=proof,
            stream=streamed(cold / 2),
            job=job,
            cost_usd=0.03,
            cost_basis="estimated",
            execution_sec=cold * 0.9,
        ),
        *(
            sample("warm", warm, cost_usd=0.002, cost_basis="estimated", execution_sec=warm * 0.9)
            for _ in range(3)
        ),
    ]
    one = result(
        name,
        category,
        cold_time_sec=cold,
        warm_time_sec=warm,
        cold_ttft_sec=cold / 2,
        cold_verified=proof is not None,
        load_sec=0.9 * (cold - warm),
        cold_cost_usd=cold / 1000,
        cold_cost_basis="estimated",
        cost_usd=0.002,
        cost_basis="estimated",
        samples=samples,
        pool=name,
        container_usd_per_sec=0.0005,
        scaledown_window_sec=60.0,
    )
    one.checks = checks(one, Budget(max_cold=Level(warn=10, fail=500)), cold_due=True)
    one.verdict = "WARN"
    return one


def a_run(scale: float, *, proof: str | None, **fields: Any) -> Run:
    results = [
        measured("Flux", 31.1 * scale, 2.1, proof=proof),
        measured("Wan", 53.3 * scale, 9.7, proof=proof, category="Video"),
    ]
    moved = Check(
        metric="cold",
        against="baseline",
        verdict="FAIL",
        message="cold",
        value=31.1 * scale,
        limit=1.2,
        ratio=1.3 * scale,
        p=0.01,
    )
    results[0].checks.append(moved)
    return run(results, verdict="WARN", **fields)


def shown_on_page(given_run: Run) -> str:
    """Return the words of the HTML report, a piece of text a line; an axis has round numbers, and no figures."""
    text = re.sub(
        r'<(style|script).*?</\1>|<div class="axis.*?</div>', "", page.render(given_run), flags=re.DOTALL
    )
    words = html.unescape(re.sub(r"<[^>]*>", "\n", text.replace("\n", " ")))
    return "\n".join(line for line in words.splitlines() if line.strip())


RENDERERS = {
    "html": shown_on_page,
    "markdown": markdown.render,
    "markdown with traffic": lambda run_: markdown.render(structs.replace(run_, traffic_per_hour=30)),
    "comment": comment.render,
    "compare": lambda run_: comparison.render(a_run(1.7, proof="proven"), run_),
}


def changing(texts: list[str]) -> list[tuple[str, str]]:
    """Words in which two texts differ, each with its line."""
    lines = [text.splitlines() for text in texts]
    assert len(lines[0]) == len(lines[1]), "the runs are to differ in their figures alone"
    words = [
        (word, line)
        for line, other in zip(*lines, strict=True)
        for word, its in zip(line.split(), other.split(), strict=True)
        if word != its
    ]
    assert len(words) >= 3
    return words


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_every_figure_that_an_unproven_cold_start_changes_has_a_question_mark(
    render: Callable[[Run], str],
) -> None:
    differing = changing([render(a_run(scale, proof=None)) for scale in (1.0, 1.13)])
    assert [word for word, line in differing if "?" not in word and "unverified" not in line] == []


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_none_has_one_where_every_cold_start_is_proven(render: Callable[[Run], str]) -> None:
    text = render(a_run(1.0, proof="proven"))
    assert [word for word in re.findall(r"\S+", text) if "?" in word and _FIGURE.search(word)] == []
