"""The decoding process: is handed file after file, and answers each with a line of JSON.

It has a session, an environment and limits of its own; a decoder that goes wrong takes nothing else with it.
It ends when its standard input does or, even while it decodes, when its lifeline is cut: then its parent is gone.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress

import msgspec
from PIL import Image, ImageFile

from pytest_modal_bench.answers.decoding.decoder import decode
from pytest_modal_bench.answers.decoding.findings import Findings

_WITH_PREVIEW = b"p"
_MAX_DESCRIPTORS = 64


def serve(memory_bytes: int, patience_sec: float, lifeline: int) -> None:
    """Answer requests on standard input, a socket, until its other end is closed.

    A request is one byte, `p` if a preview is wanted as well, and with it a descriptor of a file that is not empty.
    `lifeline` is the reading end of a pipe that nothing is ever written to, and whose other end the parent alone holds.
    """
    _die_with(lifeline)
    _prepare(memory_bytes)
    with socket.socket(fileno=os.dup(0)) as parent:
        parent.sendall(b"ready\n")
        while True:
            order, descriptors, _flags, _address = socket.recv_fds(parent, 1, 1)
            if not order:
                return
            # The parent's clock runs out first. This one is for the case that the parent is no more.
            signal.setitimer(signal.ITIMER_REAL, patience_sec)
            answer = _answer(descriptors[0], preview=order == _WITH_PREVIEW)
            signal.setitimer(signal.ITIMER_REAL, 0)
            parent.sendall(answer + b"\n")


def _prepare(memory_bytes: int) -> None:
    """Import what takes time, then give up what decoding does not take."""
    with suppress(ImportError):  # without the extra `video`, images are decoded all the same
        import av

        av.logging.set_level(None)
    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # limits.py has its own, which name width and height
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _MAX_DESCRIPTORS),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        # Not every system lets every limit be set, and a hard limit may be lower already.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))


def _die_with(lifeline: int) -> None:
    """Have the kernel end this process when `lifeline` is cut, without asking the C code that runs.

    The one thing that can happen to that pipe is its end. The socket would not do: the kernel queues a request first
    and reports it later, with the same signal, perhaps when it has been read already. The signal's default is to kill.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        sys.exit()  # it was cut before


def _answer(descriptor: int, *, preview: bool) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)  # where it stands is shared with the parent, which has just written or hashed it
        try:
            with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
                return msgspec.json.encode(decode(data, file, preview=preview))
        except OSError:
            return msgspec.json.encode(
                Findings(kind="other", problem="larger than the memory allowed to decode")
            )


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
