"""A process that has everything imported and forks: a container is there in milliseconds, not in a second.

It forks once per byte that comes over its control socket; with the byte come two file descriptors: the
listening socket that the new container serves, and its lifeline to the supervisor. It ends when the control
socket closes, after its last container.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[[socket.socket, socket.socket], None]
    """What a container does with its listening socket and its lifeline, until it dies."""


class Zygote:
    """The supervisor's end. Make it before the first thread and the first event loop: it forks."""

    def __init__(self, serve: Serve) -> None:
        self._control, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._control.close()
            _live(theirs, serve)
        theirs.close()

    def spawn(self, listener: socket.socket) -> socket.socket:
        """Fork a container that serves `listener`, and return the supervisor's end of its lifeline.

        Raises `OSError` if the zygote is gone.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [b"+"], [listener.fileno(), theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return ours

    def close(self) -> None:
        """Wait for the end of the zygote and of its containers, whose lifelines must be closed already."""
        self._control.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _live(control: socket.socket, serve: Serve) -> None:
    """Fork on demand, until the supervisor is gone; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the whole group
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)  # whoever reads our output must see its end when the supervisor ends
    os.dup2(null, 1)
    os.close(null)
    gc.freeze()
    while True:
        order, descriptors, _flags, _address = socket.recv_fds(control, 1, 2)
        if not order:
            break
        listener, lifeline = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        if os.fork() == 0:
            control.close()
            try:
                serve(listener, lifeline)
            except Exception:  # noqa: BLE001 - a container must not go on as a second zygote
                traceback.print_exc()
            finally:
                os._exit(1)
        listener.close()
        lifeline.close()
    with suppress(ChildProcessError):
        os.waitpid(-1, 0)  # as children are reaped by the kernel, this returns when there is none left
    os._exit(0)
