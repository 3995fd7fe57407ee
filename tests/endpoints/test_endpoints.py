"""The benchmark itself: one test per endpoint of the catalogue beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.plugin.fixtures import Measure


def test_endpoint(endpoint: Endpoint, measure_endpoint: Measure) -> None:
    result = measure_endpoint()
    assert result.path == endpoint.path
    assert all(sample.ok for sample in result.samples)
