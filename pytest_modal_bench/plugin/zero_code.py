"""The tests of a catalogue that no test of the user's asks for. Not named like a test, since they are none of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.model import EndpointResult


def test_under_load(put_under_load: Callable[[], EndpointResult]) -> None:
    """The endpoint keeps its budgets under load."""
    put_under_load()


def test_endpoint(measure_endpoint: Callable[[], EndpointResult]) -> None:
    """The endpoint answers each of its calls."""
    measure_endpoint()
