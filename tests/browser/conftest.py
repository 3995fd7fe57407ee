"""A real Chromium, driven by playwright, for tests that open pages; they skip where either is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from opened_page import Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Route

_WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(`${event.effectiveDirective} ${event.sample}`));
"""


# Not for the whole session: while playwright is open an event loop runs in this thread, and no test can start another.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: tox run -e browser")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium on PATH: on Debian, apt-get install chromium")
    with api.sync_playwright() as playwright:
        # As root, as in a container, it does not start with its sandbox; the pages are the tests' own.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Return what opens a page's text from a file, in a window of its own."""
    contexts: list[BrowserContext] = []

    def open_page(text: str, **window: Any) -> Opened:
        file = tmp_path / f"page-{len(contexts)}.html"
        file.write_text(text, "utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | window)
        contexts.append(context)
        seen = Opened(context.new_page())

        def intercept(route: Route) -> None:
            if route.request.url == file.as_uri():
                route.continue_()
            else:
                seen.requests.append(route.request.url)
                route.abort()

        context.route(re.compile(""), intercept)
        seen.page.add_init_script(_WATCH)
        seen.page.on("console", lambda message: seen.messages.append(message.text))
        seen.page.on("pageerror", lambda error: seen.messages.append(str(error)))
        seen.page.goto(file.as_uri())
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the script of axe-core, which looks for what keeps people from using a page."""
    if not shutil.which("npm"):
        pytest.skip("npm, which axe-core comes from, is not on PATH")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(
        ["npm", "pack", "--silent", "axe-core@4.14"],  # noqa: S607 - whichever npm is on PATH
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm cannot fetch axe-core: {done.stderr.strip()[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()
