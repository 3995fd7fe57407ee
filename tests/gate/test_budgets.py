from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, sample, streamed

from pytest_modal_bench.gate.budgets import checks, parse
from pytest_modal_bench.model import Budget, Check, EndpointResult, Level


def held(budget: Budget, *, cold_due: bool = True, **fields: Any) -> Check:
    (check,) = checks(result(**fields), budget, cold_due=cold_due)
    return check


levels = st.none() | st.builds(Level, warn=st.none() | st.floats(0.1, 9), fail=st.none() | st.floats(0.1, 9))
budgets = st.builds(Budget, max_cold=levels, max_warm=levels, max_cost=levels, min_success=levels)


@given(budgets, budgets, budgets)
def test_the_most_specific_wins_metric_by_metric(one: Budget, two: Budget, three: Budget) -> None:
    assert one.under(two.under(three)) == one.under(two).under(three)
    assert one.under(three).max_warm == (three.max_warm or one.max_warm)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("max_warm=5", Budget(max_warm=Level(fail=5))),
        ("max_warm=4:5", Budget(max_warm=Level(warn=4, fail=5))),
        (
            " max_cold=60,max_cost=0.1  min_success=0.9",
            Budget(max_cold=Level(fail=60), max_cost=Level(fail=0.1), min_success=Level(fail=0.9)),
        ),
        (
            "max_ttft=0.5:1 max_itl=0.1 min_tokens_per_sec=40:20",
            Budget(
                max_ttft=Level(warn=0.5, fail=1),
                max_itl=Level(fail=0.1),
                min_tokens_per_sec=Level(warn=40, fail=20),
            ),
        ),
    ],
)
def test_a_budget_on_the_command_line(text: str, budget: Budget) -> None:
    assert parse(text) == budget


@pytest.mark.parametrize(
    "text", ["", "max_warm", "max_worm=5", "max_warm=x", "max_warm=-1", "max_warm=1:", "max_warm=inf"]
)
def test_any_other_text_is_told_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a (metric|number)") as caught:
        parse(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_ttft=2:1", "warn comes before fail: it is the milder of the two, in 'max_ttft=2:1'"),
        ("min_tokens_per_sec=20:40", "warn comes before fail: it is the milder of the two"),
        ("min_success=1.5", "expected a share above 0 and up to 1, in 'min_success=1.5'"),
    ],
)
def test_levels_that_a_catalogue_could_not_have_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse(text)


@pytest.mark.parametrize(
    ("value", "verdict"), [(3.0, "PASS"), (4.0, "PASS"), (4.5, "WARN"), (5.0, "WARN"), (5.1, "FAIL")]
)
def test_beyond_a_level_it_warns_or_fails(value: float, verdict: str) -> None:
    check = held(Budget(max_warm=Level(warn=4, fail=5)), warm_time_sec=value)

    assert (check.verdict, check.metric, check.against, check.value) == (verdict, "warm", "budget", value)


def test_the_message_has_value_and_limit() -> None:
    assert held(Budget(max_warm=Level(fail=5)), warm_time_sec=5.31).message == "warm 5.31 s > 5 s"
    assert held(Budget(max_warm=Level(fail=5)), warm_time_sec=5.004).message == "warm 5.004 s > 5 s"
    assert held(Budget(max_cold=Level(fail=1000)), cold_time_sec=1234.5).message == "cold 1230 s > 1000 s"
    assert (
        held(Budget(max_cost=Level(fail=1)), cost_usd=0.5, cost_basis="estimated").message
        == "cost 0.5 USD <= 1 USD, estimated"
    )
    assert (
        held(Budget(max_cold=Level(fail=60)), cold_time_sec=44.4, cold_verified=False).message
        == "cold 44.4 s <= 60 s, unverified"
    )


@given(st.floats(1e-6, 1e5), st.floats(1e-6, 1e5))
def test_the_message_is_true_as_it_is_written(value: float, limit: float) -> None:
    check = held(Budget(max_warm=Level(fail=limit)), warm_time_sec=value)
    shown = float(check.message.split()[1])

    assert (shown > limit) == (value > limit) == (check.verdict == "FAIL")
    assert shown == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(
    ("value", "verdict"), [(41.0, "PASS"), (40.0, "PASS"), (39.0, "WARN"), (20.0, "WARN"), (19.9, "FAIL")]
)
def test_too_few_tokens_a_second_warn_or_fail(value: float, verdict: str) -> None:
    check = held(Budget(min_tokens_per_sec=Level(warn=40, fail=20)), tokens_per_sec=value)

    assert (check.verdict, check.metric, check.value) == (verdict, "tokens_per_sec", value)


def test_the_message_of_a_stream_has_value_and_limit() -> None:
    assert held(Budget(max_ttft=Level(fail=1)), ttft_sec=1.31).message == "ttft 1.31 s > 1 s"
    assert held(Budget(max_itl=Level(fail=0.1)), itl_p95_sec=0.05).message == "itl p95 0.05 s <= 0.1 s"
    slow = held(Budget(min_tokens_per_sec=Level(fail=40)), tokens_per_sec=39.999)
    assert slow.message == "tokens/s 39.999 < 40"
    fast = held(Budget(min_tokens_per_sec=Level(fail=40)), tokens_per_sec=40.04)
    assert fast.message == "tokens/s 40 >= 40"


@given(st.floats(1e-6, 1e5), st.floats(1e-6, 1e5))
def test_the_message_of_what_is_to_be_high_is_true_as_it_is_written(value: float, limit: float) -> None:
    check = held(Budget(min_tokens_per_sec=Level(fail=limit)), tokens_per_sec=value)
    shown = float(check.message.split()[1])

    assert (shown < limit) == (value < limit) == (check.verdict == "FAIL")


@given(st.floats(0.1, 9), st.floats(0, 9), levels)
def test_what_is_slower_is_never_judged_milder(value: float, more: float, level: Level | None) -> None:
    severity = ("PASS", "WARN", "FAIL")
    limits = Budget(max_warm=level or Level(fail=5))
    fast, slow = (held(limits, warm_time_sec=each).verdict for each in (value, value + more))

    assert severity.index(fast) <= severity.index(slow)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(max_warm=Level(fail=5)), "warm: no data: no warm call counts"),
        (Budget(max_cost=Level(fail=5)), "cost: no data: the cost of a warm call is unknown"),
        (Budget(max_cold=Level(fail=5)), "cold: no data: no cold start was measured"),
        (Budget(min_success=Level(fail=1)), "success: no data: no call counts"),
    ],
)
def test_a_budget_without_data_fails(budget: Budget, said: str) -> None:
    check = held(budget)

    assert (check.verdict, check.message) == ("FAIL", said)


def test_why_there_is_no_data_is_said() -> None:
    check = held(
        Budget(max_cold=Level(fail=5)), cold_inconclusive="the pool had 1 container before its first call"
    )

    assert check.message == "cold: no data: the pool had 1 container before its first call"


def test_a_cold_start_that_was_another_endpoints_is_no_missing_one() -> None:
    assert checks(result(), Budget(max_cold=Level(fail=5)), cold_due=False) == []


def test_the_share_of_successes_has_its_interval() -> None:
    samples = [sample(), sample(), sample("warm", 1.0, ok=False), sample(dropped="the container changed")]
    check = held(Budget(min_success=Level(warn=1, fail=0.5)), samples=samples)

    assert (check.verdict, check.n) == ("WARN", 3)
    assert check.message == "success 2 of 3 (95 %: 21% - 94%)"


@pytest.mark.parametrize("status", ["skipped", "not_run", "failed"])
def test_what_did_not_succeed_is_held_against_nothing(status: Any) -> None:
    unmeasured: EndpointResult = result(status=status)
    assert checks(unmeasured, Budget(max_warm=Level(fail=1)), cold_due=True) == []


OF_STREAMS = {
    "ttft": Budget(max_ttft=Level(fail=1)),
    "itl": Budget(max_itl=Level(fail=1)),
    "tokens_per_sec": Budget(min_tokens_per_sec=Level(fail=1)),
}


@pytest.mark.parametrize("metric", OF_STREAMS)
def test_a_budget_for_streams_fails_where_there_is_none(metric: str) -> None:
    check = held(OF_STREAMS[metric], samples=[sample()])

    assert (check.verdict, check.metric) == ("FAIL", metric)
    assert "no data: its answer is no stream" in check.message


def test_why_a_stream_has_no_tokens_is_said() -> None:
    unknown = streamed(output_tokens=None, tokens_per_sec=None)
    check = held(OF_STREAMS["tokens_per_sec"], samples=[sample(stream=unknown)], ttft_sec=0.2)

    assert check.verdict == "FAIL"
    assert check.message == "tokens/s: no data: the server sends no usage, so tokens are not known"


def test_where_no_warm_call_counts_that_is_why_nothing_is_known_of_streams() -> None:
    check = held(OF_STREAMS["ttft"], warm_inconclusive="the container changed with each call")

    assert check.message == "ttft: no data: the container changed with each call"

    fewer = held(OF_STREAMS["ttft"], samples=[sample()], warm_inconclusive="the container changed once")
    assert "its answer is no stream" in fewer.message


def test_a_median_over_some_streams_says_so_and_one_beyond_the_deadline_is_none() -> None:
    good, late = sample(stream=streamed(0.2)), sample("warm", 60.0, ok=False, cause="timeout")
    some = held(OF_STREAMS["ttft"], samples=[good, good, late], ttft_sec=0.2)
    few = held(OF_STREAMS["ttft"], samples=[good, late, late], ttft_sec=0.2)

    assert (some.verdict, some.message) == ("PASS", "ttft 0.2 s <= 1 s, of the 2 of 3 that were answered")
    assert few.verdict == "FAIL"
    assert few.message.startswith("ttft: no data: the median is beyond 60 s")
