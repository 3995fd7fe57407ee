from __future__ import annotations

import socket
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service

LOAD = ("--modal-bench", "--modal-bench-load-only", "--modal-bench-load=users=4 duration=1")


def test_without_an_address_they_have_nowhere_to_connect(project: Project) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")

    assert project.usage_error(*LOAD, "--modal-bench-load-workers=2") == (
        "--modal-bench-load-workers: they have nowhere to connect: give --modal-bench-load-bind=HOST:PORT"
    )


# Not `importorskip`: Locust changes the process that imports it.
@pytest.mark.skipif(find_spec("locust") is None, reason="Locust is not installed")
def test_processes_that_are_started_elsewhere_take_part(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    worker = subprocess.Popen(
        [sys.executable, "-m", "pytest_modal_bench", "load-worker", "--master", address, "--processes", "1"],
        stderr=subprocess.DEVNULL,
    )
    try:
        result = project.run(
            *LOAD, f"--modal-bench-load-bind={address}", "--modal-bench-load-workers=1", timeout=100
        )
        assert worker.wait(60) == 0
    finally:
        worker.kill()
        worker.wait()

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["modal-bench: load: Locust * 1 started elsewhere"])
    (found,) = project.report()["results"]
    (step,) = found["load"]["steps"]
    assert step["n"] + step["under_way"] == len(service.calls)
    assert len({call[-2] for call in step["calls"]}) > 1, "calls of several processes"
