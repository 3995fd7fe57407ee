from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_runs import result, sample, streamed

from pytest_modal_bench.gate import comparison
from pytest_modal_bench.gate.common_shift import Shift
from pytest_modal_bench.gate.comparison import excused, flagged, noises, settled, waiting, where
from pytest_modal_bench.model import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Start, Verdict

ELSEWHERE: Any = {"warm": "another container", "cold": "another container"}


def checks(now: EndpointResult, earlier: Sequence[EndpointResult]) -> list[Check]:
    """The checks of the only endpoint of a run."""
    return comparison.checks(now, earlier, noises([earlier]))


def run(seconds: float, n: int = 10, start: Start = "warm", **sample_fields: Any) -> EndpointResult:
    """A run whose calls took about `seconds`, each a little more than the one before."""
    taken = [sample(start, seconds * (1 + number / 1000), **sample_fields) for number in range(n)]
    return result(samples=taken, cost_basis=sample_fields.get("cost_basis"))


HISTORY = [run(seconds) for seconds in (2.0, 2.1, 1.9, 2.05, 1.95)]
COLD_HISTORY = [run(seconds, 6, "cold") for seconds in (40.0, 42.0, 38.0, 41.0, 39.0)]


def only(found: list[Check]) -> Check:
    (check,) = found
    return check


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(2.0, "PASS"), (1.0, "PASS"), (2.3, "PASS"), (2.4, "FAIL"), (4.0, "FAIL")]
)
def test_a_warm_call_may_be_as_slow_as_its_runs_differ(seconds: float, verdict: str) -> None:
    check = only(checks(run(seconds), HISTORY))

    assert (check.metric, check.against, check.verdict, check.n, check.runs) == (
        "warm",
        "baseline",
        verdict,
        10,
        5,
    )
    assert check.ratio == pytest.approx(seconds / 2.0, rel=0.01)


def test_a_check_keeps_the_medians_of_the_last_twenty_runs_that_it_was_held_against() -> None:
    many = only(checks(run(2.0), [run(1 + number / 10) for number in range(30)])).history
    assert many == pytest.approx([1 + number / 10 for number in range(10, 30)], rel=0.01)


@pytest.mark.parametrize(("seconds", "verdict"), [(45.0, "PASS"), (49.0, "PASS"), (51.0, "FAIL")])
def test_a_cold_start_may_take_a_quarter_more_however_alike_its_runs_are(
    seconds: float, verdict: str
) -> None:
    assert only(checks(run(seconds, 6, "cold"), COLD_HISTORY)).verdict == verdict


def test_a_quiet_endpoint_may_be_a_tenth_slower() -> None:
    quiet = [run(seconds) for seconds in (2.0, 2.001, 1.999, 2.0, 2.0)]

    assert only(checks(run(2.19), quiet)).verdict == "PASS"
    check = only(checks(run(2.21), quiet))
    assert check.verdict == "FAIL"
    assert check.limit == pytest.approx(1.1)


def test_what_is_better_passes() -> None:
    check = only(checks(run(1.0), HISTORY))

    assert check.verdict == "PASS"
    assert check.ratio == pytest.approx(0.5, rel=0.01)
    assert check.p is not None
    assert check.p > 0.999


def test_each_says_what_it_would_have_noticed_and_what_it_was_held_against() -> None:
    check = only(checks(run(2.1), HISTORY))

    assert check.noticed is not None
    assert check.limit is not None
    assert check.limit < check.noticed < 1.3
    assert check.message.startswith("warm 1.05x of 5 earlier runs, would have noticed +2")
    assert check.history == pytest.approx([2.009, 2.109, 1.909, 2.059, 1.959], rel=1e-3)
    assert check.p == pytest.approx(0.15, abs=0.1)


def test_what_would_not_be_noticed_at_half_as_much_again_does_not_pass() -> None:
    noisy = [run(seconds, 10) for seconds in (1.0, 9.0, 2.0, 8.0, 2.0)]
    check = only(checks(run(2.4), noisy))

    assert check.verdict == "INCONCLUSIVE"
    assert "or more only: its runs differ too much" in check.message


def test_the_noise_of_all_endpoints_counts_for_each() -> None:
    others = [
        [run(seconds * (1 + step / 50)) for seconds in (2.0, 2.1, 1.9, 2.05, 1.95)] for step in range(12)
    ]
    among = comparison.checks(run(2.3), HISTORY, noises([HISTORY, *others]))

    assert only(among).noticed != only(checks(run(2.3), HISTORY)).noticed


def test_what_costs_more_fails_too() -> None:
    earlier = [run(2.0, cost_usd=0.001, cost_basis="measured")] * 5
    found = checks(run(2.0, cost_usd=0.002, cost_basis="measured"), earlier)

    assert {check.metric: check.verdict for check in found} == {"warm": "PASS", "cost": "FAIL"}


def test_with_too_little_of_either_it_is_inconclusive_and_shows_the_ratio() -> None:
    check = only(checks(run(3.0, 3), HISTORY[:3]))

    assert check.verdict == "INCONCLUSIVE"
    assert check.message == (
        "warm 1.50x of 3 earlier runs; needs 8 calls (--modal-bench-rounds=8), has 3, and 5 runs, has 3"
    )


def test_without_anything_to_compare_there_is_no_check() -> None:
    assert checks(run(2.0), []) == []
    assert checks(result(), HISTORY) == []


def test_a_run_without_samples_counts_with_its_median() -> None:
    reference = [result(warm_time_sec=seconds) for seconds in (2.0, 2.1, 1.9, 2.0, 2.0)]

    assert only(checks(run(2.0), reference)).verdict == "PASS"
    assert only(checks(run(3.0), reference)).verdict == "FAIL"


def test_dropped_and_failed_samples_stand_in_no_comparison() -> None:
    spoiled = result(
        samples=[*run(2.0).samples, sample("warm", 99.0, ok=False), sample("warm", 99.0, dropped="changed")]
    )

    assert only(checks(spoiled, HISTORY)).n == 10


def test_what_is_worse_twice_fails_and_what_is_worse_once_warns() -> None:
    slow, fine = checks(run(3.0), HISTORY), checks(run(2.0), HISTORY)

    assert (flagged(slow), flagged(fine)) == (True, False)
    assert only(settled(slow, slow, ELSEWHERE)).verdict == "FAIL"
    assert only(settled(slow, fine, ELSEWHERE)).verdict == "WARN"
    assert only(settled(fine, fine, ELSEWHERE)).verdict == "PASS"
    assert only(settled(slow, slow, ELSEWHERE)).again
    assert ", measured twice, in two containers (limit 1." in only(settled(slow, slow, ELSEWHERE)).message
    assert not flagged(settled(slow, fine, ELSEWHERE))


def test_twice_in_the_same_container_may_be_a_slow_host() -> None:
    slow = checks(run(3.0), HISTORY)
    check = only(settled(slow, slow, {"warm": "the same container"}))

    assert check.verdict == "INCONCLUSIVE"
    assert "--modal-bench-cold=force has another" in check.message


def test_where_nothing_is_known_of_containers_it_fails_and_says_so() -> None:
    slow = checks(run(3.0), HISTORY)
    check = only(settled(slow, slow, {}))

    assert check.verdict == "FAIL"
    assert "nothing says whether in two containers" in check.message


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        (["a", "a"], ["b"], "another container"),
        (["a", "b"], ["b"], "the same container"),
        (["a", None], ["b"], "unknown"),
        (["a"], [None], "unknown"),
        ([], ["a"], "unknown"),
    ],
)
def test_where_a_measurement_was_made_is_known_by_its_containers(
    before: list[str | None], after: list[str | None], place: str
) -> None:
    first, again = (result(samples=[sample(container=each) for each in one]) for one in (before, after))

    assert where(first, again, "warm") == place


def test_until_it_is_measured_again_it_is_inconclusive() -> None:
    (check,) = waiting(checks(run(3.0), HISTORY))

    assert (check.verdict, check.message.endswith(": not measured again")) == ("INCONCLUSIVE", True)
    assert waiting(checks(run(2.0), HISTORY)) == checks(run(2.0), HISTORY)


def test_what_most_others_did_alike_is_no_deploys_fault() -> None:
    slow = checks(run(2.85), HISTORY)
    (check,) = excused(slow, [Shift("warm", 1.4, 6, 7)])

    assert check.verdict == "WARN"
    assert "but so moved most: 6 of 7 pools, by 1.40x; 1.02x without that" in check.message
    assert excused(slow, [Shift("cold", 1.4, 6, 7)]) == slow
    assert only(excused(checks(run(4.0), HISTORY), [Shift("warm", 1.4, 6, 7)])).verdict == "FAIL"


def test_what_was_worse_and_could_not_be_measured_again_is_not_forgotten() -> None:
    slow, few = checks(run(3.0), HISTORY), checks(run(3.0, 7), HISTORY)

    for found in (settled(slow, [], {}), settled(slow, few, {}), settled([], slow, {})):
        check = only(found)
        assert check.verdict == "INCONCLUSIVE"
        assert ": worse once, the other time could not tell (limit 1." in check.message


def test_metrics_are_settled_one_by_one() -> None:
    costly = [run(2.0 + step / 20, cost_usd=0.001, cost_basis="measured") for step in range(5)]
    first = checks(run(2.0, cost_usd=0.002, cost_basis="measured"), costly)
    again = checks(run(3.0, cost_usd=0.002, cost_basis="measured"), costly)

    assert {check.metric: check.verdict for check in settled(first, again, ELSEWHERE)} == {
        "warm": "WARN",
        "cost": "FAIL",
    }


outcomes = st.none() | st.sampled_from(["PASS", "WARN", "FAIL", "INCONCLUSIVE"])


@given(outcomes, outcomes)
def test_only_what_is_flagged_twice_fails_and_nothing_that_is_flagged_passes(
    first: Verdict | None, again: Verdict | None
) -> None:
    def found(said: Verdict | None) -> list[Check]:
        given = {"metric": "warm", "against": "baseline", "message": "", "ratio": 2.0, "limit": 1.15}
        return [] if said is None else [Check(verdict=said, **given)]  # type: ignore[arg-type] # a literal

    said = [check.verdict for check in settled(found(first), found(again), ELSEWHERE)]
    flags = [first, again].count("FAIL")
    assert ("FAIL" in said) == (flags == 2)
    assert flags == 0 or said not in ([], ["PASS"])


@settings(max_examples=30)
@given(st.floats(0.01, 100), st.floats(0.5, 3))
def test_a_verdict_does_not_depend_on_the_unit(factor: float, slower: float) -> None:
    def scaled(each: EndpointResult) -> EndpointResult:
        return result(samples=[sample("warm", taken.elapsed_sec * factor) for taken in each.samples])

    plain = only(checks(run(2.0 * slower), HISTORY))
    other = only(checks(scaled(run(2.0 * slower)), [scaled(each) for each in HISTORY]))
    assert other.ratio == pytest.approx(plain.ratio)
    assert abs(slower - 1.175) < 0.02 or other.verdict == plain.verdict


def streaming(factor: float, n: int = 10, **sample_fields: Any) -> EndpointResult:
    """A run whose calls took as long as ever, while each of their streams was about `factor` times as slow."""
    factors = [factor * (1 + number / 1000) for number in range(n)]
    streams = [streamed(0.2 * each, itl_p95_sec=0.03 * each, tokens_per_sec=40.0 / each) for each in factors]
    return result(samples=[sample("warm", 2.0, stream=stream, **sample_fields) for stream in streams])


STREAMED_BEFORE = [streaming(factor) for factor in (1.0, 1.05, 0.95, 1.02, 0.98)]


def verdicts(found: list[Check]) -> dict[str, str]:
    return {check.metric: check.verdict for check in found}


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "PASS"), (0.5, "PASS"), (1.12, "PASS"), (1.3, "FAIL"), (3.0, "FAIL")]
)
def test_streams_may_be_as_slow_as_their_runs_differ(factor: float, verdict: str) -> None:
    found = checks(streaming(factor), STREAMED_BEFORE)

    assert verdicts(found) == {
        "warm": "PASS",
        "ttft": verdict,
        "itl": verdict,
        "tokens_per_sec": verdict,
    }


def test_fewer_tokens_a_second_are_worse_and_the_ratio_is_still_new_over_old() -> None:
    slow = {check.metric: check for check in checks(streaming(2.0), STREAMED_BEFORE)}["tokens_per_sec"]
    fast = {check.metric: check for check in checks(streaming(0.5), STREAMED_BEFORE)}["tokens_per_sec"]

    assert slow.ratio == pytest.approx(0.5, rel=0.01)
    assert slow.limit is not None
    assert 0.7 < slow.limit < 1 / 1.1
    assert slow.message.startswith("tokens/s 0.50x of 5 earlier runs (limit 0.")
    assert "would have noticed -" in slow.message
    assert fast.ratio == pytest.approx(2.0, rel=0.01)
    assert fast.p is not None
    assert fast.p > 0.99


def test_streams_are_settled_as_all_else() -> None:
    slow, fine = checks(streaming(2.0), STREAMED_BEFORE), checks(streaming(1.0), STREAMED_BEFORE)
    twice = {check.metric: check for check in settled(slow, slow, ELSEWHERE)}

    assert verdicts(settled(slow, slow, ELSEWHERE)) == {
        "warm": "PASS",
        "ttft": "FAIL",
        "itl": "FAIL",
        "tokens_per_sec": "FAIL",
    }
    assert verdicts(settled(slow, fine, ELSEWHERE))["tokens_per_sec"] == "WARN"
    message = twice["tokens_per_sec"].message
    assert message.startswith(
        "tokens/s 0.50x and 0.50x of its earlier runs, measured twice, in two containers (limit 0."
    )


def test_earlier_runs_that_know_nothing_of_streams_take_nothing_from_the_rest() -> None:
    assert verdicts(checks(streaming(2.0), HISTORY)) == {"warm": "PASS"}


def test_streams_of_which_half_timed_out_are_not_known_to_be_as_they_were() -> None:
    late = [sample("warm", 60.0, ok=False, cause="timeout")] * 10
    found = checks(result(samples=[*streaming(1.0).samples, *late]), STREAMED_BEFORE)
    ttft = {check.metric: check for check in found}["ttft"]

    assert ttft.verdict == "INCONCLUSIVE"
    assert "at least" not in ttft.message
    assert "the median is beyond 60 s" in ttft.message
