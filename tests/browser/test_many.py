"""The page of a thousand endpoints: it stays usable."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from page_runs import many

from pytest_modal_bench.report.html import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from opened_page import Opened

    Open = Callable[..., Opened]

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: tox run -e browser"
)
pytest.importorskip("jinja2")
pytestmark = pytest.mark.timeout(600)

OPENS_IN_SEC = 2.0
RENDERS_IN_SEC = 5.0
_PATIENCE = 4
"""Times as long as that, where other work holds the processor."""


@pytest.fixture(scope="module")
def text() -> str:
    return page.render(many(1000))


def test_it_opens_quietly_asks_for_nothing_and_says_the_verdict_first(opened: Open, text: str) -> None:
    seen = opened(text)

    assert seen.page.inner_text("h1") == "100 of 1000 endpoints failed"
    seen.page.mouse.wheel(0, 100_000)
    seen.page.wait_for_load_state("networkidle")
    assert (seen.messages, seen.requests, seen.violations) == ([], [], [])
    assert seen.ids_that_stand_twice == 0
    assert seen.dead_links == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Open, text: str, axe: str, scheme: str) -> None:
    seen = opened(text, color_scheme=scheme)
    # A thousand endpoints repeat what twenty show; axe would take minutes to look at each of their cells.
    for many_alike in (".category", "#samples tbody tr", "#costs tbody tr", ".messages > li"):
        seen.page.evaluate(
            "(all) => [...document.querySelectorAll(all)].slice(8).forEach((each) => each.remove())",
            many_alike,
        )
    assert seen.barriers(axe) == []


def test_on_a_phone_nothing_scrolls_sideways_but_the_tables_in_their_boxes(opened: Open, text: str) -> None:
    seen = opened(text, viewport={"width": 360, "height": 740})

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert seen.beyond_the_window == []


def test_headings_come_in_order(opened: Open, text: str) -> None:
    levels = opened(text).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_thousand_endpoints_are_rendered_and_opened_in_seconds(opened: Open) -> None:
    begun = time.process_time()
    text = page.render(many(1000))
    assert time.process_time() - begun < RENDERS_IN_SEC

    # Other work may hold the processor for a while: the best of a few is what the page takes.
    took = []
    for _ in range(_PATIENCE):
        begun = time.monotonic()
        seen = opened(text)
        playwright.expect(seen.page.locator("#samples output")).to_have_text("5000 of 5000 shown")
        took.append(time.monotonic() - begun)
        if took[-1] < OPENS_IN_SEC:
            break
    assert min(took) < OPENS_IN_SEC, took

    button = seen.page.locator("#samples th", has_text="Seconds").get_by_role("button")
    button.click()
    seen.page.get_by_label("Filter").fill("endpoint 77")
    playwright.expect(seen.page.locator("#samples output")).to_have_text("95 of 5000 shown")
    assert all("77" in name for name in seen.column("Endpoint"))
