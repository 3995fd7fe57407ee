"""The test of a catalogue that is collected by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.plugin.fixtures import Measure


def test_endpoint(measure_endpoint: Measure) -> None:
    """The endpoint answers each of its calls."""
    measure_endpoint()
