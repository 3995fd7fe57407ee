"""The benchmark itself: one test per endpoint of the catalogue beside it, and one under load where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.plugin.fixtures import Measure
    from pytest_modal_bench.plugin.under_load import PutUnderLoad


def test_endpoint(endpoint: Endpoint, measure_endpoint: Measure) -> None:
    result = measure_endpoint()
    assert result.path == endpoint.path
    assert all(sample.ok for sample in result.samples)


def test_under_load(endpoint: Endpoint, put_under_load: PutUnderLoad) -> None:
    result = put_under_load()
    assert result.path == endpoint.path
    assert result.load is not None
