from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import sample

from pytest_modal_bench.model import Provider, Start

starts = st.sampled_from(get_args(Start))
seconds = st.floats(0, 1000)


def provider(execution_sec: float | None) -> Provider:
    return Provider(container="ta-01", execution_sec=execution_sec)


@given(starts, st.none() | starts)
def test_a_sample_was_meant_to_be_what_was_asked_for_or_else_what_it_is(
    start: Start, asked: Start | None
) -> None:
    assert sample(start, asked=asked).meant == (start if asked is None else asked)


@pytest.mark.parametrize(
    ("by_provider", "by_endpoint", "by_middleware", "worked_sec"),
    [
        (1.0, 2.0, 3.0, 1.0),
        (None, 2.0, 3.0, 2.0),
        (None, None, 3.0, 3.0),
        (0.0, 2.0, 3.0, 0.0),
        (None, 0.0, 3.0, 0.0),
        (None, None, None, None),
    ],
)
def test_the_providers_record_says_first_how_long_a_call_was_worked_on_then_the_server(
    by_provider: float | None,
    by_endpoint: float | None,
    by_middleware: float | None,
    worked_sec: float | None,
) -> None:
    made = sample(
        provider=provider(by_provider), execution_sec=by_endpoint, handler_sec=by_middleware, elapsed_sec=5
    )

    assert made.worked_sec == worked_sec


def test_without_a_record_of_the_provider_the_server_alone_is_asked() -> None:
    assert sample(execution_sec=2.0).worked_sec == 2.0
    assert sample().worked_sec is None


@given(seconds, seconds)
def test_execution_is_a_part_of_a_call_only_if_it_is_not_longer_than_the_call(
    elapsed_sec: float, execution_sec: float
) -> None:
    part = sample(elapsed_sec=elapsed_sec, execution_sec=execution_sec).execution_part_sec

    assert part == (execution_sec if execution_sec <= elapsed_sec else None)


def test_execution_that_is_not_known_is_no_part() -> None:
    assert sample(elapsed_sec=5).execution_part_sec is None


@pytest.mark.parametrize(
    ("ok", "dropped", "counts"),
    [
        (True, None, True),
        (True, "another container answered", False),
        (False, None, False),
        (False, "another container answered", False),
    ],
)
def test_only_a_sample_that_succeeded_and_was_not_dropped_counts(
    ok: bool, dropped: str | None, counts: bool
) -> None:
    assert sample(ok=ok, dropped=dropped).counts == counts
