from __future__ import annotations

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.streaming.figures import figures
from pytest_modal_bench.model import Streamed

moments = st.lists(st.floats(0, 1000), min_size=1, max_size=80).map(sorted)


def test_without_outputs_there_are_no_times() -> None:
    assert figures([], output_tokens=3) == Streamed(output_tokens=3)


@given(moments)
def test_times_between_outputs_are_in_order(arrived_sec: list[float]) -> None:
    times = figures(arrived_sec)

    assert (times.ttft_sec, times.chunks) == (arrived_sec[0], len(arrived_sec))
    if len(arrived_sec) == 1:
        assert (times.itl_sec, times.itl_p95_sec, times.itl_max_sec) == (None, None, None)
    else:
        assert times.itl_sec is not None
        assert times.itl_p95_sec is not None
        assert times.itl_max_sec is not None
        assert 0 <= times.itl_sec <= times.itl_p95_sec <= times.itl_max_sec


@given(moments.filter(lambda each: len(each) > 2))
def test_the_95th_percentile_is_that_of_the_standard_library(arrived_sec: list[float]) -> None:
    gaps = [later - earlier for earlier, later in pairwise(arrived_sec)]

    expected = statistics.quantiles(gaps, n=20, method="inclusive")[-1]

    assert figures(arrived_sec).itl_p95_sec == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arrived_sec", "tokens", "expected"),
    [
        ([1.0, 2.0, 3.0], 21, 10.0),
        ([1.0, 2.0, 3.0], None, None),
        ([1.0, 2.0, 3.0], 1, None),
        ([1.0], 21, None),
        ([1.0, 1.0], 21, None),
    ],
)
def test_tokens_a_second_need_tokens_and_time(
    arrived_sec: list[float], tokens: int | None, expected: float | None
) -> None:
    assert figures(arrived_sec, output_tokens=tokens).tokens_per_sec == expected
