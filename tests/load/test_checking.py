from __future__ import annotations

import threading
import time

from pytest_modal_bench.load.checking import REST, Checker


def until(checker: Checker, *, free: bool) -> None:
    deadline = time.monotonic() + 60
    while checker.is_free != free and time.monotonic() < deadline:
        time.sleep(0.005)
    assert checker.is_free == free


def test_the_first_answer_is_checked_and_then_it_rests_many_times_as_long_as_it_worked() -> None:
    checker = Checker()
    assert checker.is_free
    began = time.monotonic()
    done: list[float] = []

    def check() -> None:
        time.sleep(0.02)
        done.append(time.monotonic() - began)

    checker.check(check, lambda: None)
    checker.finish(10)
    assert done[0] >= 0.02
    until(checker, free=True)
    assert time.monotonic() - began >= (1 + REST) * 0.02 - 0.01
    checker.close()


def test_what_is_not_checked_in_time_is_given_up_for_what_stands_in_for_it() -> None:
    checker, release = Checker(), threading.Event()
    instead: list[str] = []

    def check() -> None:
        release.wait(60)

    checker.check(check, lambda: instead.append("unchecked"))
    checker.finish(0.05)
    assert instead == ["unchecked"]
    release.set()
    checker.close()


def test_trouble_is_kept_for_whoever_looks_and_the_call_is_not_lost() -> None:
    def fail() -> None:
        raise OSError("no room")

    checker = Checker()
    instead: list[str] = []
    checker.check(fail, lambda: instead.append("unchecked"))
    checker.finish(10)
    assert str(checker.problem) == "no room"
    assert instead == ["unchecked"]
    checker.close()
