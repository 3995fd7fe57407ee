"""The fork server forks, so it is tried in processes of its own: a test run may have threads."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

PREAMBLE = """
import json, os, signal, socket, sys, time
from pytest_modal_bench.local.containers.fork_server import ForkServer

def serve(listener, supervisor):
    supervisor.sendall(json.dumps({
        "pid": os.getpid(),
        "parent": os.getppid(),
        "port": listener.getsockname()[1],
        "descriptors": len(os.listdir("/dev/fd")),
        "sigint": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    }).encode() + b"\\n")
    if supervisor.recv(1) == b"!":
        raise RuntimeError("broken container")

def report(supervisor):
    return json.loads(supervisor.makefile("rb").readline())

fork_server = ForkServer(serve)
with socket.create_server(("127.0.0.1", 0)) as one:
    port = one.getsockname()[1]
    a, b = fork_server.spawn(one), fork_server.spawn(one)
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


def test_containers_are_forked_with_their_listener_and_supervisor_and_no_other_descriptor() -> None:
    (port, own_pid, first, second), stderr = run("""
        result = [port, os.getpid(), report(a), report(b)]
        a.close(), b.close()
        fork_server.close()
        print(json.dumps(result))
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
        pids = [report(a)["pid"], report(b)["pid"]]
        a.close(), b.close()
        fork_server.close()
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
        report(a), report(b)
        a.sendall(b"!")
        rest = a.recv(100).decode()
        with socket.create_server(("127.0.0.1", 0)) as two:
            c = fork_server.spawn(two)
        other = report(c)["port"] == two.getsockname()[1] if two.fileno() != -1 else report(c)["port"] > 0
        a.close(), b.close(), c.close()
        fork_server.close()
        print(json.dumps([rest, other]))
    """)
    assert rest == ""
    assert other
    assert stderr.count("RuntimeError: broken container") == 1


def test_spawning_after_the_fork_server_died_is_an_oserror() -> None:
    result, _ = run("""
        parent = report(a)["parent"]
        report(b)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        with socket.create_server(("127.0.0.1", 0)) as two:
            try:
                fork_server.spawn(two)
                result = "spawned"
            except OSError as error:
                result = type(error).__name__
        a.close(), b.close()
        fork_server.close()
        print(json.dumps(result))
    """)
    assert result == "BrokenPipeError"
