from __future__ import annotations

import pytest

from pytest_modal_bench.load.spec import SpecError, Step, parse


def test_each_value_is_a_step() -> None:
    assert parse("users=1,2,16 duration=20").steps == tuple(
        Step(kind="users", value=value, duration_sec=20.0) for value in (1, 2, 16)
    )


def test_a_rate_may_be_a_fraction_and_its_arrivals_are_even_unless_asked_for_otherwise() -> None:
    even, poisson = parse("rate=0.5 duration=60", "rate=2 duration=60 arrivals=poisson").steps
    assert (even.value, even.arrivals, poisson.value, poisson.arrivals) == (0.5, "even", 2.0, "poisson")


def test_a_burst_has_no_duration_and_all_else_has_one_in_any_case() -> None:
    burst, ramp = parse("burst=20", "ramp=20").steps
    assert (burst.duration_sec, ramp.duration_sec) == (None, 30.0)


def test_loads_follow_one_another_and_are_kept_as_they_were_written() -> None:
    assert parse("users=1  duration=2", "burst=3").text == "users=1 duration=2; burst=3"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no load"),
        ("duration=30", "names no load"),
        ("users=1 rate=2", "names users and rate"),
        ("users=1 users=2", "said twice"),
        ("users=0", "'0' is not a whole number"),
        ("users=1.5", "'1.5' is not a whole number"),
        ("users=1,,2", "'' is not a whole number"),
        ("rate=nan duration=1", "'nan' is not a number above 0"),
        ("rate=inf duration=1", "'inf' is not a number above 0"),
        ("rate=1 duration=-1", "'-1' is not a number above 0"),
        ("burst=20 duration=5", "a burst has no duration"),
        ("users=2 arrivals=poisson", "only a rate has them"),
        ("rate=2 arrivals=odd", "even or poisson"),
        ("users=2 spawn=3", "'spawn' is unknown"),
        ("20", "write it as"),
        ("users=" + ",".join("1" * 101), "too many"),
    ],
)
def test_what_is_no_load_is_refused_with_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        parse(text)
