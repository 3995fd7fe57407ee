from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from load_server import means
from msgspec import json

from pytest_modal_bench.cost.prices import table
from pytest_modal_bench.load.conductor import Conductor, Hopeless, LoadError, Made, busy
from pytest_modal_bench.load.messages import Done, Ended, Progress, Record, Task
from pytest_modal_bench.load.processes import MISSING, Children, MissingEngine, require_engine
from pytest_modal_bench.load.spec import parse
from pytest_modal_bench.model import LoadCall

if TYPE_CHECKING:
    from pathlib import Path

(STEP,) = parse("users=1").steps


def ended(*, cpu_share: float = 0.1, machine_share: float | None = 0.1, lag_sec: float = 0.0) -> Ended:
    done = Done(number=0, cpu_share=cpu_share, lag_sec=lag_sec)
    return Ended(number=0, generators=(done,), machine_share=machine_share, spent_up=False)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (ended(), None),
        (ended(machine_share=None), None),
        (ended(cpu_share=0.95), "a process that called used 95% of a core"),
        (ended(machine_share=0.99), "this machine was 99% busy"),
        (ended(lag_sec=0.5), "a process that called was held up for 0.50 s"),
    ],
)
def test_a_busy_client_says_what_was_busy(event: Ended, says: str | None) -> None:
    assert busy(event) == says


def test_a_load_is_given_up_where_nothing_was_answered_for_a_while_and_many_met_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    hopeless = Hopeless()

    def look(at: float, answered: int, gone: int) -> bool:
        now[0] = at
        return hopeless.look(Progress(number=0, answered=answered, failed=gone, gone=gone, cut_off=0))

    assert not look(0, 10, 0)
    assert not look(4, 10, 100)
    assert not look(6, 11, 100)
    assert not look(10, 11, 100)
    assert look(11, 11, 100)
    assert not look(30, 12, 5)
    assert not look(60, 12, 5)


def test_calls_are_read_from_their_file_up_to_where_whoever_wrote_it_was_killed(tmp_path: Path) -> None:
    call = LoadCall(meant_sec=0.0, began_sec=0.0, elapsed_sec=1.0, ok=True)
    whole = json.encode([Record(call=call, target=0)] * 2)
    (tmp_path / "calls-3.jsonl").write_bytes(whole + b"\n" + whole[:40])
    assert [record.call for record in Made(tmp_path, 3, STEP).records()] == [call, call]
    assert list(Made(tmp_path, 4, STEP).records()) == []


def test_a_keeper_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    task = Task(
        targets=(),
        resources={},
        held_after_sec=1.0,
        time_scale=1.0,
        simulated=False,
        rates=table(),
        seed="",
        limited=False,
    )
    with Children() as children, pytest.raises(LoadError, match="does not start: "):
        Conductor(children, means(host="no.such.host.invalid"), tmp_path, []).start(task, None)


def test_without_locust_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingEngine) as missing:
        require_engine()
    assert str(missing.value) == MISSING
    assert "\n" not in MISSING
