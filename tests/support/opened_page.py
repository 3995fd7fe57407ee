"""A page that is open in a browser, and all that was not as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
