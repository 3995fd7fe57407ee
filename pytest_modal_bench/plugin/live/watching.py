"""Shows a run while it goes on: in a terminal a display and each call's result, elsewhere plain lines.

Nothing is written while a call's clock runs, unless one has been waited for so long that it does not matter.
"""

from __future__ import annotations

import math
import os
import threading
import time
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.gate.comparability import other_simulation
from pytest_modal_bench.plugin.live.board import Board
from pytest_modal_bench.plugin.live.lines import Lines
from pytest_modal_bench.plugin.live.screen import Screen
from pytest_modal_bench.protocol.progress import CallEnded, EndpointEnded

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from xdist.workermanage import WorkerController

    from pytest_modal_bench.gate.baselines import History
    from pytest_modal_bench.model import Endpoint, EndpointResult
    from pytest_modal_bench.plugin.live.display import Display
    from pytest_modal_bench.protocol.progress import Event

EXTRA = 'for a live display: pip install "pytest-modal-bench[live]"'

_TICK_SEC = 0.4
_LONG_SEC = 1.0
"""So long a call must have been waited for before anything is drawn: quick calls are not disturbed."""
_OFTEN_SEC = 0.25
"""Between lines about calls; those that come sooner are kept for a moment, and written together."""
_MENTION_SEC = 30.0
_PREFIX = "modal-bench: "


class Watching:
    """Plugin of the process that reports."""

    def __init__(
        self, config: pytest.Config, endpoints: Iterable[Endpoint], *, rounds: int, sides: int = 1
    ) -> None:
        """`sides`: so many are called in turn."""
        endpoints = list(endpoints)
        self._config = config
        self._endpoints = endpoints
        self._board = Board(endpoints, rounds=rounds, sides=sides)
        self._lines = Lines(endpoints, lambda text, **_: text)
        self._nodes: set[WorkerController] = set()
        self._lock = threading.RLock()
        """Held by whoever uses the board or the screen."""
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._screen: Screen | None = None
        """None: nothing is shown."""
        self._display: Display | None = None
        """None: only plain lines are."""
        self._hint: str | None = None
        self._ended: list[CallEnded] = []
        """Calls of which no line was written yet."""
        self._said: dict[str, str] = {}
        """By endpoint id: the line of how it ended."""
        self._began = time.monotonic()
        self._written = -math.inf
        """When a line was last written."""
        self._draw_next = False
        self._instead_of_letters = False
        """Whether lines about endpoints take the place of pytest's letter a test."""

    # What the run tells

    def select(self, endpoints: Sequence[Endpoint], history: History | None, simulated: str | None) -> None:
        """These endpoints are part of the run; `history` says what they took before."""
        with self._lock:
            self._board.selected = list(endpoints)
            self._board.earlier = {
                result.id: result
                for past in (history.past if history is not None else ())
                if not other_simulation(past.simulated, simulated)
                for result in past.results
                if result.status == "success"
            }

    def take(self, event: Event, worker: object = None) -> None:
        """Take note of an event, whichever thread brings it."""
        if self._screen is None or self._over.is_set():
            return
        with self._lock:
            now = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="modal-bench-live", daemon=True)
                self._thread.start()
            self._board.take(event, now, worker)
            if self._display is None:
                return
            match event:
                case CallEnded():
                    self._ended.append(event)
                    is_long = event.elapsed_sec >= _LONG_SEC
                    if is_long or now - self._written >= _OFTEN_SEC:
                        # Drawn again before the next call begins: a display that comes and goes is hard to read.
                        self._draw_next = is_long and self._screen.shows_display
                        self._refresh(now)
                case EndpointEnded():
                    self._refresh(now)
                case _ if self._draw_next:
                    self._refresh(now, draw=True)
                    self._draw_next = False

    @pytest.hookimpl
    def pytest_modal_bench_result(self, result: EndpointResult) -> None:
        """Write a line for an endpoint that has ended; another one if a later test changes what it says."""
        if self._screen is None or (result.status == "not_run" and result.skipped_reason is None):
            return
        with self._lock:
            self._board.finished.add(result.id)
            line = self._lines.ended(result, after_calls=self._display is not None)
            if self._said.get(result.id) != line:
                self._said[result.id] = line
                self._refresh(time.monotonic(), more=[line])

    def measured(self, result: EndpointResult) -> None:
        """Write a line for an endpoint whose verdict has to wait until all others have been measured."""
        if self._screen is not None:
            with self._lock:
                self._board.finished.add(result.id)
                self._refresh(time.monotonic(), more=[self._lines.measured(result)])

    # How it is shown

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Choose how to show what goes on, before anything goes on."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or self._config.option.verbose < 0:
            return
        writer = reporter._tw  # noqa: SLF001 - pytest offers no other way to what it writes to
        screen = Screen(writer._file, self._lock)  # noqa: SLF001
        self._lines = Lines(self._endpoints, writer.markup, screen.size.columns)
        if screen.isatty() and _draws_on(self._config, reporter):
            if find_spec("rich") is not None:
                self._prepare_display(colours=writer.hasmarkup)
            else:
                self._hint = EXTRA
        self._screen = writer._file = screen  # noqa: SLF001

        def restore() -> None:
            self._stop()
            if self._screen is not None:
                writer._file = self._screen.close()  # noqa: SLF001
                self._screen = None

        self._config.add_cleanup(restore)
        self._instead_of_letters = self._config.get_verbosity(pytest.Config.VERBOSITY_TEST_CASES) == 0
        if self._instead_of_letters:
            reporter.showfspath = False

    def _prepare_display(self, *, colours: bool) -> None:
        from pytest_modal_bench.plugin.live.display import Display

        self._display = Display(self._board, self._lines, colours=colours)
        # Once for nothing: what it imports at first use is imported before any call.
        self._display.drawn(0.0, 0.0, os.terminal_size((80, 24)))

    @pytest.hookimpl
    def pytest_report_header(self) -> str | None:
        """Say how to get the display, where it could be shown."""
        return None if self._hint is None else f"{_PREFIX}{self._hint}"

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        """Write no letter a test where lines about endpoints are written."""
        status = yield
        if self._instead_of_letters and not self._over.is_set():
            return (status[0], "", "")
        return status

    def _watch(self) -> None:
        while not self._over.wait(_TICK_SEC):
            with self._lock:
                if not self._over.is_set():
                    self._tick(time.monotonic())

    def _tick(self, now: float) -> None:
        """Show what has been waited for for long."""
        if self._display is not None:
            if self._waits_long(now):
                self._refresh(now)
            return
        due = [row for row in self._board.rows.values() if now - row.mentioned >= _MENTION_SEC]
        for row in due:
            row.mentioned = now
        if due:
            self._refresh(now, more=[self._lines.waiting(row, now) for row in due])

    def _waits_long(self, now: float) -> bool:
        return any(now - row.since >= _LONG_SEC for row in self._board.rows.values())

    def _refresh(self, now: float, *, more: Sequence[str] = (), draw: bool = False) -> None:
        """Write the lines that are due and `more`, and draw the display, if something has been waited for for long."""
        if self._screen is None:
            return
        lines = [*self._lines.calls(self._ended), *more]
        self._ended.clear()
        if lines:
            self._written = now
        if self._display is None:
            self._screen.show([f"{_PREFIX}{line}" for line in lines])
        elif draw or self._waits_long(now):
            self._screen.show(lines, self._display.drawn(now, now - self._began, self._screen.size))
        else:
            self._screen.show(lines)

    # With workers

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Have a worker send its events, if they are shown."""
        from pytest_modal_bench.plugin.xdist import WATCHED, receive_progress

        node.workerinput[WATCHED] = self._screen is not None
        if self._screen is not None:
            receive_progress(node, partial(self.take, worker=node))
        with self._lock:
            self._nodes.add(node)
            self._board.workers = len(self._nodes)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Forget what a worker waited for that is gone."""
        with self._lock:
            self._nodes.discard(node)
            self._board.lose(node)

    # The end

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Show nothing any more."""
        self._stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Show nothing any more: what comes now are the reports."""
        self._stop()

    def _stop(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
        with self._lock:
            self._board.rows.clear()
            if self._screen is not None:
                self._refresh(time.monotonic())


def _draws_on(config: pytest.Config, reporter: object) -> bool:
    """Whether a display can be drawn on a terminal that nobody else draws on."""
    in_ci = any(os.environ.get(name) for name in ("CI", "BUILD_NUMBER"))
    able = os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")
    # What tests print, where pytest does not catch it, would come in between.
    caught = config.option.capture in ("fd", "sys")
    # Plugins that replace pytest's reporter mostly draw something themselves.
    own = type(reporter).__module__ == "_pytest.terminal"
    return able and caught and own and not in_ci
