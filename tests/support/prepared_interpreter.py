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
from contextlib import suppress
from pathlib import Path
from select import select
from typing import IO, Any, NoReturn

import forks
import prepared_modules

PYTEST, COMMAND = "pytest", "pytest_modal_bench"
"""What runs here, as `python -m` calls it."""
_NULL = os.open(os.devnull, os.O_RDONLY)
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
        self._server: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._turn = threading.Lock()

    def start(self, argv: list[str], env: dict[str, str], stdout: IO[Any], stderr: IO[Any]) -> forks.Fork:
        """Run `python -m pytest` with `argv` in the present directory."""
        files = {0: _NULL, 1: stdout.fileno(), 2: stderr.fileno()}
        return forks.ask(self.server, PYTEST, argv, env=env, cwd=str(Path.cwd()), files=files)

    def command(self, *arguments: str, cwd: Path) -> int:
        """Run `python -m pytest_modal_bench`, whose output nobody reads; return its exit code."""
        with Path(os.devnull).open("r+b") as null:
            files = dict.fromkeys(range(3), null.fileno())
            argv = [COMMAND, *arguments]
            return forks.ask(self.server, COMMAND, argv, env=os.environ, cwd=str(cwd), files=files).wait()

    @property
    def server(self) -> socket.socket:
        """What `forks.ask` and `prepared_modules.use` take."""
        with self._turn:
            if self._server is None:
                self._server = self._begin()
        return self._server

    def _begin(self) -> socket.socket:
        server, theirs = socket.socketpair(type=socket.SOCK_DGRAM)
        until, self._lifeline = os.pipe()
        passed = [theirs.fileno(), server.fileno(), until]
        self._process = subprocess.Popen(
            [sys.executable, __file__, *map(str, passed)], pass_fds=passed, stdin=subprocess.DEVNULL
        )
        theirs.close()
        os.close(until)
        atexit.register(self._end)
        return server

    def _end(self) -> None:
        assert self._process is not None
        assert self._server is not None
        self._server.close()
        os.close(self._lifeline)
        self._process.wait()


INTERPRETER = Prepared()


def serve(server: socket.socket, asking: socket.socket, lifeline: int) -> str:
    """Fork for each request, until nobody is there to ask. A fork returns the module that is to be the main one."""
    for name in PREPARED:
        __import__(name)
    for name in sys.modules["_pytest.config"].default_plugins:
        __import__(f"_pytest.{name}")
    _import_plugins()
    _compile_templates()
    importlib.import_module(f"{COMMAND}.cli")
    # What a run collects is what it has made itself: all else stays shared with this process.
    gc.collect()
    gc.freeze()
    modules = prepared_modules.Servers(lifeline)
    while server.fileno() in select([server.fileno(), lifeline], [], [])[0]:
        program, descriptors = forks.received(server)
        if program not in {PYTEST, COMMAND}:
            modules.pass_on(program, descriptors)
            continue
        asked = forks.fork(descriptors, keep=[asking.fileno()])
        if asked is not None:
            server.detach()
            prepared_modules.use(asking)
            _prepare(asked["argv"])
            return program
    sys.exit()


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


def _prepare(argv: list[str]) -> None:
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:0] = [str(Path.cwd()), *given]
    sys.argv = argv
    if any(argument.startswith("-n") for argument in argv):
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
            self._pid = int.from_bytes(here.recv(4))
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
        request = json.loads(channel.recv(int.from_bytes(head), socket.MSG_WAITALL))
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
        forks.run_and_end(_gateway)


def _gateway() -> None:
    exec(eval(sys.stdin.readline()), {"__name__": "__main__"})  # noqa: S102, S307 - as execnet has it


if __name__ == "__main__":
    import runpy

    del sys.path[0]  # of this file's own directory no run must know
    _passed = [int(each) for each in sys.argv[1:]]
    for _each in _passed:
        os.set_inheritable(_each, False)
    _module = serve(socket.socket(fileno=_passed[0]), socket.socket(fileno=_passed[1]), _passed[2])
    runpy.run_module(_module, run_name="__main__", alter_sys=True)
