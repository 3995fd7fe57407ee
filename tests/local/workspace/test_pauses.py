from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.local.workspace.pauses import Pauses

TEN = Pauses(every=10, sec=2)


@pytest.mark.parametrize(
    ("begin", "work", "end"),
    [
        (3, 4, 7),  # between two pauses
        (1, 4, 6),  # begun in one
        (0, 0, 2),
        (9, 4, 15),  # interrupted by one
        (9, 12, 25),  # by two
        (25, 0, 25),
    ],
)
def test_no_work_is_done_in_a_pause(begin: float, work: float, end: float) -> None:
    assert TEN.end(begin, work) == pytest.approx(end)


@given(begin=st.floats(0, 1e5), work=st.floats(0, 1e3), every=st.floats(0.1, 100), share=st.floats(0.01, 0.9))
def test_work_takes_its_time_and_whole_pauses_besides(
    begin: float, work: float, every: float, share: float
) -> None:
    pauses = Pauses(every=every, sec=every * share)
    end = pauses.end(begin, work)
    paused = end - begin - work
    assert paused >= -1e-6
    cycles = (end - begin) / every
    assert paused <= (cycles + 1) * pauses.sec + 1e-6


def test_they_scale_with_time() -> None:
    assert TEN.scaled(0.1) == Pauses(every=1, sec=0.2)


def test_a_pause_must_end() -> None:
    with pytest.raises(ValueError, match="must be less than"):
        Pauses(every=2, sec=2)
