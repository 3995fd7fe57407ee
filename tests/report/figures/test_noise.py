from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.report.figures.noise import CLEAR, clearly_less

TIMES = st.lists(st.floats(0.001, 1000), min_size=1, max_size=5)


def test_times_differ_clearly_where_they_neither_overlap_nor_lie_near() -> None:
    assert clearly_less([1.0, 1.1], [2.0, 2.2])
    assert not clearly_less([1.0, 1.1], [1.2, 1.3]), "by less than medians of runs differ"
    assert not clearly_less([1.0, 2.1], [2.0, 9.0]), "one of them is above one of the others"
    assert not clearly_less([], [1.0])
    assert not clearly_less([1.0], [])


@given(TIMES, TIMES)
def test_no_times_are_clearly_less_than_ones_that_are_clearly_less(
    some: list[float], others: list[float]
) -> None:
    assert not (clearly_less(some, others) and clearly_less(others, some))
    assert not clearly_less(some, some)


@given(TIMES)
def test_the_same_times_a_few_per_cent_longer_are_not_clearly_more(times: list[float]) -> None:
    assert not clearly_less(times, [each * (CLEAR - 0.01) for each in times])
