"""A process that has everything imported and forks containers: one starts in milliseconds, not in a second.

It forks once for each byte on its control socket. Two file descriptors come with the byte: the listening socket
that the new container serves, and the container's socket to the supervisor. The fork server ends after its
control socket is closed and its last container has ended.
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
    """What a container does with its listening socket and its socket to the supervisor, until it ends."""


class ForkServer:
    """The supervisor's end. Make it before the first thread and the first event loop: it forks."""

    def __init__(self, serve: Serve) -> None:
        self._control, child_end = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._control.close()
            _fork_on_demand(child_end, serve)
        child_end.close()

    def spawn(self, listener: socket.socket) -> socket.socket:
        """Fork a container that serves `listener`, and return the supervisor's socket to it.

        Raises `OSError` if the fork server has ended.
        """
        supervisor_end, container_end = socket.socketpair()
        with container_end:
            try:
                socket.send_fds(self._control, [b"+"], [listener.fileno(), container_end.fileno()])
            except OSError:
                supervisor_end.close()
                raise
        return supervisor_end

    def close(self) -> None:
        """Wait until it and its containers have ended; the sockets to the containers must be closed already."""
        self._control.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _fork_on_demand(control: socket.socket, serve: Serve) -> None:
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
        request, descriptors, _flags, _address = socket.recv_fds(control, 1, 2)
        if not request:
            break
        listener, supervisor = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        if os.fork() == 0:
            control.close()
            try:
                serve(listener, supervisor)
            except Exception:  # noqa: BLE001 - a container must not go on as a second fork server
                traceback.print_exc()
            finally:
                os._exit(1)
        listener.close()
        supervisor.close()
    with suppress(ChildProcessError):
        os.waitpid(-1, 0)  # as children are reaped by the kernel, this returns when there is none left
    os._exit(0)
