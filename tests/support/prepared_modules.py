"""Starts this project's own programs, `python -P -m MODULE`, as forks of processes that have imported what they need.

What is run is a process of its own all the same, with its own arguments, environment, directory, files and session. It
differs in its parent, and in that what it needs is imported in any case: tests of either start real ones.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from select import select
from typing import TYPE_CHECKING, Any

import forks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PACKAGE = "pytest_modal_bench"
PROGRAMS = {
    "local": (f"{_PACKAGE}.local", f"{_PACKAGE}.answers.decoding.worker"),
    "engine": (f"{_PACKAGE}.load.engine.master", f"{_PACKAGE}.load.engine.worker"),
}
"""By what the process that is forked is called. Locust would patch what the others have imported already."""
NEEDED = {
    "local": (f"{_PACKAGE}.local.command", f"{_PACKAGE}.local.control.servicer", "av"),
    "engine": (f"{_PACKAGE}.load.engine.patched",),
}
"""What they import when they run, or before all else."""
_TITLE = 2000
"""Bytes of a command line that can be shown in place of the own one."""


class Servers:
    """The processes that are forked, each started when it is first needed; they end when `lifeline` is closed."""

    def __init__(self, lifeline: int) -> None:
        self._lifeline = lifeline
        self._sockets: dict[str, socket.socket] = {}

    def pass_on(self, name: str, descriptors: list[int]) -> None:
        """Have the server of that name answer a request."""
        if name not in self._sockets:
            self._sockets[name] = self._start(name)
        socket.send_fds(self._sockets[name], [name.encode()], descriptors)
        forks.close(descriptors)

    def _start(self, name: str) -> socket.socket:
        ours, theirs = socket.socketpair(type=socket.SOCK_DGRAM)
        with theirs:
            subprocess.Popen(
                [
                    *(sys.executable, __file__, name, str(theirs.fileno()), str(self._lifeline)),
                    "-" * _TITLE,
                ],
                pass_fds=[theirs.fileno(), self._lifeline],
                stdin=subprocess.DEVNULL,
            )
        return ours


class Popen(subprocess.Popen[Any]):
    """`subprocess.Popen`, but for the `PROGRAMS`."""

    server: socket.socket
    _of_others = subprocess.Popen._execute_child  # type: ignore[attr-defined] # noqa: SLF001 - what is replaced
    _names = tuple(inspect.signature(_of_others).parameters)[1:]
    _fork: forks.Fork | None = None

    def _execute_child(self, *given: Any) -> None:
        call = dict(zip(self._names, given, strict=True))
        match call["args"]:
            case [sys.executable, "-P", "-m", module, *_] if (name := _server_of(module)) is not None:
                pass
            case _:
                self._of_others(*given)
                return
        ends = [call[end] for end in ("p2cread", "c2pwrite", "errwrite")]
        files = {number: number if end == -1 else end for number, end in enumerate(ends)}
        self._fork = forks.ask(
            self.server,
            name,
            call["args"],
            env=os.environ if call["env"] is None else call["env"],
            cwd=call["cwd"] or str(Path.cwd()),
            files=files | {number: number for number in call["pass_fds"]},
            session=call["start_new_session"],
        )
        self.pid = self._fork.pid
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(call[end] for end in pipes))  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._fork is None:
            return super()._try_wait(wait_flags)  # type: ignore[misc, no-any-return]
        status = self._fork.status(0 if wait_flags & os.WNOHANG else None)
        if status is None:
            return 0, 0
        self._fork.close()
        return self.pid, status

    def _internal_poll(self, *args: Any, **kwargs: Any) -> int | None:
        if self._fork is None:
            return super()._internal_poll(*args, **kwargs)  # type: ignore[misc, no-any-return]
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None and (ended := self._try_wait(os.WNOHANG))[0]:
                    self._handle_exitstatus(ended[1])  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


def _server_of(module: str) -> str | None:
    return next((name for name, modules in PROGRAMS.items() if module in modules), None)


def use(server: socket.socket) -> None:
    """Have this process start its `PROGRAMS` by what `server` passes requests on to."""
    Popen.server = server
    subprocess.Popen = Popen  # type: ignore[misc]


@contextmanager
def used(server: socket.socket) -> Iterator[None]:
    """Do as `use`, for a while."""
    before = subprocess.Popen
    use(server)
    try:
        yield
    finally:
        subprocess.Popen = before  # type: ignore[misc]


def serve(name: str, server: socket.socket, lifeline: int) -> Callable[[], object]:
    """Fork for each request, until nobody is there to ask. A fork returns what it is to do."""
    for module in NEEDED[name]:
        with suppress(ModuleNotFoundError):  # it takes an extra
            importlib.import_module(module)
    for module in PROGRAMS[name]:
        main = (
            f"{module}.__main__"
            if (Path(__file__).parents[2] / module.replace(".", "/")).is_dir()
            else module
        )
        importlib.import_module(main)
        del sys.modules[main]  # it is to be run
    PREPARE[name]()
    gc.collect()
    gc.freeze()
    while server.fileno() in select([server.fileno(), lifeline], [], [])[0]:
        _, descriptors = forks.received(server)
        asked = forks.fork(descriptors)
        if asked is not None:
            server.detach()
            return lambda: _run(*asked["argv"])
    sys.exit()


def _prepare_workspaces() -> None:
    """Do once what each workspace and each decoder begins with, and which is the same in all of them."""
    from PIL import Image

    from pytest_modal_bench.local.app import drawing, gpu, routes
    from pytest_modal_bench.local.app.shapes import sound
    from pytest_modal_bench.local.workspace import apps
    from pytest_modal_bench.local.workspace.catalogue import NAMES

    Image.init()
    media: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (drawing, ("portrait_png", "mask_png", "clip_mp4")),
        (sound, ("voice_wav",)),
    )
    wanted = [(module, name) for module, names in media for name in names]
    for (module, name), data in zip(wanted, _made_apart(wanted), strict=True):
        setattr(module, name, partial(bytes, data))
    for catalogue in NAMES:
        for name, app in apps.read(catalogue).apps.items():
            routes.build(name, app, gpu.Gpu(app.endpoints, time_scale=1.0, seed=0), ())


def _made_apart(wanted: Sequence[tuple[Any, str]]) -> list[bytes]:
    """Make media in a process that ends then: FFmpeg keeps threads for its next picture, and a fork would have none."""
    forking = multiprocessing.get_context("fork")
    receiving, sending = forking.Pipe(duplex=False)
    maker = forking.Process(target=lambda: sending.send([getattr(module, name)() for module, name in wanted]))
    maker.start()
    sending.close()
    made: list[bytes] = receiving.recv()
    maker.join()
    return made


def _prepare_engines() -> None:
    """End the loop that importing Locust has begun: it waits on files that a fork has not. Each begins its own."""
    import gevent

    gevent.get_hub().destroy(destroy_loop=True)


PREPARE = {"local": _prepare_workspaces, "engine": _prepare_engines}
"""What is done once, after that."""


def _run(executable: str, safe: str, option: str, module: str, *arguments: str) -> None:
    """Run a module as `python -P -m MODULE` does."""
    _show("\0".join((executable, safe, option, module, *arguments)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:0] = [each for each in given if each not in sys.path]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _show(title: str) -> None:
    """Have whoever looks at this process see the command that it stands for, where the system lets it."""
    stat = Path("/proc/self/stat")
    if stat.exists():
        import ctypes

        begin, last = map(int, stat.read_text().rpartition(")")[2].split()[45:47])
        room = last - begin - 1
        ctypes.memmove(begin, title.encode()[:room].ljust(room, b"\0"), room)


if __name__ == "__main__":
    _name, _server, _lifeline, _ = sys.argv[1:]
    os.set_inheritable(int(_server), False)
    os.set_inheritable(int(_lifeline), False)
    forks.run_and_end(serve(_name, socket.socket(fileno=int(_server)), int(_lifeline)))
