"""A page that is open in a browser, and all that was not as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass
class Opened:
    """What `tests/browser` looks at."""

    page: Page
    messages: list[str] = field(default_factory=list)
    """Of the console, and errors that no one caught."""
    requests: list[str] = field(default_factory=list)
    """Everything that was asked for beside the page itself."""

    @property
    def violations(self) -> list[str]:
        """What the page's policy has forbidden."""
        found: list[str] = self.page.evaluate("window.violations")
        return found

    @property
    def dead_links(self) -> list[str]:
        """Targets of links that are nowhere on the page."""
        script = """[...new Set([...document.querySelectorAll('a')].map((each) => each.getAttribute('href')))]
            .filter((each) => !document.querySelector(each))"""
        found: list[str] = self.page.evaluate(script)
        return found

    @property
    def ids_that_stand_twice(self) -> int:
        """How many more elements have an id than there are ids."""
        script = "new Set([...document.querySelectorAll('[id]')].map((each) => each.id)).size"
        ids: int = self.page.evaluate(script)
        elements: int = self.page.locator("[id]").count()
        return elements - ids

    @property
    def headings(self) -> list[int]:
        """Their levels, in the order of the page."""
        script = "[...document.querySelectorAll('h1, h2, h3, h4, h5')].map((each) => Number(each.tagName[1]))"
        levels: list[int] = self.page.evaluate(script)
        return levels

    @property
    def beyond_the_window(self) -> list[str]:
        """Beginnings of texts and pictures that reach out of it to the right, but for those in boxes that scroll."""
        script = """() => [...document.querySelectorAll('h1, h2, h3, h4, p, dd, img, .figure')]
            .filter((each) => !each.closest('.scroll') && each.getBoundingClientRect().right > innerWidth + 1)
            .map((each) => each.outerHTML.slice(0, 100))"""
        found: list[str] = self.page.evaluate(script)
        return found

    def barriers(self, axe: str) -> list[tuple[str, str, str, int]]:
        """What axe-core finds with everything unfolded that keeps people from using the page, and how often."""
        self.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        self.page.evaluate(f"{axe}; undefined")
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            (each["id"], first["html"][:200], first["failureSummary"][:300], len(each["nodes"]))
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for first in each["nodes"][:1]
        ]

    def column(self, name: str) -> list[str]:
        """Return the texts of a column of the table of all calls, of the rows that are shown."""
        script = """(name) => { const table = document.querySelector('#samples table');
            const at = [...table.tHead.rows[0].cells].findIndex((each) => each.textContent.trim() === name);
            return [...table.tBodies[0].rows].filter((row) => !row.hidden)
                .map((row) => row.cells[at].textContent); }"""
        found: list[str] = self.page.evaluate(script, name)
        return found
