"""The HTML report of whole runs, as people get it: opened in a browser, looked at, sorted, filtered, on a phone."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from page_runs import everything
from report_runs import run

from pytest_modal_bench.report.html import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opened_page import Opened

    from pytest_modal_bench.model import Run

    Open = Callable[..., Opened]

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: tox run -e browser"
)
pytest.importorskip("jinja2")
pytest.importorskip("fastapi")
pytestmark = pytest.mark.timeout(600)

LOCAL = {
    "healthy": ("--modal-bench-scenario=instrumented",),
    "reference": ("--modal-bench-scenario=reference",),
    "shapes": ("--modal-bench-catalogue=shapes",),
}
"""Real runs on the local workspace, each made once."""
MADE: dict[str, Callable[[], Run]] = {
    "empty": run,
    "everything": everything,
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Return what gives the page of a run by its name."""
    made: dict[str, str] = {}
    with ThreadPoolExecutor(len(LOCAL)) as pool:
        # All at once, as each waits for the next one otherwise.
        runs = {
            name: pool.submit(_of_local_run, tmp_path_factory.mktemp(name), *options)
            for name, options in LOCAL.items()
        }

        def page_of(name: str) -> str:
            if name not in made:
                made[name] = runs[name].result() if name in runs else page.render(MADE[name]())
            return made[name]

        yield page_of


def _of_local_run(folder: Path, *options: str) -> str:
    """Run the benchmark as its users do, and return the page that lies there by default."""
    command = [sys.executable, "-m", "pytest", "--modal-bench", "--modal-bench-workspace=local"]
    command += ["--modal-bench-rounds=2", "--modal-bench-time-scale=0.002"]
    command += ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:rerunfailures"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    report = folder / "modal-bench-report.html"
    assert report.exists(), done.stdout + done.stderr
    return report.read_text("utf-8")


@pytest.mark.parametrize("name", [*LOCAL, *MADE])
def test_it_opens_quietly_asks_for_nothing_and_says_the_verdict_first(
    opened: Open, pages: Callable[[str], str], name: str
) -> None:
    seen = opened(pages(name))
    expected = {
        "healthy": "All 21 endpoints passed",
        "reference": "7 of 21 endpoints failed",
        "shapes": "All 26 endpoints passed",
        "empty": "This run has no endpoints",
        "everything": "1 of 9 endpoints failed",
    }

    assert seen.page.inner_text("h1") == expected[name]
    seen.page.mouse.wheel(0, 100_000)
    seen.page.wait_for_load_state("networkidle")
    assert (seen.messages, seen.requests, seen.violations) == ([], [], [])
    broken = seen.page.evaluate("[...document.images].filter((image) => image.naturalWidth === 0).length")
    assert broken == 0, "pictures that cannot be decoded"
    assert seen.ids_that_stand_twice == 0
    assert seen.dead_links == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*LOCAL, *MADE])
def test_axe_finds_nothing_serious(
    opened: Open, pages: Callable[[str], str], axe: str, name: str, scheme: str
) -> None:
    assert opened(pages(name), color_scheme=scheme).barriers(axe) == []


@pytest.mark.parametrize("name", [*LOCAL, *MADE])
def test_on_a_phone_nothing_scrolls_sideways_but_the_tables_in_their_boxes(
    opened: Open, pages: Callable[[str], str], name: str
) -> None:
    seen = opened(pages(name), viewport={"width": 360, "height": 740})

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert seen.beyond_the_window == []


def number(text: str) -> float:
    return float(text.strip("?~>* "))


def test_the_calls_are_sorted_by_any_column_with_mouse_and_keyboard(
    opened: Open, pages: Callable[[str], str]
) -> None:
    seen = opened(pages("healthy"))
    header = seen.page.locator("#samples th", has_text="Seconds")
    before = seen.column("Seconds")

    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    ascending = [number(text) for text in seen.column("Seconds")]
    assert ascending == sorted(map(number, before))
    assert ascending != list(map(number, before))

    header.get_by_role("button").focus()
    seen.page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert [number(text) for text in seen.column("Seconds")] == ascending[::-1]

    seen.page.keyboard.press("Shift+Tab")
    seen.page.keyboard.press("Space")
    assert seen.page.locator("#samples th[aria-sort]").all_inner_texts() == ["Result"]
    assert not seen.messages


def test_what_is_unknown_is_sorted_to_the_end_either_way(opened: Open) -> None:
    seen = opened(page.render(everything()))
    button = seen.page.locator("#samples th", has_text="Cost ($)").get_by_role("button")
    for _ in range(2):
        button.click()
        known = [text != "-" for text in seen.column("Cost ($)")]
        assert known == sorted(known, reverse=True)
        assert not all(known)


def test_the_calls_are_filtered_by_words_and_counted(opened: Open, pages: Callable[[str], str]) -> None:
    seen = opened(pages("healthy"))
    total = len(seen.column("Start"))
    count = seen.page.locator("#samples output")
    assert count.inner_text() == f"{total} of {total} shown"

    seen.page.get_by_label("Filter").fill("WAN cold")
    playwright.expect(count).to_have_text(re.compile(r"^[1-9] of"))

    assert set(seen.column("Start")) == {"cold"}
    assert all("wan" in name.lower() for name in seen.column("Endpoint"))
    assert count.inner_text() == f"{len(seen.column('Start'))} of {total} shown"

    seen.page.get_by_label("Filter").fill("")
    playwright.expect(count).to_have_text(f"{total} of {total} shown")


def test_without_scripts_all_of_it_is_there(opened: Open, pages: Callable[[str], str]) -> None:
    seen = opened(pages("healthy"), java_script_enabled=False)

    assert seen.page.locator("#samples tbody tr").count() > 60
    assert seen.page.locator("#samples button").count() == 0, "what does nothing is not offered"
    assert not seen.page.locator("#samples input").is_visible()
    assert seen.page.locator("#results circle").count() > 60


def test_the_skip_link_is_the_first_stop_and_leads_to_the_results(
    opened: Open, pages: Callable[[str], str]
) -> None:
    seen = opened(pages("reference"))
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the results"
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", [*LOCAL, *MADE])
def test_headings_come_in_order(opened: Open, pages: Callable[[str], str], name: str) -> None:
    levels = opened(pages(name)).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_on_paper_what_is_folded_and_what_scrolls_is_there(opened: Open) -> None:
    seen = opened(page.render(everything()))
    seen.page.emulate_media(media="print")
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert seen.page.locator("details:not([open])").count() == 0
    assert not seen.page.locator("nav").is_visible()
    assert (
        seen.page.evaluate("getComputedStyle(document.querySelector('#samples .scroll')).overflow")
        == "visible"
    )
    assert len(seen.page.pdf()) > 10_000


def test_twenty_one_endpoints_with_pictures_are_less_than_two_mebibytes(pages: Callable[[str], str]) -> None:
    text = pages("healthy")
    assert text.count("data:image/webp;base64,") >= 21
    assert len(text.encode()) < 2 * 2**20
