from __future__ import annotations

from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from measure_answers import endpoint

from pytest_modal_bench.model import Budget, Poll
from pytest_modal_bench.protocol.plan import RETAKES
from pytest_modal_bench.run.longest import longest_sec, planned_sec
from pytest_modal_bench.run.settings import Settings


def settings(**given: Any) -> Settings:
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    asked = {"rounds": 3, "cold": "observe", "cold_rounds": 1, "time_scale": 0.01, "budget": Budget()}
    return Settings(**unset | asked | given)


def test_three_hundred_forced_cold_starts_have_the_time_that_they_may_take() -> None:
    forced = settings(cold="force", cold_rounds=300, timeout=2.0)
    assert longest_sec(endpoint(), forced) > 300 * (1 + RETAKES) * (60 + 2)


@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.floats(0.1, 600.0),
    st.sampled_from(["force", "observe", "off"]),
)
def test_all_calls_with_all_repeats_may_take_until_their_deadlines(
    cold_rounds: int, rounds: int, deadline_sec: float, cold: str
) -> None:
    asked = settings(cold=cold, cold_rounds=cold_rounds, rounds=rounds, timeout=deadline_sec)
    colds = (cold_rounds * (1 + RETAKES) if cold == "force" else 1) if cold != "off" else 0
    longest = longest_sec(endpoint(), asked)

    assert longest > deadline_sec * (colds + 1 + rounds * (1 + RETAKES))
    assert longest > planned_sec(endpoint(), asked)
    twice = longest_sec(endpoint(), settings(**{**vars(asked), "baseline": "runs"}))
    assert twice >= 1.9 * longest - 100, "what is worse than before is measured again"


def test_a_job_takes_no_longer_than_its_one_deadline() -> None:
    job = endpoint(poll=Poll(path="/result/{id}", every=60))
    assert longest_sec(job, settings()) == longest_sec(endpoint(), settings())
    assert planned_sec(job, settings()) == planned_sec(endpoint(), settings())
