from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import requests

from pytest_modal_bench.local.containers.container import ContainerSpec
from pytest_modal_bench.local.http import listen
from pytest_modal_bench.local.workspace import apps as workspace
from pytest_modal_bench.local.workspace.faults import Blank, Kill

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = """
import socket, sys
from pytest_modal_bench.local.containers.container import serve
serve(*(socket.socket(fileno=int(argument)) for argument in sys.argv[1:]))
"""
SPEC = ContainerSpec(
    id="ta-01TRIAL",
    name="ryla-flux",
    app=workspace.read().apps["ryla-flux"],
    time_scale=1e-4,
    seed=1,
    faults={"/flux-dev": Kill(), "/flux-dev-lora": Blank()},
    loras=["test-benchmark"],
)


@contextmanager
def container() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket, str]]:
    """Start a container that has no spec yet: its process, the socket to it, its URL."""
    ours, theirs = socket.socketpair()
    with listen() as listener, theirs:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        descriptors = [listener.fileno(), theirs.fileno()]
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, *map(str, descriptors)],
            pass_fds=descriptors,
            stderr=subprocess.PIPE,
        )
    with ours, process:
        try:
            yield process, ours, url
        finally:
            process.kill()


def test_it_reads_its_spec_sends_its_pid_boots_and_serves_until_its_supervisor_is_gone() -> None:
    with container() as (process, supervisor, url), supervisor.makefile("rb") as lines:
        supervisor.sendall(msgspec.json.encode(SPEC) + b"\n")
        assert int(lines.readline()) == process.pid
        assert lines.readline() == b"ready\n"
        assert requests.get(f"{url}/health", timeout=60).json() == {"status": "healthy", "app": "ryla-flux"}
        supervisor.shutdown(socket.SHUT_WR)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_it_adds_evidence_headers_if_its_spec_asks_for_them() -> None:
    def answer_of(spec: ContainerSpec) -> requests.Response:
        with container() as (_process, supervisor, url), supervisor.makefile("rb") as lines:
            supervisor.sendall(msgspec.json.encode(spec) + b"\n")
            assert len([lines.readline(), lines.readline()]) == 2
            return requests.get(f"{url}/health", timeout=60)

    answer = answer_of(msgspec.structs.replace(SPEC, middleware=True))
    assert answer.json()["status"] == "healthy"
    assert answer.headers["X-Modal-Bench-Container"] == "ta-01TRIAL"
    assert answer.headers["X-Modal-Bench-Request"] == "1"
    assert answer.headers["X-Modal-Bench-Region"] == "local"
    assert not [name for name in answer_of(SPEC).headers if name.startswith("x-modal-bench")]


def test_it_ends_quietly_if_it_never_gets_a_spec() -> None:
    with container() as (process, supervisor, _url):
        supervisor.close()
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_it_dies_of_sigkill_where_the_scenario_wants_that() -> None:
    with container() as (process, supervisor, url), supervisor.makefile("rb") as lines:
        supervisor.sendall(msgspec.json.encode(SPEC) + b"\n")
        assert len([lines.readline(), lines.readline()]) == 2
        body = {"prompt": "a lake", "width": 32, "height": 32}
        assert requests.post(f"{url}/flux", json=body, timeout=60).status_code == 200
        try:
            requests.post(f"{url}/flux-dev", json=body, timeout=60)
        except requests.ConnectionError:
            pass
        else:
            raise AssertionError("it answered")
        assert process.wait(60) == -9


def test_a_spec_survives_its_way_to_the_process() -> None:
    assert msgspec.json.decode(msgspec.json.encode(SPEC), type=ContainerSpec) == SPEC
    assert b"\n" not in msgspec.json.encode(SPEC)


def test_it_may_be_killed_only_until_so_many_of_its_app_have_died() -> None:
    spec = msgspec.structs.replace(SPEC, faults={"/flux": Kill(times=2), "/flux-dev": Kill()})
    killed = [msgspec.structs.replace(spec, deaths=deaths).killed_on_load() for deaths in (0, 1, 2)]
    assert killed == [["/flux", "/flux-dev"], ["/flux", "/flux-dev"], ["/flux-dev"]]
