"""A ledger that processes share: calls one at a time, and no more than the limit plus one call."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.cost.ledger import Ledger, LimitReached

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ledger"


def spend(ledger: Ledger, usd: float | None, expected_usd: float | None = None) -> None:
    with ledger.call(expected_usd) as entry:
        entry.spent(usd)


def interrupted(ledger: Ledger, usd: float | None) -> None:
    with ledger.call(None) as entry:
        entry.spent(usd)
        raise KeyboardInterrupt


def test_before_the_first_call_nothing_is_spent(path: Path) -> None:
    ledger = Ledger(path, 1.0)
    assert (ledger.spent, ledger.unknown_calls) == (0.0, 0)


def test_what_calls_cost_adds_up_for_all_who_share_the_file(path: Path) -> None:
    spend(Ledger(path, 1.0), 0.25)
    spend(Ledger(path, 1.0), 0.5)
    spend(Ledger(path, 1.0), 0.0)
    assert (Ledger(path, 1.0).spent, Ledger(path, 1.0).unknown_calls) == (0.75, 0)


def test_what_a_call_costs_may_stay_unknown(path: Path) -> None:
    ledger = Ledger(path, 1.0)
    spend(ledger, None)
    with ledger.call(None):
        assert ledger.unknown_calls == 2, "the one that goes on is one of them"
    spend(ledger, 0.5)
    assert (ledger.spent, ledger.unknown_calls) == (0.5, 2)


def test_the_last_word_on_a_call_counts(path: Path) -> None:
    ledger = Ledger(path, 1.0)
    with ledger.call(None) as entry:
        entry.spent(0.25)
        entry.spent(0.5)
    assert ledger.spent == 0.5


@pytest.mark.parametrize("usd", [-0.01, math.nan, math.inf])
def test_what_is_no_amount_is_refused(path: Path, usd: float) -> None:
    ledger = Ledger(path, 1.0)
    with pytest.raises(ValueError, match="not an amount of money"), ledger.call(None) as entry:
        entry.spent(usd)
    assert (ledger.spent, ledger.unknown_calls) == (0.0, 1)


def test_a_call_that_would_pass_the_limit_is_not_made(path: Path) -> None:
    ledger = Ledger(path, 1.0)
    spend(ledger, 0.75)
    with pytest.raises(LimitReached) as raised:
        spend(ledger, 0.1, expected_usd=0.2525)
    assert str(raised.value) == (
        "the spending limit of $1.00 is reached: $0.75 spent, and the next call is expected to cost $0.2525"
    )
    assert (ledger.spent, ledger.unknown_calls) == (0.75, 0)


def test_a_call_that_just_reaches_it_is_made_and_the_next_is_not(path: Path) -> None:
    ledger = Ledger(path, 0.3)
    for _ in range(3):
        spend(ledger, 0.1, expected_usd=0.1)
    assert ledger.spent == 0.3
    for expected_usd in (None, 0.0, 0.1):
        with pytest.raises(LimitReached):
            spend(ledger, 0.1, expected_usd)


def test_unknown_costs_are_told_of_with_the_limit(path: Path) -> None:
    ledger = Ledger(path, 0.000001)
    spend(ledger, None)
    spend(ledger, 2.0)
    with pytest.raises(LimitReached) as raised:
        spend(ledger, 0.1)
    assert str(raised.value) == (
        "the spending limit of $0.000001 is reached: $2.00 spent, beside 1 call of unknown cost, "
        "and the next call is expected to cost an unknown amount"
    )


def test_a_limit_of_nothing_allows_nothing(path: Path) -> None:
    with pytest.raises(LimitReached):
        spend(Ledger(path, 0.0), 0.0)


def test_a_call_that_fails_is_in_the_ledger_too(path: Path) -> None:
    ledger = Ledger(path, 1.0)
    for usd in (0.25, None):
        with pytest.raises(KeyboardInterrupt):
            interrupted(ledger, usd)
    assert (ledger.spent, ledger.unknown_calls) == (0.25, 1)
    spend(ledger, 0.25)


amounts = st.decimals(0, 1, places=6, allow_nan=False).map(float)


@settings(max_examples=50)
@given(st.lists(st.tuples(amounts, st.none() | amounts, st.booleans())), amounts)
def test_no_more_is_spent_than_the_limit_and_one_call(
    calls: list[tuple[float, float | None, bool]], limit_usd: float
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        ledger = Ledger(Path(directory) / "ledger", limit_usd)
        spent, unknown, limit = Decimal(0), 0, Decimal(repr(limit_usd))
        for usd, expected_usd, known in calls:
            allowed = spent < limit and spent + Decimal(repr(expected_usd or 0.0)) <= limit
            try:
                spend(ledger, usd if known else None, expected_usd)
            except LimitReached:
                assert not allowed
                continue
            assert allowed
            spent += Decimal(repr(usd)) if known else 0
            unknown += not known
        assert (ledger.spent, ledger.unknown_calls) == (float(spent), unknown)
        assert spent <= limit + Decimal(max((repr(usd) for usd, *_ in calls), key=float, default="0"))


# --- Several at once ---


def spend_until_refused(path: Path, usd: float, limit_usd: float, overlaps: Path) -> None:
    ledger = Ledger(path, limit_usd)
    marker = overlaps / "going on"
    while True:
        try:
            with ledger.call(usd) as entry:
                try:
                    marker.touch(exist_ok=False)
                except FileExistsError:
                    (overlaps / "overlap").touch()
                time.sleep(0.001)
                marker.unlink(missing_ok=True)
                entry.spent(usd)
        except LimitReached:
            return


def test_processes_make_their_calls_one_at_a_time_and_keep_the_limit(path: Path, tmp_path: Path) -> None:
    processes = [
        SPAWN.Process(target=spend_until_refused, args=(path, usd, 1.0, tmp_path))
        for usd in (0.01, 0.02, 0.03)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert not (tmp_path / "overlap").exists()
    assert 0.97 < Ledger(path, 1.0).spent <= 1.0


def test_threads_make_their_calls_one_at_a_time_too(path: Path, tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=spend_until_refused, args=(path, 0.05, 1.0, tmp_path)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not (tmp_path / "overlap").exists()
    assert Ledger(path, 1.0).spent == 1.0


def call_for_ever(path: Path, begun: Event) -> None:
    with Ledger(path, 1.0).call(None):
        begun.set()
        signal.pause()


def test_a_process_that_is_killed_leaves_a_call_of_unknown_cost_and_no_lock(path: Path) -> None:
    begun = SPAWN.Event()
    process = SPAWN.Process(target=call_for_ever, args=(path, begun))
    process.start()
    assert begun.wait(30)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    spend(Ledger(path, 1.0), 0.5)
    process.join(30)
    assert (Ledger(path, 1.0).spent, Ledger(path, 1.0).unknown_calls) == (0.5, 1)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_was_forked_during_a_call_holds_nobody_up(path: Path) -> None:
    ledger = Ledger(path, 1.0)
    with ledger.call(None) as entry:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        entry.spent(0.25)
    spend(ledger, 0.25)
    os.close(writing)
    os.close(reading)
    os.waitpid(child, 0)
    assert ledger.spent == 0.5


def killed_in_a_call(path: Path, begun: Event) -> None:
    with Ledger(path, 1.0).call(None, longest_usd=0.75):
        begun.set()
        signal.pause()


def test_a_call_whose_process_is_killed_counts_as_long_as_it_may_have_taken(path: Path) -> None:
    begun = SPAWN.Event()
    process = SPAWN.Process(target=killed_in_a_call, args=(path, begun))
    process.start()
    assert begun.wait(30)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    spend(Ledger(path, 1.0), 0.5)
    with pytest.raises(LimitReached):
        spend(Ledger(path, 1.0), 0.1)
    assert (Ledger(path, 1.0).spent, Ledger(path, 1.0).unknown_calls) == (1.25, 0)


ends = st.sampled_from(["answered", "failed", "cut off"])


@settings(max_examples=50)
@given(st.lists(st.tuples(ends, amounts)), amounts)
def test_whatever_becomes_of_a_call_the_limit_and_one_call_bound_what_is_spent(
    calls: list[tuple[str, float]], limit_usd: float
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        ledger, spent = Ledger(Path(directory) / "ledger", limit_usd), Decimal(0)
        for end, usd in calls:
            try:
                if end == "failed":
                    with pytest.raises(KeyboardInterrupt):
                        interrupted(ledger, usd)
                else:
                    with ledger.call(None, longest_usd=usd) as entry:
                        entry.spent(usd)
            except LimitReached:
                break
            spent += Decimal(repr(usd))
            if end == "cut off":
                lines = ledger.path.read_text().splitlines(keepends=True)
                ledger.path.write_text("".join(lines[:-1]))
        assert ledger.spent == float(spent)
        assert spent <= Decimal(repr(limit_usd)) + max(
            (Decimal(repr(usd)) for _, usd in calls), default=Decimal(0)
        )


def test_many_calls_at_a_time_are_one_entry_and_know_what_is_left(path: Path) -> None:
    ledger = Ledger(path, 1.0)
    spend(ledger, 0.25)
    with ledger.many() as (entry, left):
        assert left == 0.75
        entry.spent(0.5)
    assert ledger.spent == 0.75


def test_many_calls_whose_process_does_not_live_to_say_more_have_spent_all_that_was_left(path: Path) -> None:
    with Ledger(path, 1.0).many():
        assert Ledger(path, 1.0).spent == 1.0


def test_no_calls_are_made_together_where_nothing_is_left(path: Path) -> None:
    spend(Ledger(path, 0.5), 0.5)
    with pytest.raises(LimitReached), Ledger(path, 0.5).many():
        pass
