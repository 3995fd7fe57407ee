"""The page of a trend in a browser: quiet, accessible, on a phone, with what changed marked in its chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from report_runs import result, run
from trend_folders import write_history

from pytest_modal_bench.report.trend import html
from pytest_modal_bench.report.trend.points import trends
from pytest_modal_bench.report.trend.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_modal_bench.model import EndpointResult

    Open = Callable[..., Any]

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: tox run -e browser"
)
pytest.importorskip("jinja2")
pytestmark = pytest.mark.timeout(300)

RESULTS = [
    result(
        "Flux",
        warm_time_sec=2.0,
        cold_time_sec=40.0,
        cold_verified=False,
        cost_usd=0.002,
        deployed="v7, then",
    ),
    result("Wan 2.6", "Video", warm_time_sec=9.0, cold_time_sec=60.0, cold_verified=True),
    result("Chat", "LLM", warm_time_sec=3.0, ttft_sec=0.2),
    result("Gone", "LLM", status="skipped", skipped_reason="Missing: LoRA file"),
]


def _failing(each: EndpointResult, number: int) -> EndpointResult:
    fails = each.id == "wan-2.6" and number in (4, 5, 15)
    return structs.replace(each, status="failed", error="HTTP 500: boom", cause="killed") if fails else each


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("history")
    write_history(folder, run(RESULTS), 16, slower_from=9, slower="flux", changed=_failing)
    (folder / "broken.json").write_text("{")
    return rendered(folder)


def rendered(folder: Path) -> str:
    found = read(folder, 100)
    assert found is not None
    return html.render(found, trends(found))


def test_it_opens_quietly_and_marks_what_changed_at_which_run(opened: Open, page: str) -> None:
    seen = opened(page)

    assert seen.page.inner_text("h1") == "3 figures changed in 16 runs, 1 endpoint fails now"
    assert (seen.messages, seen.requests, seen.violations) == ([], [], [])
    assert seen.page.locator("#changes h3").all_inner_texts() == ["2026-10-29 13:05 (commit abc1230000)"]
    flux = seen.page.locator("article", has=seen.page.get_by_role("heading", name="Flux")).last
    assert flux.locator("figure").count() == 3
    assert flux.locator(".marker.change text").count() == 3
    assert flux.locator(".marker.commit").count() == 3
    assert flux.locator(".cold circle.hollow").count() == 16
    wan = seen.page.locator("article", has=seen.page.get_by_role("heading", name="Wan 2.6"))
    assert wan.locator(".warm .marker.failed").count() == 3
    assert wan.locator(".warm circle").count() == 13
    assert "failed: HTTP 500: boom" in wan.locator("table").first.inner_html()
    assert "broken.json: not a report of pytest-modal-bench" in seen.page.inner_text("#left-out")
    assert seen.dead_links == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Open, page: str, axe: str, scheme: str) -> None:
    assert opened(page, color_scheme=scheme).barriers(axe) == []


def test_on_a_phone_nothing_scrolls_sideways(opened: Open, page: str) -> None:
    seen = opened(page, viewport={"width": 360, "height": 740})
    seen.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_all_figures_are_filtered_and_sorted(opened: Open, page: str) -> None:
    seen = opened(page)
    seen.page.get_by_label("Filter").fill("chat ttft")
    playwright.expect(seen.page.locator("#figures output")).to_have_text("1 of 8 shown")
    seen.page.get_by_label("Filter").fill("")
    seen.page.locator("#figures th", has_text="Endpoint").get_by_role("button").click()
    names = seen.page.locator("#figures tbody th").all_inner_texts()
    assert names == sorted(names)


HIT = "window.hit=1"
ATTACKS = (
    f"<script>{HIT}</script>",
    f"</title></style></svg><script>{HIT}</script>",
    f'"><img src=x onerror="{HIT}">',
    f"' onmouseover='{HIT}' autofocus onfocus='{HIT}'",
    f"<svg onload={HIT}></svg>",
    f"javascript:{HIT}",
    "<base href=https://evil.example/><link rel=stylesheet href=x.css>",
)
OWN_ALONE = """() => document.querySelectorAll('script').length === 1
    && !document.querySelector('img, base, link, iframe')
    && [...document.querySelectorAll('*')].every(
        (each) => [...each.attributes].every((one) => !/^on|^style$/.test(one.name)))"""


def test_no_text_of_a_report_runs_anything(opened: Open, tmp_path: Path) -> None:
    results = [
        result(raw, raw, id=f"{number}{raw}", path=raw, warm_time_sec=2.0, deployed=raw)
        for number, raw in enumerate(ATTACKS)
    ]

    def other(each: EndpointResult, number: int) -> EndpointResult:
        if number == 2:
            return structs.replace(each, status="failed", error=each.endpoint)
        return structs.replace(each, deployed="v1") if number == 0 else each

    names = dict(zip(("workspace", "environment", "simulated"), ATTACKS, strict=False))
    write_history(tmp_path, run(results, **names), 4, changed=other)
    seen = opened(rendered(tmp_path))

    assert seen.page.evaluate(OWN_ALONE)
    assert seen.page.evaluate("window.hit") is None
    assert (seen.messages, seen.requests, seen.violations) == ([], [], [])
    assert ATTACKS[0] in seen.page.evaluate("document.body.textContent"), "they are shown as what they are"
