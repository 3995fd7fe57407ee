"""Pages and links: a reader gets from each to the next, and finds the way in at most two clicks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from documents import ALL, anchors, links, name
from project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOORS = {
    "gate my deploys": "docs/how-to/gate-deploys.md",
    "prove a cold start": "docs/how-to/cold-starts.md",
    "measure a stream": "docs/how-to/streams.md",
    "add a check of my own": "docs/how-to/own-checks.md",
}


@pytest.mark.parametrize("page", ALL, ids=name)
def test_links_lead_to_pages_and_headings_that_there_are(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


@pytest.mark.parametrize("front", ["README.md", "docs/index.md"])
def test_the_front_page_says_where_to_go_for_what_people_come_for(front: str) -> None:
    text = (ROOT / front).read_text("utf-8")
    for wish, page in DOORS.items():
        (line,) = [line for line in text.splitlines() if line.startswith("|") and wish in line]
        (link,) = re.findall(r"\]\(([^)]+)\)", line)
        assert ((ROOT / front).parent / link).resolve() == ROOT / page


def test_every_page_is_reached_from_the_front_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    listed = {line for line in index.splitlines() if re.fullmatch(r"[\w-]+/[\w-]+", line)}
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in ROOT.glob("docs/*/*.md")}
    assert listed == pages


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120
