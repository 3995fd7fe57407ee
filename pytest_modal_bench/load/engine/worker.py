"""A process that calls: it connects to the one that keeps the load, gets what it needs, and makes its share of calls.

`python -m pytest_modal_bench.load.engine.worker`: where to connect is the first line of standard input, `HOST:PORT`; it
ends when standard input does.
"""

from __future__ import annotations

import pytest_modal_bench.load.engine.patched  # noqa: F401  # isort: skip - before all else

import argparse
import os
import resource
import signal
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import gevent
from locust import runners
from locust.env import Environment
from locust.exception import RPCError

from pytest_modal_bench.call.request import RequestError
from pytest_modal_bench.load.allowance import Allowance
from pytest_modal_bench.load.caller import Equipment
from pytest_modal_bench.load.engine import pipes
from pytest_modal_bench.load.engine.present import Present
from pytest_modal_bench.load.engine.users import KINDS
from pytest_modal_bench.load.messages import Done, Prepare, Task, packed, unpacked
from pytest_modal_bench.load.schedule import Split

if TYPE_CHECKING:
    from collections.abc import Iterator

UNUSABLE = 2
_REPORT_SEC = 0.2
"""How long a call waits before it is told of: what a process does not tell before it is killed is lost."""
_CHECK_SEC = 120.0
_CUT_OFF_CHECK_SEC = 0.5


class Worker:
    """One process that calls."""

    def __init__(self, host: str, port: int) -> None:
        """Connect. Raises ConnectionError where nobody answers for a long time."""
        self._environment: Any = Environment(user_classes=list(KINDS))
        self._runner: Any = self._environment.create_worker_runner(host, port)
        # Locust would read the options of its own command line, from files and variables that are not meant for us.
        self._environment.parsed_options = argparse.Namespace()
        self._equipment: Equipment | None = None
        self._allowance = Allowance(None)
        self._present: Present | None = None
        self.refused: str | None = None
        """Why it was sent away; None: it was not."""
        listeners = {
            "task": self._equip,
            "prepare": self._prepare,
            "go": self._go,
            "split": self._split,
            "grant": self._grant,
            "halt": self._halt,
            "refuse": self._refuse,
        }
        for name, listener in listeners.items():
            self._runner.register_message(name, _listening(listener))
        self._say("hello", {"version": version("pytest-modal-bench"), "pid": os.getpid()})

    def serve(self) -> None:
        """Do what it is told, until it is told to quit or its master is gone."""
        self._runner.greenlet.spawn(self._report)
        self._runner.greenlet.join()
        self.close()

    @property
    def abandoned(self) -> bool:
        """Whether its master has said nothing for so long that it is gone."""
        heard = self._runner.last_heartbeat_timestamp
        return heard is not None and time.time() > heard + runners.MASTER_HEARTBEAT_TIMEOUT

    def leave(self) -> None:
        """Begin no call any more, tell what there is, and quit."""
        self._cut_off()
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)
        gevent.sleep(_REPORT_SEC)  # for what was said to go out
        self._runner.greenlet.kill(block=False)

    def close(self) -> None:
        """End what runs."""
        if self._equipment is not None:
            self._equipment.close()

    def _say(self, name: str, data: Any) -> None:
        self._runner.send_message(name, data)

    def _equip(self, data: bytes) -> None:
        task = unpacked(data, Task)
        self._equipment = Equipment(task, self._runner.worker_index)
        if task.limited:
            self._allowance = Allowance(lambda usd: self._say("ask", usd))
        problem = None
        try:
            for index in range(len(task.targets)):
                self._equipment.prepared(index)
        except RequestError as error:
            problem = str(error)
        self._say("equipped", problem)

    def _prepare(self, data: bytes) -> None:
        assert self._equipment is not None  # noqa: S101 - what is needed comes first
        self._environment.present = self._present = Present(
            unpacked(data, Prepare),
            self._equipment,
            self._allowance,
            trouble=lambda text: self._say("trouble", text),
        )
        self._say("prepared", self._present.order.number)

    def _go(self, _: Any) -> None:
        if self._present is not None:
            self._present.begin()

    def _split(self, data: bytes) -> None:
        if self._present is not None:
            self._present.splits.append(unpacked(data, Split))

    def _grant(self, usd: float) -> None:
        self._allowance.grant(usd)

    def _refuse(self, why: str) -> None:
        self.refused = why
        self._runner.greenlet.kill(block=False)

    def _halt(self, _: Any) -> None:
        gevent.spawn(self._cut_off)

    def _cut_off(self) -> None:
        if self._present is not None:
            self._present.halt()
            self._environment.stop_timeout = 0.0
            self._runner.stop_users(self._runner.user_classes_count)
            if self._equipment is not None:
                self._equipment.checker.finish(_CUT_OFF_CHECK_SEC)
            self._tell(self._present)

    def _report(self) -> None:
        while True:
            gevent.sleep(_REPORT_SEC)
            present = self._present
            if present is None:
                continue
            ends = not present.closed and present.ended and not self._runner.user_greenlets
            cpu_share = present.cpu_share
            if ends and self._equipment is not None:
                self._equipment.checker.finish(_CHECK_SEC)
            if self._tell(present) and ends:
                present.closed = True
                self._say("done", packed(self._done(present, cpu_share)))
            if self._equipment is not None and self._equipment.checker.problem is not None:
                self._say("trouble", str(self._equipment.checker.problem))
                self._equipment.checker.problem = None

    def _done(self, present: Present, cpu_share: float) -> Done:
        return Done(
            number=present.order.number,
            cpu_share=cpu_share,
            lag_sec=present.lag_sec,
            notes=() if self._equipment is None else self._equipment.take_notes(),
        )

    def _tell(self, present: Present) -> bool:
        """Send what has come of calls; return whether all of it could be sent."""
        for batch in present.batches():
            try:
                self._say("calls", packed(batch))
            except RPCError:
                present.put_back(batch)
                return False
        return True


def _listening(listener: Any) -> Any:
    def listen(environment: Any, msg: Any) -> None:
        del environment
        listener(msg.data)

    return listen


def main() -> None:
    """Serve. Exits with 2 and one line where nobody answers, or where it is sent away."""
    lines = pipes.lines()
    address = next(lines, b"").decode()
    host, _, port = address.rpartition(":")
    if not port:
        os._exit(1)
    gevent.spawn(_end_with, lines)
    # A call takes two descriptors, and there may be thousands of users.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        worker = Worker(host.strip("[]"), int(port))
    except ConnectionError:
        sys.stderr.write(f"nobody answers at {address}: the run must be there first\n")
        sys.stderr.flush()
        os._exit(UNUSABLE)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, worker.leave)
    worker.serve()
    end = 0
    if worker.refused is not None:
        sys.stderr.write(f"{worker.refused}\n")
        end = UNUSABLE
    elif worker.abandoned:
        sys.stderr.write("the run is gone\n")
        end = 1
    sys.stderr.flush()
    # What is left are the threads of libraries, which nobody waits for.
    os._exit(end)


def _end_with(lines: Iterator[bytes]) -> None:
    """End at once where whoever started this is gone, whatever goes on."""
    for _ in lines:
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
