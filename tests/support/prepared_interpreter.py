"""Starts pytest, and its workers, in processes that need not import it first: forks of one that has done so.

What is run is a process of its own all the same, with its own arguments, environment, directory and output. What is
imported beforehand is what each run with this plugin imports: tests of what is imported when start a fresh process.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

PREPARED = (
    *("pytest", "execnet.gateway", "execnet.multi", "requests", "urllib3.connection", "ssl"),
    *(
        "msgspec",
        "PIL.Image",
        "tomllib",
        "statistics",
        "fractions",
        "multiprocessing",
        "concurrent.futures.thread",
        "jinja2",
        "jinja2.bccache",
        "pdb",
        "readline",
        "timeit",
    ),
)
ROOMS = (
    "answers",
    "call",
    "catalogue",
    "cost",
    "gate",
    "model",
    "plugin",
    "protocol",
    "report",
    "run",
    "safety",
)
"""Of this package, those that a run needs, whatever it measures."""
PLUGINS = {
    "pytest_benchmark": ("plugin", "fixture", "hookspec", "session"),
    "pytest_timeout": (),
    "xdist": ("plugin", "dsession", "looponfail", "newhooks", "scheduler"),
}
"""Of other projects: those that each run has, whatever is installed, and their modules."""


class Prepared:
    """The process that is forked. It is started when it is first needed, and ends with this one."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def start(self, argv: list[str], env: dict[str, str], stdout: IO[Any], stderr: IO[Any]) -> Fork:
        """Run `python -m pytest` with `argv` in the present directory."""
        with self._turn:
            if self._socket is None:
                self._begin()
            assert self._socket is not None
            ours, theirs = socket.socketpair()
            request = json.dumps({"argv": argv, "env": env, "cwd": str(Path.cwd())}).encode()
            descriptors = [stdout.fileno(), stderr.fileno(), theirs.fileno()]
            socket.send_fds(self._socket, [len(request).to_bytes(4)], descriptors)
            self._socket.sendall(request)
            theirs.close()
        return Fork(ours)

    def _begin(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        atexit.register(self._end)

    def _end(self) -> None:
        assert self._socket is not None
        assert self._process is not None
        self._socket.close()
        self._process.wait()


INTERPRETER = Prepared()


class Fork:
    """One run: what `subprocess.Popen` is to pytester."""

    stdin = None

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.pid = int.from_bytes(_exactly(channel, 4))
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raises TimeoutExpired."""
        if self.returncode is None:
            self._channel.settimeout(timeout)
            try:
                status = int.from_bytes(_exactly(self._channel, 4))
            except TimeoutError:
                raise subprocess.TimeoutExpired("pytest", timeout or 0.0) from None
            self.returncode = os.waitstatus_to_exitcode(status)
            self._channel.close()
        return self.returncode

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = channel.recv(size - len(data))
        if not piece:
            raise EOFError("the prepared interpreter has ended")
        data += piece
    return data


def serve(descriptor: int) -> None:
    """Fork for each request, until nobody is there to ask. A fork returns, to run pytest in the main module."""
    for name in PREPARED:
        __import__(name)
    for name in sys.modules["_pytest.config"].default_plugins:
        __import__(f"_pytest.{name}")
    _import_plugins()
    _compile_templates()
    # What a run collects is what it has made itself: all else stays shared with this process.
    gc.collect()
    gc.freeze()
    channel = socket.socket(fileno=descriptor)
    while True:
        head, descriptors, _, _ = socket.recv_fds(channel, 4, 3)
        if not head:
            sys.exit()
        request = json.loads(_exactly(channel, int.from_bytes(head)))
        if os.fork() == 0:
            channel.close()
            _attend(request, descriptors)
            return
        for each in descriptors:
            os.close(each)
        while _reaped():
            pass


def _import_plugins() -> None:
    """Import what each run imports, and have pytest not ask for it to be imported once more, with asserts rewritten."""
    for room in ROOMS:
        package = importlib.import_module(f"pytest_modal_bench.{room}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # The live display imports `rich`, which only some runs do.
            if not found.name.startswith("pytest_modal_bench.plugin.live"):
                importlib.import_module(found.name)
    for name, modules in PLUGINS.items():
        for module in ("", *modules):
            importlib.import_module(f"{name}.{module}".removesuffix("."))
    for name in ("pytest_modal_bench", *PLUGINS):
        sys.modules[name].__doc__ = "PYTEST_DONT_REWRITE"


def _compile_templates() -> None:
    """Have the templates of the HTML report loaded, which each run writes."""
    from pytest_modal_bench.report.html.shell import environment

    for name in environment().list_templates(extensions=["j2"]):
        environment().get_template(name)


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _attend(request: dict[str, Any], descriptors: list[int]) -> None:
    """Wait for the run in this process, a fork in between, and become the run in another."""
    stdout, stderr, answer = descriptors
    runs = os.fork()
    if runs:
        with socket.socket(fileno=answer) as channel:
            channel.sendall(runs.to_bytes(4))
            _, status = os.waitpid(runs, 0)
            channel.sendall(status.to_bytes(4))
        os._exit(0)
    os.close(answer)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    given = filter(None, request["env"].get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:0] = [request["cwd"], *given]
    sys.argv = request["argv"]
    if any(argument.startswith("-n") for argument in sys.argv):
        _prepare_workers()


def _prepare_workers() -> None:
    """Have xdist's workers forked, too: by a process that is as this one is now, and ends with it.

    What execnet would start is `python -u -c BOOTSTRAP`, with pipes for standard input and output.
    """
    channel, theirs = socket.socketpair()
    if os.fork() == 0:
        channel.close()
        _fork_workers(theirs)
    theirs.close()
    execnet = sys.modules["execnet.gateway_io"]

    class Worker(execnet.Popen2IO):  # type: ignore[misc, name-defined] # of a module that is found by name
        def __init__(self, _: object, execmodel: object) -> None:
            here, there = socket.socketpair()
            (given, stdin), (stdout, taken) = os.pipe(), os.pipe()
            environ = json.dumps({"env": dict(os.environ), "cwd": str(Path.cwd())}).encode()
            socket.send_fds(channel, [len(environ).to_bytes(4)], [given, taken, there.fileno()])
            channel.sendall(environ)
            for each in (given, taken):
                os.close(each)
            there.close()
            self._lives = here
            self._pid = int.from_bytes(_exactly(here, 4))
            super().__init__(os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"), execmodel=execmodel)

        def wait(self) -> None:
            self._lives.recv(1)  # its end is the end of this

        def kill(self) -> None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    execnet.Popen2IOMaster = Worker  # type: ignore[attr-defined] # of a module that is found by name


def _fork_workers(channel: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        head, descriptors, _, _ = socket.recv_fds(channel, 4, 3)
        if not head:
            os._exit(0)
        request = json.loads(_exactly(channel, int.from_bytes(head)))
        if os.fork():
            for each in descriptors:
                os.close(each)
            continue
        channel.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        given, taken, lives = descriptors
        os.write(lives, os.getpid().to_bytes(4))
        for number, each in enumerate((given, taken)):
            os.dup2(each, number)
            os.close(each)
        sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.argv = ["-c"]
        code = 0
        try:
            exec(eval(sys.stdin.readline()), {"__name__": "__main__"})  # noqa: S102, S307 - as execnet has it
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:  # noqa: BLE001 - as an interpreter does
            traceback.print_exc()
            code = 1
        _end(code)


def _end(code: int) -> NoReturn:
    """Do what an interpreter does at its end."""
    sys.stdout.flush()
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - waits for threads that are no daemons
    atexit._run_exitfuncs()  # noqa: SLF001
    os._exit(code)


if __name__ == "__main__":
    import runpy

    del sys.path[0]  # of this file's own directory no run must know
    serve(int(sys.argv[1]))
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)
