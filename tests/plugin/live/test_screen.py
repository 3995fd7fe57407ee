from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import struct
import termios
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pseudo_terminal import Screen as Seen

from pytest_modal_bench.plugin.live.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = 40


class Terminal:
    """A terminal, and a `Screen` that stands in for the file that writes to it."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self._file = os.fdopen(slave, "w")
        self._seen = Seen(COLUMNS, 12)
        self.resize(COLUMNS)
        self.screen = Screen(self._file, threading.RLock())

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 12, columns, 0, 0))

    @property
    def text(self) -> str:
        """What a person sees."""
        while select.select([self._master], [], [], 0)[0]:
            self._seen.feed(os.read(self._master, 65536))
        return self._seen.text

    def close(self) -> None:
        self.screen.close()
        self._file.close()
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def test_a_display_goes_before_anything_else_is_written(terminal: Terminal) -> None:
    terminal.screen.write("test_a.py ..")
    terminal.screen.show([], ["one", "two"])
    assert terminal.text == "test_a.py ..\none\ntwo"
    terminal.screen.write("F")
    assert terminal.text == "test_a.py ..F"
    terminal.screen.show([], ["one"])
    terminal.screen.show([], ["1", "2", "3"])
    terminal.screen.write("\n")
    assert terminal.text == "test_a.py ..F"


def test_a_line_of_pytests_is_written_again_to_be_completed(terminal: Terminal) -> None:
    terminal.screen.write("test_a.py::test_b ")
    terminal.screen.show([], ["display"])
    terminal.screen.show(["a result"], ["display"])
    assert terminal.text == "test_a.py::test_b\na result\ndisplay"
    terminal.screen.write("PASSED")
    assert terminal.text == "test_a.py::test_b\na result\ntest_a.py::test_b PASSED"


def test_a_line_that_ends_where_lines_were_written_leaves_no_empty_one(terminal: Terminal) -> None:
    terminal.screen.write("header")
    terminal.screen.show(["a result"])
    terminal.screen.write("\nnext")
    assert terminal.text == "header\na result\nnext"


def test_what_a_narrower_window_has_folded_is_erased(terminal: Terminal) -> None:
    terminal.screen.write("kept\n")
    terminal.screen.show([], ["x" * 30])
    # This terminal folds nothing by itself: what it would show is written by hand.
    terminal.screen._put(f"\r\x1b[K{'x' * 20}\n{'x' * 10}")  # noqa: SLF001
    terminal.resize(20)
    terminal.screen.write("more")
    assert terminal.text == "kept\nmore"


WRITES = st.sampled_from(
    ["\n", ".", "F", "word ", "\x1b[32mgreen\x1b[0m", "x" * COLUMNS, "y" * 55, "\u4f60\u597d"]
)
STEPS = st.one_of(
    st.tuples(st.just("pytest"), WRITES),
    st.tuples(st.just("lines"), st.lists(st.sampled_from(["a result", "z" * 50]), min_size=1, max_size=2)),
    st.tuples(st.just("display"), st.lists(st.sampled_from(["head", "w" * 39, "row 1"]), max_size=4)),
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.lists(STEPS, max_size=12))
def test_a_display_leaves_no_trace(steps: list[tuple[str, str]]) -> None:
    with_it, without = Terminal(), Terminal()
    try:
        for kind, what in steps:
            for terminal in (with_it, without):
                if kind == "pytest":
                    terminal.screen.write(what)
                elif kind == "lines":
                    terminal.screen.show(what)
            if kind == "display":
                with_it.screen.show([], what)
        for terminal in (with_it, without):
            terminal.screen.show([])
        assert with_it.text == without.text
    finally:
        with_it.close()
        without.close()


def test_what_is_no_real_file_is_written_to_as_it_is() -> None:
    file = io.StringIO()
    screen = Screen(file, threading.RLock())
    screen.write("pytest's\n")
    screen.show(["ours"])
    assert screen.isatty() is False
    assert screen.close() is file
    assert file.getvalue() == "pytest's\nours\n"


def test_a_terminal_that_is_gone_is_no_trouble(terminal: Terminal) -> None:
    gone, slave = pty.openpty()
    with os.fdopen(slave, "w") as file:
        screen = Screen(file, threading.RLock())
        os.close(gone)
        screen.show(["a line"], ["a display"])
        screen.show([])
        screen.close()
    del terminal
