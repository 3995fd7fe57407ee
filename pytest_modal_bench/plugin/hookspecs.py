"""Hooks that a user's conftest.py or plugin may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import EndpointResult, Run


@pytest.hookspec
def pytest_modal_bench_result(config: pytest.Config, result: EndpointResult) -> None:
    """Called in the controlling process each time an endpoint's result is settled.

    A rerun of its test calls it again with the newer result.
    """


@pytest.hookspec
def pytest_modal_bench_finish(config: pytest.Config, run: Run, reports: list[Path]) -> None:
    """Called once in the controlling process when the run is over and its reports are written."""
