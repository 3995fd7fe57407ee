"""Talks with the processes of a load: starts them, has them make one step after the other, and sees who is gone."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, TypeVar

from msgspec import DecodeError, json

from pytest_modal_bench.load import messages
from pytest_modal_bench.load.means import LOOPBACK
from pytest_modal_bench.load.messages import Connected, Ended, Lost, Progress, Ready, Record, Trouble
from pytest_modal_bench.load.processes import cores
from pytest_modal_bench.protocol.progress import Activity
from pytest_modal_bench.safety.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytest_modal_bench.load.means import Means
    from pytest_modal_bench.load.messages import Event, Task
    from pytest_modal_bench.load.processes import Child, Children
    from pytest_modal_bench.load.provider import Watch
    from pytest_modal_bench.load.spec import Step

E = TypeVar("E")

_START_SEC = 60.0
_EVERYWHERE = ("0.0.0.0", "*")  # noqa: S104 - told, not chosen
_TICK_SEC = 0.25
_STOP_SEC = 8.0
"""How long what is under way may take to be cut off."""
_GIVE_UP_SEC, _GIVE_UP_CALLS = 5.0, 20
"""A load ends where for so long no call was answered, and so many met nobody."""
_BUSY_GENERATOR, _BUSY_MACHINE, _BUSY_LAG_SEC = 0.9, 0.95, 0.25
_LONGEST = 300


class LoadError(Exception):
    """A load could not be made at all; the message is one line."""


class Made:
    """What came of a step."""

    def __init__(self, directory: Path, number: int, step: Step) -> None:
        self.number = number
        self.step = step
        self.stopped: str | None = None
        """Why no other step is made; None: it may be."""
        self.interrupt: KeyboardInterrupt | None = None
        """What ended it; None: it was not interrupted."""
        self.client_busy: str | None = None
        self.until: float | None = None
        """When what is left of it is given up, as `time.monotonic` has it; None: it is followed to its end."""
        self._path = directory / f"calls-{number}.jsonl"

    def records(self) -> Iterator[Record]:
        """Yield its calls. They are read from a file, as often as is needed: there may be many."""
        if not self._path.exists():
            return
        with self._path.open("rb") as lines:
            for line in lines:
                try:
                    records = json.decode(line, type=list[Record])
                except DecodeError:
                    continue  # whoever wrote it was killed over it
                yield from records


class Conductor:
    """A load's processes."""

    def __init__(self, children: Children, means: Means, directory: Path, watches: Sequence[Watch]) -> None:
        self.engine: str | None = None
        self.processes = 0
        """That call."""
        self.notes: list[str] = []
        self._children = children
        self._means = means
        self._directory = directory
        self._watches = watches
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._workers: list[Child] = []
        self._master: Child | None = None

    def start(self, task: Task, left_usd: float | None) -> None:
        """Start what runs on this machine, and wait for all. Raises LoadError."""
        means = self._means
        local = means.processes if means.processes is not None else cores()
        (self._directory / "task").write_bytes(messages.packed(task))
        left = "" if left_usd is None else repr(left_usd)
        self._master = self._children.start(
            "master", str(self._directory), means.host, str(means.port), left, listen=self._listen
        )
        self._workers = [self._children.start("worker") for _ in range(local)]
        ready = self._await(Ready, time.monotonic() + _START_SEC)
        self.engine = ready.engine
        host = LOOPBACK if means.host in _EVERYWHERE else means.host
        for worker in self._workers:
            worker.tell(f"{host}:{ready.port}\n".encode())
        self._say_where(ready, local)
        deadline = time.monotonic() + (means.remote_sec if means.remote else _START_SEC)
        while self.processes < local + means.remote:
            connected = self._await(Connected, deadline)
            if connected.problem is not None:
                where = f"process {connected.generator}: " if means.remote else ""
                raise LoadError(f"{where}{_one_line(connected.problem)}")
            self.processes += 1

    def make(self, number: int, step: Step, endpoints: Sequence[str]) -> Made:
        """Make a step. Ctrl-C ends it, and is told in what is returned."""
        made = Made(self._directory, number, step)
        hopeless = Hopeless()
        try:
            self._tell(messages.Begin(number=number, step=step))
            self._follow(made, hopeless, endpoints)
        except KeyboardInterrupt as interrupt:
            made.interrupt = interrupt
            self._stop(made, "interrupted")
            self._follow(made, hopeless, endpoints)
        return made

    def _follow(self, made: Made, hopeless: Hopeless, endpoints: Sequence[str]) -> None:
        """Follow a step to its end."""
        while made.until is None or time.monotonic() < made.until:
            event = self._next(_TICK_SEC)
            if isinstance(event, Ended) and event.number == made.number:
                self._end(made, event)
                return
            if event is None and (self._master is None or not self._master.alive):
                made.stopped = (
                    made.stopped or f"{made.step}: the process that keeps the load ended{self._why()}"
                )
                return
            if isinstance(event, Progress) and event.number == made.number:
                for endpoint in endpoints:
                    self._means.watch(Activity(endpoint=endpoint, text=_progress(made.step, event)))
                if hopeless.look(event):
                    self._stop(made, f"nobody answered for {_GIVE_UP_SEC:g} s")
            elif event is not None:
                self._heed(made, event)
            for watch in self._watches if made.until is None else ():
                watch.look()

    def _heed(self, made: Made, event: Event) -> None:
        match event:
            case messages.Began():
                for watch in self._watches:
                    watch.begin()
            case Lost():
                self._lose(made.step, event)
            case Trouble():
                self._stop(made, _one_line(event.text))
            case _:
                pass

    def _stop(self, made: Made, why: str) -> None:
        """Have no call begin any more, and those under way be cut off."""
        if made.stopped is None:
            made.stopped = f"{made.step}: {why}"
            self._tell(messages.Stop())
            made.until = time.monotonic() + _STOP_SEC

    def _end(self, made: Made, ended: Ended) -> None:
        made.client_busy = busy(ended)
        self.notes += [
            line for each in ended.generators for line in map(_one_line, each.notes) if line not in self.notes
        ]
        if made.stopped is None and ended.spent_up:
            made.stopped = f"{made.step}: the spending limit is reached"
        if made.stopped is None and not self.processes:
            made.stopped = f"{made.step}: no process is left that calls"

    def _lose(self, step: Step, lost: Lost) -> None:
        self.processes = lost.left
        when = "before" if lost.at_sec is None else f"{lost.at_sec:.1f} s into"
        unmade = (
            ", and what it was to call until others took over was not called" if step.kind == "rate" else ""
        )
        line = (
            f"process {lost.generator} of those that call is gone, {when} {step}: "
            f"what it had not told is not counted{unmade}; {lost.left} left"
        )
        self.notes.append(line)
        self._means.say(line)

    def _say_where(self, ready: Ready, local: int) -> None:
        means = self._means
        beside = f", {means.remote} started elsewhere" if means.remote else ""
        nobody = (
            "nobody but this machine can connect"
            if means.host == LOOPBACK
            else "whoever reaches it can take part, and is sent payloads and test media"
        )
        line = (
            f"load: {ready.engine} at {ready.host}:{ready.port} ({nobody}); {local} local processes{beside}"
        )
        means.say(line)
        if means.remote:
            means.say(
                f"load: waiting for {means.remote}: python -m pytest_modal_bench load-worker "
                f"--master HOST:{ready.port}"
            )

    def _await(self, kind: type[E], deadline: float) -> E:
        """Wait for an event of that kind. Raises LoadError where it does not come."""
        while True:
            event = self._next(_TICK_SEC)
            if isinstance(event, kind):
                return event
            if isinstance(event, Trouble):
                raise LoadError(_one_line(event.text))
            if event is None and (self._master is None or not self._master.alive):
                raise LoadError(f"the process that keeps the load does not start{self._why()}")
            for worker in self._workers:
                if not worker.alive:
                    raise LoadError(f"a process that calls does not start{_why(worker)}")
            if time.monotonic() >= deadline:
                raise LoadError(f"the load's processes were not ready: {self.processes} came")

    def _next(self, patience_sec: float) -> Event | None:
        """Return the next event; None: there was none. Tells of processes on this machine that have ended."""
        for worker in [each for each in self._workers if not each.alive]:
            self._workers.remove(worker)
            self._tell(messages.Died(pid=worker.pid))
        try:
            return self._events.get(timeout=patience_sec)
        except queue.Empty:
            return None

    def _listen(self, line: bytes | None) -> None:
        try:
            self._events.put(None if line is None else json.decode(line, type=messages.Event))
        except DecodeError as error:
            self._events.put(Trouble(text=f"not understood: {error}"))

    def _tell(self, order: messages.Order) -> None:
        if self._master is not None:
            self._master.tell(messages.line(order))

    def _why(self) -> str:
        return "" if self._master is None else _why(self._master)


class Hopeless:
    """Sees that nobody is there any more."""

    def __init__(self) -> None:
        self._answered = -1
        self._since = time.monotonic()

    def look(self, progress: Progress) -> bool:
        """Whether nothing has been answered for so long that no more calls are worth making."""
        if progress.answered != self._answered:
            self._answered, self._since = progress.answered, time.monotonic()
        return progress.gone >= _GIVE_UP_CALLS and time.monotonic() >= self._since + _GIVE_UP_SEC


def _progress(step: Step, progress: Progress) -> str:
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{step}: {progress.answered} answered{failed}"


def busy(ended: Ended) -> str | None:
    """Why the machines that called may have blurred the times."""
    share = max((each.cpu_share for each in ended.generators), default=0.0)
    lag_sec = max((each.lag_sec for each in ended.generators), default=0.0)
    if share >= _BUSY_GENERATOR:
        return f"a process that called used {share:.0%} of a core"
    if ended.machine_share is not None and ended.machine_share >= _BUSY_MACHINE:
        return f"this machine was {ended.machine_share:.0%} busy"
    return f"a process that called was held up for {lag_sec:.2f} s" if lag_sec >= _BUSY_LAG_SEC else None


def _why(child: Child) -> str:
    words = child.last_words
    return f": {words}" if words else ""


def _one_line(text: str) -> str:
    return inert(" ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST])
