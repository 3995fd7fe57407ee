"""The process that keeps the load: others that call connect to it, and it says what they do, step by step.

`python -m pytest_modal_bench.load.engine.master DIRECTORY HOST PORT LEFT_USD`: takes orders on standard input, and
tells what happens on standard output, in lines of JSON. Calls go into files of the directory as they come.
"""

from __future__ import annotations

import pytest_modal_bench.load.engine.patched  # noqa: F401  # isort: skip - before all else

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import psutil
from gevent.queue import Queue
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_MISSING, STATE_STOPPED, STATE_STOPPING
from msgspec import json

from pytest_modal_bench.load import messages
from pytest_modal_bench.load.allowance import Treasury
from pytest_modal_bench.load.engine import pipes
from pytest_modal_bench.load.engine.patched import ENGINE
from pytest_modal_bench.load.engine.users import Once, Steady, Timetable
from pytest_modal_bench.load.messages import (
    Batch,
    Began,
    Begin,
    Connected,
    Died,
    Done,
    Ended,
    Lost,
    Prepare,
    Progress,
    Ready,
    Stop,
    Trouble,
    packed,
    unpacked,
)
from pytest_modal_bench.load.schedule import Split

if TYPE_CHECKING:
    from locust import User

    from pytest_modal_bench.load.spec import Step

TASK = "task"
"""File with what workers need."""
_AT_REST = (STATE_INIT, STATE_STOPPING, STATE_STOPPED)
_TICK_SEC = 0.1
_PROGRESS_SEC = 0.5
_PREPARE_SEC = 60.0
_HALT_SEC = 5.0
_AGAIN_SEC = 0.1
_TAKE_OVER_SEC = 1.0
"""So much later others take over the calls of a process that is gone: the word must reach them first."""


def calls_file(directory: Path, number: int) -> Path:
    """Where the calls of a step are: a list of `Record` in each line of JSON."""
    return directory / f"calls-{number}.jsonl"


class Going:
    """The step that goes on."""

    def __init__(self, order: Begin, workers: set[str]) -> None:
        self.number = order.number
        self.step: Step = order.step
        self.workers = workers
        """Those that take part, and are still there."""
        self.prepared: set[str] = set()
        self.done: dict[str, Done] = {}
        self.zero: float | None = None
        self.answered = self.failed = self.gone = self.cut_off = 0
        self.halted = False
        self.starting: gevent.Greenlet | None = None


class Master:
    """Keeps the load."""

    def __init__(self, directory: Path, host: str, port: int, left_usd: float | None) -> None:
        self._output = pipes.Output()
        self._directory = directory
        self._task = (directory / TASK).read_bytes()
        self._treasury = Treasury(left_usd)
        self._spent_up = False
        self._environment: Any = Environment(user_classes=[Steady, Once, Timetable])
        self._runner: Any = self._environment.create_master_runner(host, port)
        self._known: dict[str, int] = {}
        """Processes that have all they need: their ids, as Locust has them, and their operating system's."""
        self._going: Going | None = None
        self._orders: Queue[Begin] = Queue()
        for name, listener in {
            "hello": self._hello,
            "equipped": self._equipped,
            "prepared": self._prepared,
            "calls": self._calls,
            "done": self._done,
            "ask": self._ask,
            "trouble": self._trouble,
        }.items():
            self._runner.register_message(name, _listening(listener))
        self._pids: dict[str, int] = {}
        self.say(Ready(host=host, port=self._runner.server.port, engine=ENGINE))

    def serve(self) -> None:
        """Take orders until standard input is closed; then have all quit."""
        making = gevent.spawn(self._make_steps)
        making.link_exception(lambda failed: self.say(Trouble(text=f"{failed.exception!r}")))
        gevent.spawn(self._watch)
        for line in pipes.lines():
            match json.decode(line, type=messages.Order):
                case Begin() as order:
                    self._orders.put(order)
                case Stop():
                    self._halt()
                case Died(pid=pid):
                    self._expect_no_more(pid)
        making.kill(block=False)
        gevent.spawn(self._have_all_quit)
        self._runner.quit()

    def _have_all_quit(self) -> None:
        """Say so again, while Locust waits for them: a process may miss that a message came, until the next one does.

        PyZMQ knows of it, and looks again after 11.6 s (`_gevent_bug_timeout` in its `zmq.green.core`). By then a
        process that hears nothing more has taken its run for gone.
        """
        while True:
            gevent.sleep(_AGAIN_SEC)
            for worker in [*self._runner.clients]:
                self._runner.send_message("quit", None, worker)

    def say(self, event: messages.Event) -> None:
        """Tell the run."""
        self._output.write(messages.line(event))

    def _make_steps(self) -> None:
        while True:
            order = self._orders.get()
            self._going = going = Going(order, set(self._known))
            self._make(going)
            self._going = None

    def _make(self, going: Going) -> None:
        psutil.cpu_percent()
        calls_file(self._directory, going.number).touch()
        workers = sorted(going.workers)
        for share, worker in enumerate(workers):
            split = Split(after_sec=0.0, share=share, of=len(workers))
            order = Prepare(number=going.number, step=going.step, split=split)
            self._runner.send_message("prepare", packed(order), worker)
        _until(lambda: going.prepared >= going.workers, _PREPARE_SEC)
        if going.workers and not going.halted:
            self._start(going)
        told = time.monotonic()
        while not going.done.keys() >= going.workers:
            if going.halted and time.monotonic() > told + _HALT_SEC:
                break
            told = told if going.halted else time.monotonic()
            gevent.sleep(_TICK_SEC)
        if going.starting is not None:
            going.starting.kill()
        self._progress(going)
        self.say(
            Ended(
                number=going.number,
                generators=tuple(going.done.values()),
                machine_share=psutil.cpu_percent() / 100,
                spent_up=self._spent_up,
            )
        )
        self._stop_users(going)

    def _stop_users(self, going: Going) -> None:
        """Have Locust stop users, and wait until each process has left and come back, as Locust has it.

        Users of the next step go to the processes that are there when it starts: all of them must be.
        """
        runner = self._runner
        before = (
            {}
            if runner.state in _AT_REST
            else {worker: runner.clients.get(worker) for worker in going.workers}
        )
        for client in runner.clients.values():
            # Their users have ended by themselves; Locust would wait a second or more to hear of it.
            client.user_classes_count = {}
        runner.stop()
        _until(
            lambda: all(
                worker not in self._known or runner.clients.get(worker) not in (None, client)
                for worker, client in before.items()
            ),
            _HALT_SEC,
        )

    def _start(self, going: Going) -> None:
        """Have Locust start the users, and let them begin."""
        step = going.step
        if step.kind == "ramp":
            self._go(going)
        kind, count, per_sec = _users(step, len(going.workers))
        going.starting = gevent.spawn(self._runner.start, count, per_sec, user_classes=[kind])
        if step.kind != "ramp":
            # All of them are there, and ready, when they begin.
            going.starting.join(_PREPARE_SEC)
            self._go(going)

    def _go(self, going: Going) -> None:
        going.zero = time.monotonic()
        for worker in going.workers:
            self._runner.send_message("go", None, worker)
        self.say(Began(number=going.number))

    def _halt(self) -> None:
        while self._orders.qsize():
            self._orders.get()
        going = self._going
        if going is not None and not going.halted:
            going.halted = True
            if going.starting is not None:
                going.starting.kill(block=False)
            for worker in going.workers:
                self._runner.send_message("halt", None, worker)

    def _watch(self) -> None:
        """Look who is gone, and tell how it goes on."""
        told = 0.0
        while True:
            gevent.sleep(_TICK_SEC)
            stopping = self._going is None or self._going.done.keys() >= self._going.workers
            for worker in [*self._known]:
                client = self._runner.clients.get(worker)
                if (client is None and not stopping) or (
                    client is not None and client.state == STATE_MISSING
                ):
                    self._lose(worker)
            if self._going is not None and time.monotonic() >= told + _PROGRESS_SEC:
                told = time.monotonic()
                self._progress(self._going)

    def _progress(self, going: Going) -> None:
        self.say(
            Progress(
                number=going.number,
                answered=going.answered,
                failed=going.failed,
                gone=going.gone,
                cut_off=going.cut_off,
            )
        )

    def _expect_no_more(self, pid: int) -> None:
        for worker, known in self._pids.items():
            if known == pid and worker in self._runner.clients:
                # Locust's own watch finds it at its next look, and deals with its users.
                self._runner.clients[worker].heartbeat = -1

    def _lose(self, worker: str) -> None:
        del self._known[worker]
        going = self._going
        at_sec = None if going is None or going.zero is None else time.monotonic() - going.zero
        index = self._runner.get_worker_index(worker)
        self.say(Lost(generator=index, at_sec=at_sec, left=len(self._known)))
        # If it is not dead after all, it must not go on beside those that take its place.
        self._runner.send_message("quit", None, worker)
        if going is None or worker not in going.workers:
            return
        going.workers.discard(worker)
        if not going.workers or going.halted or at_sec is None:
            return
        if going.step.kind == "rate":
            for share, left in enumerate(sorted(going.workers)):
                split = Split(after_sec=at_sec + _TAKE_OVER_SEC, share=share, of=len(going.workers))
                self._runner.send_message("split", packed(split), left)
        elif going.step.kind in {"users", "ramp"} and (going.starting is None or going.starting.dead):
            kind, count, per_sec = _users(going.step, len(going.workers))
            going.starting = gevent.spawn(self._runner.start, count, per_sec, user_classes=[kind])

    def _hello(self, worker: str, data: dict[str, Any]) -> None:
        ours, theirs = version("pytest-modal-bench"), data.get("version")
        if theirs != ours:
            why = f"this is pytest-modal-bench {theirs}, and the run is of {ours}: they must be the same"
            self._runner.send_message("refuse", why, worker)
            return
        self._pids[worker] = int(data["pid"])
        self._runner.send_message("task", self._task, worker)

    def _equipped(self, worker: str, problem: str | None) -> None:
        if problem is None:
            self._known[worker] = self._pids[worker]
        self.say(Connected(generator=self._runner.get_worker_index(worker), problem=problem))

    def _prepared(self, worker: str, number: int) -> None:
        if self._going is not None and self._going.number == number:
            self._going.prepared.add(worker)

    def _calls(self, _: str, data: bytes) -> None:
        batch = unpacked(data, Batch)
        try:
            with calls_file(self._directory, batch.number).open("ab") as file:
                file.write(batch.calls + b"\n")
        except OSError as error:
            self.say(Trouble(text=f"calls can't be kept in {self._directory}: {error.strerror}"))
        going = self._going
        if going is not None and going.number == batch.number:
            going.answered += batch.answered
            going.failed += batch.failed
            going.cut_off += batch.cut_off
            going.gone = going.gone + batch.gone if not batch.answered else batch.gone

    def _done(self, worker: str, data: bytes) -> None:
        done = unpacked(data, Done)
        if self._going is not None and self._going.number == done.number:
            self._going.done[worker] = done

    def _ask(self, worker: str, usd: float) -> None:
        granted = self._treasury.hand_out(usd, len(self._known))
        if not granted:
            self._spent_up = True
            self._halt()
        self._runner.send_message("grant", granted, worker)

    def _trouble(self, _: str, text: str) -> None:
        self.say(Trouble(text=text))


def _users(step: Step, workers: int) -> tuple[type[User], int, float]:
    """Return which of Locust's users make a step, how many they are, and how many of them start in a second."""
    match step.kind:
        case "users":
            return Steady, int(step.value), step.value
        case "ramp":
            return Steady, int(step.value), step.value / (step.duration_sec or 1.0)
        case "burst":
            return Once, int(step.value), step.value
        case "rate":
            return Timetable, workers, float(workers)


def _until(holds: Any, patience_sec: float) -> None:
    deadline = time.monotonic() + patience_sec
    while not holds() and time.monotonic() < deadline:
        gevent.sleep(_TICK_SEC / 10)


def _listening(listener: Any) -> Any:
    def listen(environment: Any, msg: Any) -> None:
        del environment
        listener(msg.node_id, msg.data)

    return listen


def main() -> None:
    """Serve."""
    directory, host, port, left_usd = sys.argv[1:]
    master = Master(Path(directory), host, int(port), float(left_usd) if left_usd else None)
    master.serve()
    os._exit(0)


if __name__ == "__main__":
    main()
