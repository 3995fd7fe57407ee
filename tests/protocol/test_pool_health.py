"""When one endpoint's failure spares the others of its pool their calls, and when it must not."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.call.causes import hits_pool
from pytest_modal_bench.model import Cause
from pytest_modal_bench.protocol.pool_health import PoolHealth

ALL: tuple[Cause, ...] = typing.get_args(Cause)
CERTAIN = [cause for cause in ALL if hits_pool(cause)]
NOBODY_ANSWERED: list[Cause] = ["dns", "refused", "timeout"]


@pytest.fixture
def health() -> PoolHealth:
    return PoolHealth()


def test_a_pool_is_worth_calling_until_something_speaks_against_it(health: PoolHealth) -> None:
    assert (health.verdict(), health.cause) == (None, None)


@pytest.mark.parametrize("cause", CERTAIN)
def test_what_is_certain_to_hit_all_is_believed_at_once(health: PoolHealth, cause: Cause) -> None:
    health.note("/flux", cause, "it said so")
    verdict = health.verdict()
    assert verdict is not None
    assert verdict.startswith("Not called: ")
    assert verdict.endswith("(as /flux was told: it said so)")
    assert health.cause == cause


def test_the_message_stays_to_be_seen(health: PoolHealth) -> None:
    health.note("/flux", "not_deployed", "HTTP 404: modal-http: invalid function call")
    assert health.verdict() == (
        "Not called: the app is not deployed (as /flux was told: HTTP 404: modal-http: invalid function call)"
    )


def test_the_first_to_find_out_is_the_one_that_is_named(health: PoolHealth) -> None:
    health.note("/a", "app_stopped", "one")
    health.note("/b", "spend_limit", "two")
    assert health.verdict() == "Not called: the app is stopped (as /a was told: one)"


@pytest.mark.parametrize("cause", [each for each in ALL if each not in {*CERTAIN, "timeout", "killed"}])
def test_what_may_be_one_endpoints_own_trouble_spares_no_other(health: PoolHealth, cause: Cause) -> None:
    for endpoint_id in ("/a", "/b", "/c"):
        health.note(endpoint_id, cause, "again")
    assert health.verdict() is None


def test_a_timeout_of_a_pool_of_which_nothing_ever_answered_is_the_pools(health: PoolHealth) -> None:
    health.note("/a", "timeout", "Timeout")
    assert health.verdict() == "Not called: nothing in its pool has answered yet (as /a was told: Timeout)"


@pytest.mark.parametrize("cause", NOBODY_ANSWERED)
def test_once_the_pool_has_answered_silence_is_an_endpoints_own(health: PoolHealth, cause: Cause) -> None:
    health.saw_answer()
    health.note("/a", cause, "nothing")
    assert health.verdict() is None


@pytest.mark.parametrize("cause", NOBODY_ANSWERED)
def test_an_answer_that_comes_later_clears_a_silent_pool(health: PoolHealth, cause: Cause) -> None:
    health.note("/a", cause, "nothing")
    health.saw_answer()
    assert health.verdict() is None
    health.note("/b", "app_stopped", "stopped")
    assert health.verdict() == "Not called: the app is stopped (as /b was told: stopped)"


def test_what_the_edge_says_holds_though_it_is_an_answer(health: PoolHealth) -> None:
    health.saw_answer()
    health.note("/a", "spend_limit", "limit")
    health.saw_answer()
    assert health.verdict() == "Not called: the workspace's spend limit is reached (as /a was told: limit)"


def test_a_container_that_is_killed_once_may_be_its_requests_fault(health: PoolHealth) -> None:
    health.saw_answer()
    for _ in range(3):
        health.note("/wan2", "killed", "HTTP 500")
    assert health.verdict() is None
    health.note("/wan2.6", "killed", "HTTP 500: killed")
    assert health.verdict() == (
        "Not called: the pool's containers are killed (as /wan2.6 was told: HTTP 500: killed)"
    )


@pytest.mark.parametrize(
    "failures",
    [
        pytest.param(
            [
                ("/sdxl-instantid", "redirect_loop", True),
                ("/flux-pulid", "timeout", False),
                ("/flux-ipadapter-faceid", "timeout", False),
            ],
            id="silence after a loop",
        ),
        pytest.param(
            [("/wan2", "killed", True), ("/wan2.6", "input_lost", True)], id="killed, then its input lost"
        ),
        pytest.param(
            [("/qwen-image-edit-2511", "tls", False), ("/qwen-image-inpaint-2511", "tls", False)],
            id="two handshakes cut off",
        ),
    ],
)
def test_the_reference_run_calls_every_endpoint(
    health: PoolHealth, failures: list[tuple[str, Cause, bool]]
) -> None:
    for endpoint_id, cause, answered in failures:
        assert health.verdict() is None
        if answered:
            health.saw_answer()
        health.note(endpoint_id, cause, "failed")


events = st.lists(st.none() | st.tuples(st.sampled_from("abc"), st.sampled_from(ALL)))


@given(events, st.sampled_from([cause for cause in CERTAIN if cause not in NOBODY_ANSWERED]))
def test_what_is_certain_is_never_forgotten(before: list[tuple[str, Cause] | None], cause: Cause) -> None:
    health = PoolHealth()
    health.note("x", cause, "certain")
    verdict = health.verdict()
    for event in before:
        if event is None:
            health.saw_answer()
        else:
            health.note(*event, "later")
    assert verdict is not None
    assert health.verdict() == verdict


@given(events)
def test_a_verdict_is_one_line(some: list[tuple[str, Cause] | None]) -> None:
    health = PoolHealth()
    for event in some:
        if event is None:
            health.saw_answer()
        else:
            health.note(*event, "message")
    assert (health.verdict() or "-").count("\n") == 0
    assert (health.verdict() is None) == (health.cause is None)
