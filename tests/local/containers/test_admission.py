from __future__ import annotations

import time

import pytest

from pytest_modal_bench.local.containers.admission import BURST_SEC, Admission
from pytest_modal_bench.local.workspace.settings import Limits


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def accepted(admission: Admission, inputs: int, waiting: int = 0) -> int:
    return sum(admission.refusal(waiting) is None for _ in range(inputs))


def test_a_burst_is_accepted_and_then_so_many_a_second(clock: Clock) -> None:
    admission = Admission(Limits(inputs_per_sec=10), "fu-1", 1.0)
    assert accepted(admission, 100) == 10 * BURST_SEC
    clock.now = 2.0
    assert accepted(admission, 100) == 20
    clock.now = 1000.0
    assert accepted(admission, 100) == 10 * BURST_SEC
    assert admission.refusal(0) == "Input rate limit (10/s) exceeded for function fu-1"


def test_the_rate_is_scaled_as_all_times_are(clock: Clock) -> None:
    admission = Admission(Limits(inputs_per_sec=10), "fu-1", 0.01)
    accepted(admission, 100)
    clock.now = 0.02
    assert accepted(admission, 100) == 20


@pytest.mark.usefixtures("clock")
def test_so_many_may_wait_and_a_refused_one_does_not_count_as_one_of_a_second() -> None:
    admission = Admission(Limits(inputs_per_sec=0.4, pending_inputs=3), "fu-1", 1.0)
    assert admission.refusal(3) == "Function fu-1 reached pending input queue limit (3)"
    assert accepted(admission, 100, waiting=2) == 2


def test_without_settings_the_limits_are_those_of_a_new_workspace() -> None:
    assert Limits() == Limits(inputs_per_sec=200, pending_inputs=2000)
