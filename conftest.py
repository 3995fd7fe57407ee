"""pytester, for the project's own tests; with --modal-bench they are not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_TESTS = Path(__file__).parent / "tests"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What takes minutes and needs the network is asked for; `tox run` does."""
    parser.addoption(
        "--run-slow", action="store_true", help="run the tests that build and install packages, too"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A benchmark of this checkout's endpoints needs nothing of what the project's own tests need."""
    own = collection_path.is_relative_to(_TESTS) and not collection_path.is_relative_to(_TESTS / "endpoints")
    own = own and collection_path != _TESTS
    return True if own and config.pluginmanager.hasplugin("modal-bench-collection") else None
