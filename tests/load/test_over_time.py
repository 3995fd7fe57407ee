from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.load.over_time import MOST_MOMENTS, concurrency, end_of, moments
from pytest_modal_bench.model import LoadCall

sixteenths = st.integers(0, 200).map(lambda each: each / 16)
"""Sums of them are exact."""


def call(at: float, elapsed: float, **fields: Any) -> LoadCall:
    return LoadCall(**{"meant_sec": at, "began_sec": at, "elapsed_sec": elapsed, "ok": True} | fields)


any_call = st.builds(
    call,
    sixteenths,
    st.integers(1, 100).map(lambda each: each / 16),
    ok=st.booleans(),
    under_way=st.booleans(),
)
any_calls = st.lists(any_call, max_size=15)


def test_a_call_that_begins_as_another_ends_is_not_beside_it() -> None:
    assert concurrency([call(0.0, 2.0), call(2.0, 2.0)], 0.0, 4.0) == (1.0, 1)
    assert concurrency([call(0.0, 2.0), call(1.5, 2.5)], 0.0, 4.0) == (4.5 / 4, 2)


def test_what_lies_before_or_after_is_not_counted() -> None:
    before, across, after = call(0.0, 1.0), call(0.5, 9.0), call(3.0, 1.0)

    assert concurrency([before, across, after], 1.0, 3.0) == (1.0, 1)
    assert concurrency([before, after], 1.0, 3.0) == (0.0, 0)


@settings(max_examples=50)
@given(any_calls, sixteenths, st.integers(1, 100).map(lambda each: each / 16))
def test_it_is_what_whoever_looks_at_each_moment_sees(
    calls: list[LoadCall], begin: float, length: float
) -> None:
    end = begin + length
    looks = [begin + (number + 0.5) / 16 for number in range(int(length * 16))]
    seen = [sum(each.began_sec < at < end_of(each) for each in calls) for at in looks]
    found = concurrency(calls, begin, end)

    assert found.most == max(seen)
    assert found.mean == pytest.approx(sum(seen) / len(seen))


@settings(max_examples=80)
@given(st.floats(1e-3, 1e6))
def test_a_step_is_cut_into_stretches_of_one_round_length_and_few_enough_of_them(took_sec: float) -> None:
    ends = [each.at_sec for each in moments([], took_sec)]
    lengths = [later - earlier for earlier, later in pairwise([0.0, *ends])]

    assert ends[-1] == took_sec
    assert ends == sorted(set(ends))
    assert len(ends) <= MOST_MOMENTS
    if len(lengths) > 1:
        assert f"{lengths[0]:.5e}"[:7] in {"1.00000", "2.00000", "5.00000"}
        assert lengths[1:-1] == pytest.approx([lengths[0]] * (len(lengths) - 2))
        assert lengths[-1] <= lengths[0] * (1 + 1e-9)


@settings(max_examples=50)
@given(any_calls)
def test_every_call_that_ended_is_in_one_stretch_and_those_cut_off_in_none(calls: list[LoadCall]) -> None:
    took_sec = max([1.0, *map(end_of, calls)])
    found = moments(calls, took_sec)
    ended = [each for each in calls if not each.under_way]
    begins = [0.0, *(each.at_sec for each in found)]

    assert sum(each.answered for each in found) == sum(each.ok for each in ended)
    assert sum(each.failed for each in found) == sum(not each.ok for each in ended)
    for begin, each in zip(begins, found, strict=False):
        is_last = each is found[-1]
        own = [one for one in ended if begin <= end_of(one) and (end_of(one) < each.at_sec or is_last)]
        assert each.answered + each.failed == len(own)
        assert (each.under_way, each.under_way_max) == concurrency(calls, begin, each.at_sec)


def test_containers_are_those_that_had_answered_by_then_and_unknown_where_nobody_says_so() -> None:
    found = moments([], 60.0, container_since=[0.5, 2.0, 30.0])

    assert [found[number].containers for number in (0, 1, 28, 29, 59)] == [1, 2, 2, 3, 3]
    assert {each.containers for each in moments([], 60.0)} == {None}


def test_the_control_planes_last_word_holds_until_its_next_one() -> None:
    found = moments([], 60.0, pool=[(2.0, 1), (2.5, 4), (30.0, 0)])

    assert [found[number].pool for number in (0, 1, 2, 28, 29, 59)] == [None, 1, 4, 4, 0, 0]


def test_a_step_that_took_no_time_has_no_stretches() -> None:
    assert moments([], 0.0) == ()
