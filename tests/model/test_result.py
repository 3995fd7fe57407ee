from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from report_runs import result, sample

from pytest_modal_bench.model import WORST_FIRST, EndpointResult, Status, Verdict


def test_every_verdict_has_one_place_in_the_order_of_severity() -> None:
    assert sorted(WORST_FIRST) == sorted(get_args(Verdict))


def test_a_failure_is_the_worst_and_a_skip_the_mildest_verdict() -> None:
    assert (WORST_FIRST[0], WORST_FIRST[-1]) == ("FAIL", "SKIP")
    assert WORST_FIRST.index("WARN") < WORST_FIRST.index("INCONCLUSIVE") < WORST_FIRST.index("PASS")


def test_its_first_twelve_fields_are_those_of_the_reference_benchmark() -> None:
    assert EndpointResult.__struct_fields__[:12] == (
        *("endpoint", "path", "category", "description", "cold_time_sec", "warm_time_sec", "cost_usd"),
        *("gpu_type", "size_kb", "status", "error", "skipped_reason"),
    )


def test_what_is_not_measured_is_unknown_and_never_zero() -> None:
    made = result(status="not_run")

    assert (made.cold_time_sec, made.warm_time_sec, made.first_time_sec) == (None, None, None)
    assert (made.cost_usd, made.cold_cost_usd, made.idle_tail_usd, made.size_kb) == (None, None, None, None)
    assert (made.verdict, made.cold_verified) == (None, None)


def test_results_do_not_share_their_lists() -> None:
    one, other = result(), result()
    for field in ("notes", "reasons", "tests", "checks", "samples"):
        getattr(one, field).append(sample())
        assert getattr(other, field) == [], field


@pytest.mark.parametrize("status", get_args(Status))
def test_every_status_survives_json(status: str) -> None:
    made = result(status=status, samples=[sample("cold", asked="warm"), sample(ok=False, error="HTTP 500")])

    assert msgspec.json.decode(msgspec.json.encode(made), type=EndpointResult) == made


def test_an_unknown_verdict_is_refused() -> None:
    text = msgspec.json.encode(result(verdict="PASS")).replace(b'"PASS"', b'"GREAT"')
    with pytest.raises(msgspec.ValidationError, match=r"Invalid enum value 'GREAT' - at `\$\.verdict`"):
        msgspec.json.decode(text, type=EndpointResult)
