"""The zygote forks, so it is tried in processes of its own: a test run may have threads."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

PREAMBLE = """
import json, os, signal, socket, sys, time
from pytest_modal_bench.local.containers.zygote import Zygote

def serve(listener, lifeline):
    lifeline.sendall(json.dumps({
        "pid": os.getpid(),
        "parent": os.getppid(),
        "port": listener.getsockname()[1],
        "descriptors": len(os.listdir("/dev/fd")),
        "sigint": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    }).encode() + b"\\n")
    if lifeline.recv(1) == b"!":
        raise RuntimeError("broken container")

def say(lifeline):
    return json.loads(lifeline.makefile("rb").readline())

zygote = Zygote(serve)
with socket.create_server(("127.0.0.1", 0)) as one:
    port = one.getsockname()[1]
    a, b = zygote.spawn(one), zygote.spawn(one)
"""


def run(script: str) -> tuple[Any, str]:
    """Run `script` after the preamble; what it prints as JSON, and what stands on stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PREAMBLE + textwrap.dedent(script)],
        capture_output=True,
        timeout=20,
        check=True,
    )
    return json.loads(done.stdout), done.stderr.decode()


def test_containers_are_forked_with_their_listener_and_lifeline_and_no_other_descriptor() -> None:
    (port, own_pid, first, second), stderr = run("""
        told = [port, os.getpid(), say(a), say(b)]
        a.close(), b.close()
        zygote.close()
        print(json.dumps(told))
    """)
    assert first["port"] == second["port"] == port
    assert len({own_pid, first["parent"], first["pid"], second["pid"]}) == 4
    assert first["parent"] == second["parent"]
    assert (
        first["descriptors"] == second["descriptors"] == 6
    )  # three standard ones, two ours, the listing's own
    assert first["sigint"]
    assert stderr == ""


def test_closing_waits_until_every_container_is_gone() -> None:
    alive, _ = run("""
        pids = [say(a)["pid"], say(b)["pid"]]
        a.close(), b.close()
        zygote.close()
        alive = []
        for pid in pids:
            try:
                os.kill(pid, 0)
                alive.append(pid)
            except ProcessLookupError:
                pass
        print(json.dumps(alive))
    """)
    assert alive == []


def test_a_container_that_fails_says_so_and_ends_alone() -> None:
    (rest, other), stderr = run("""
        say(a), say(b)
        a.sendall(b"!")
        rest = a.recv(100).decode()
        with socket.create_server(("127.0.0.1", 0)) as two:
            c = zygote.spawn(two)
        other = say(c)["port"] == two.getsockname()[1] if two.fileno() != -1 else say(c)["port"] > 0
        a.close(), b.close(), c.close()
        zygote.close()
        print(json.dumps([rest, other]))
    """)
    assert rest == ""
    assert other
    assert stderr.count("RuntimeError: broken container") == 1


def test_spawning_after_the_zygote_died_is_an_oserror() -> None:
    told, _ = run("""
        parent = say(a)["parent"]
        say(b)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        with socket.create_server(("127.0.0.1", 0)) as two:
            try:
                zygote.spawn(two)
                told = "spawned"
            except OSError as error:
                told = type(error).__name__
        a.close(), b.close()
        zygote.close()
        print(json.dumps(told))
    """)
    assert told == "BrokenPipeError"
