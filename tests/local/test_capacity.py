"""How the workspace scales out, queues and refuses, by its clients and by its own log; its processes are real."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from capacity import serving
from pytest_process import until

from pytest_modal_bench.call.causes import of_answer

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_log import LoggedCall, WorkspaceLog

pytestmark = pytest.mark.usefixtures("prepared_programs")

TEXT = {"content-type": "text/plain; charset=utf-8"}
SHORTEST = 0.96
"""Inference times vary by four per cent."""


def most_at_once(calls: list[LoggedCall]) -> int:
    """How many calls were in containers at the same time, at most."""
    changes = [(call.began, 1) for call in calls] + [(call.entry.ended, -1) for call in calls]
    now = most = 0
    for _, change in sorted(changes):  # an end comes before a begin at the same moment
        now += change
        most = max(most, now)
    return most


def begins(log: WorkspaceLog) -> list[float]:
    return [call.began for call in log.accepted]


def test_calls_queue_in_order_while_containers_start_for_them_and_the_log_tells_of_each(
    tmp_path: Path,
) -> None:
    settings = "max_containers = 2\nconcurrent_inputs = 1\nenter = 0.4\nload = 0\ninference = 0.3"
    with serving(tmp_path, settings) as served:
        calls = served.call_at([time.monotonic()] * 7)
        log = served.log()

    assert [call.status for call in calls] == [200] * 7
    assert len(log.calls) == 7
    for call in calls:
        assert call.id is not None
        logged = log.by_id[call.id]
        assert call.began <= logged.received <= logged.entry.ended <= call.ended
        assert logged.execution_sec >= 0.3 * SHORTEST
    assert begins(log) == sorted(begins(log)), "first come, first served"

    assert len(log.containers) == 2
    assert most_at_once(log.calls) == 2
    assert log.first_calls == 2
    for container in log.containers:
        assert container.up is not None
        assert container.up - container.asked >= 0.4
        own = sorted(
            (call for call in log.calls if call.container == container.id), key=lambda c: c.entry.ended
        )
        assert [call.entry.number for call in own] == list(range(1, len(own) + 1))
        assert all(one.entry.ended <= other.began for one, other in pairwise(own))
    begin = min(call.began for call in calls)
    assert len(log.up_after(begin)) == len(log.first_answers_after(begin)) == 2
    assert all(
        up + 0.3 * SHORTEST <= answered
        for up, answered in zip(log.up_after(begin), log.first_answers_after(begin), strict=True)
    )
    assert {call.id for call in log.calls if call.waited_for_start} == {
        call.id for call in log.calls if call.is_first
    }
    assert log.share_that_waited_for_a_start == 2 / 7


def test_a_call_that_waits_is_taken_by_a_warm_container_before_the_one_that_boots_for_it(
    tmp_path: Path,
) -> None:
    settings = (
        "max_containers = 2\nconcurrent_inputs = 1\nenter = 3\nload = 0\ninference = 1\nscaledown_window = 20"
    )
    with serving(tmp_path, settings, time_scale=0.5) as served:
        served.call()
        first, second = served.call_at([time.monotonic()] * 2)
        until("the second container up", lambda: len(served.log().up_after(0)) == 2)
        third = served.call()
        log = served.log()

    warm, booted = (container.id for container in log.containers)
    taken = [log.by_id[call.id or ""] for call in (first, second, third)]
    assert [call.container for call in taken] == [warm] * 3
    assert not any(call.waited_for_start for call in taken)
    assert log.first_calls == 1
    assert booted not in {call.container for call in log.calls}


def test_containers_scale_down_one_window_after_their_last_call(tmp_path: Path) -> None:
    settings = (
        "max_containers = 3\nconcurrent_inputs = 1\nenter = 0\nload = 0\ninference = 5\nscaledown_window = 10"
    )
    with serving(tmp_path, settings, time_scale=0.1) as served:
        served.call_at([time.monotonic()] * 3)
        until("all ended", lambda: all(each.ended for each in served.log().containers))
        log = served.log()

    assert len(log.containers) == 3
    for container in log.containers:
        last = max(call.entry.ended for call in log.calls if call.container == container.id)
        assert container.ended is not None
        assert container.ended - last >= 1.0
        assert not container.died


def test_a_container_takes_several_calls_at_once_and_works_on_as_many_as_its_gpu_does(tmp_path: Path) -> None:
    settings = (
        "max_containers = 1\nconcurrent_inputs = 4\njobs_at_once = 2\nenter = 0\nload = 0\ninference = 0.4"
    )
    with serving(tmp_path, settings) as served:
        served.call_at([time.monotonic()] * 5)
        log = served.log()

    assert most_at_once(log.calls) == 4
    longest = max(call.execution_sec for call in log.calls)
    assert longest >= 2 * 0.4 * SHORTEST, "two of four wait in the container"
    took = max(call.entry.ended for call in log.calls) - min(begins(log))
    assert took < 5 * 0.4 * SHORTEST, "two at a time"


def test_calls_beyond_the_queue_limit_are_refused_as_modals_edge_does(tmp_path: Path) -> None:
    settings = "max_containers = 1\nconcurrent_inputs = 1\nenter = 1\nload = 0\ninference = 0.1"
    with serving(tmp_path, settings, limits="pending_inputs = 2") as served:
        calls = served.call_at([time.monotonic()] * 6)
        log = served.log()

    refused = [call for call in calls if call.status == 429]
    assert len(refused) == 4
    for call in refused:
        assert "reached pending input queue limit (2)" in call.text
        assert of_answer(call.status, call.text, TEXT, host="embed.modal.run") == "queue_full"
        assert call.id is None
    assert [call.was_refused for call in log.calls].count(True) == 4
    assert len(log.accepted) == 2
    assert len(log.containers) == 1


def test_calls_beyond_the_rate_limit_are_refused_until_time_has_passed(tmp_path: Path) -> None:
    settings = "max_containers = 1\nenter = 0\nload = 0\ninference = 0"
    # Five seconds' worth may come at once: here that is one call, and the next two seconds later.
    with serving(tmp_path, settings, limits="inputs_per_sec = 0.2", time_scale=0.4) as served:
        assert served.call().status == 200
        refused = served.call()
        assert refused.status == 429
        assert of_answer(429, refused.text, TEXT, host="embed.modal.run") == "rate_limited"
        assert until("accepted again", lambda: served.call().status == 200)
        first, *_, last = served.log().accepted

    assert last.received - first.received >= 1.9


def test_a_server_that_stalls_answers_nothing_in_its_pauses(tmp_path: Path) -> None:
    settings = (
        "max_containers = 1\nenter = 0\nload = 0\ninference = 0.02\njobs_at_once = 50\nconcurrent_inputs = 50\n"
        "pauses = { every = 1.0, sec = 0.4 }"
    )
    with serving(tmp_path, settings) as served:
        served.call()
        begin = time.monotonic() + 0.1
        calls = served.call_at([begin + 0.1 * number for number in range(30)])

    assert [call.status for call in calls] == [200] * 30
    stalled = [call for call in calls if call.began % 1.0 < 0.39]
    assert len(stalled) >= 8
    for call in stalled:
        assert call.ended >= call.began - call.began % 1.0 + 0.4, "it waits for the end of the pause"
    assert any(call.ended - call.began < 0.3 for call in calls if call.began % 1.0 > 0.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("max_containers = 11", "max_containers"),
        ("concurrent_inputs = 0", "concurrent_inputs"),
        ("pauses = { every = 1, sec = 1 }", "must be less than `every`"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(tmp_path: Path, settings: str, message: str) -> None:
    from pytest_modal_bench.local.launch import LaunchError

    with pytest.raises(LaunchError, match=message), serving(tmp_path, settings):
        pass
