"""The one test of a catalogue that no test of the user's asks for. Not named like a test, since it is none of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.model import EndpointResult


def test_endpoint(measure_endpoint: Callable[[], EndpointResult]) -> None:
    """The endpoint answers each of its calls."""
    measure_endpoint()
