"""When SIGTERM interrupts a session. Whole runs that are stopped are in test_interruption.py."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.plugin.termination import terminate_like_interrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES = ["protocol", "setup", "call", "teardown", "makereport", "after"]
"""Where the signal comes: before, in or after each phase, or in an old-style wrapper, which pluggy warns of."""


class Stopped:
    """Sends SIGTERM to its own process, once, at a place of a test's protocol."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.went_on: list[str] = []

    def _at(self, place: str) -> None:
        if place == self.place:
            self.place = ""
            os.kill(os.getpid(), signal.SIGTERM)
            self.went_on.append(place)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        self._at("protocol")
        yield
        self._at("after")

    def pytest_runtest_setup(self) -> None:
        self._at("setup")

    def pytest_runtest_call(self) -> None:
        self._at("call")

    def pytest_runtest_teardown(self) -> None:
        self._at("teardown")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        yield
        self._at("makereport")


class Terminating:
    """The plugin under test, registered as sessions do."""

    def pytest_configure(self, config: pytest.Config) -> None:
        terminate_like_interrupt(config)


@pytest.mark.parametrize("place", PLACES)
def test_a_signal_ends_the_session_as_interrupted_wherever_it_comes(
    pytester: pytest.Pytester, place: str
) -> None:
    pytester.makepyfile("def test_one(): pass\ndef test_two(): pass")
    before = signal.getsignal(signal.SIGTERM)
    stopped = Stopped(place)

    result = pytester.inline_run("-W", "error", plugins=[Terminating(), stopped], no_reraise_ctrlc=True)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert len({each.nodeid for each in result.getreports("pytest_runtest_logreport")}) <= 1
    held = place in {"protocol", "makereport", "after"}
    assert stopped.went_on == ([place] if held else [])
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_of_a_session_that_is_ending_has_no_effect(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os, signal, pytest

        @pytest.fixture
        def put_back():
            yield
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            open("put-back", "w").close()

        def test_one(put_back):
            os.kill(os.getpid(), signal.SIGINT)
        """
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = pytester.inline_run("-W", "error", plugins=[Terminating()], no_reraise_ctrlc=True)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert (pytester.path / "put-back").exists()


def test_a_signal_whose_interrupt_was_caught_is_not_the_last_one(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os, signal, pytest

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(number):
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
        """
    )
    pytester.inline_run(plugins=[Terminating()]).assertoutcome(passed=2)
