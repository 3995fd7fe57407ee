from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, sample

from pytest_modal_bench.gate.doubts import doubts


@pytest.mark.parametrize(
    ("fields", "doubt"),
    [
        ({"status": "skipped", "skipped_reason": "Missing: test image"}, "Missing: test image"),
        ({"status": "not_run", "skipped_reason": "the limit is reached"}, "the limit is reached"),
        ({"cold_verified": False}, "cold start unverified: nothing proves that it met a new container"),
        ({"cold_inconclusive": "1 container left"}, "cold inconclusive: 1 container left"),
        (
            {"warm_inconclusive": "2 of 3 warm calls: it moved"},
            "warm inconclusive: 2 of 3 warm calls: it moved",
        ),
        ({"cached": "2 answers of 3 with the same bytes"}, "cached: 2 answers of 3 with the same bytes"),
        ({"misfits": ["no such field"]}, "no such field"),
    ],
)
def test_what_passes_and_is_doubtful(fields: dict[str, Any], doubt: str) -> None:
    assert list(doubts(result(**fields))) == [doubt]


def test_an_answer_that_could_not_be_checked_is_doubtful_where_it_counts() -> None:
    line = "answer not checked: no decoder for PDF"

    assert list(doubts(result(samples=[sample(unchecked=line), sample(), sample()]))) == [line]
    assert list(doubts(result(samples=[sample(unchecked=line, dropped="another container"), sample()]))) == []
    assert list(doubts(result(samples=[sample(unchecked=line, ok=False), sample()]))) == []


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cold_verified": True},
        {"cold_verified": None},
        {"notes": ["declared image/png, is text"]},
        {"retaken": 2},
    ],
    ids=str,
)
def test_what_is_beyond_doubt(fields: dict[str, Any]) -> None:
    assert list(doubts(result(**fields))) == []


@given(
    verified=st.sampled_from([True, False, None]),
    cached=st.none() | st.text(),
    cold=st.none() | st.text(),
    misfits=st.lists(st.text(), max_size=3),
)
def test_each_doubt_is_a_line_of_its_own(
    verified: bool | None, cached: str | None, cold: str | None, misfits: list[str]
) -> None:
    doubtful = result(cold_verified=verified, cached=cached, cold_inconclusive=cold, misfits=misfits)
    expected = (verified is False) + (cached is not None) + (cold is not None) + len(misfits)

    assert len(list(doubts(doubtful))) == expected
