from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from PIL import Image

from pytest_modal_bench.local.launch import LaunchError, LocalWorkspace, launch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OWNER = """
import sys, time
from pytest_modal_bench.local.launch import launch
import urllib.request
workspace = launch("healthy", 0.01)
urllib.request.urlopen(workspace.urls["ryla-flux"] + "/health").read()
print(workspace.pid, *workspace.urls.values(), flush=True)
time.sleep(60)
"""


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def assert_gone(processes: Sequence[psutil.Process], urls: Sequence[str]) -> None:
    """Assert that all have ended (an orphan may stay a zombie until init looks) and nobody listens."""
    end = time.monotonic() + 10
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        assert time.monotonic() < end
        time.sleep(0.01)
    for url in urls:
        parts = urlsplit(url)
        with socket.socket() as client:
            assert client.connect_ex((parts.hostname, parts.port)) != 0


def boot(workspace: LocalWorkspace) -> list[psutil.Process]:
    """Start two containers; every process there is now."""
    for app in ("ryla-flux", "ryla-lora"):
        assert requests.get(f"{workspace.urls[app]}/health", timeout=60).status_code == 200
    processes = family(workspace.pid)
    assert len(processes) == 4  # supervisor, fork_server, two containers
    return processes


def test_it_says_what_there_is_and_closing_leaves_nothing() -> None:
    workspace = launch("healthy", 0.01)
    processes = boot(workspace)
    assert workspace.workspace == "ryla"
    assert len(workspace.urls) == 8
    assert workspace.lora
    assert "0.01 real seconds" in workspace.simulated
    assert (workspace.environment, workspace.control) == ("main", None)
    for name in ("image", "mask"):
        data = workspace.resources[name]
        assert data is not None
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == "PNG"
    video = workspace.resources["video"]
    assert video is not None
    assert video[4:8] == b"ftyp"
    assert os.getsid(workspace.pid) == workspace.pid  # a terminal's Ctrl-C does not reach it
    workspace.close()
    assert_gone(processes, list(workspace.urls.values()))
    workspace.close()


def test_kill_9_of_the_supervisor_leaves_nothing() -> None:
    with launch("healthy", 0.01) as workspace:
        processes = boot(workspace)
        os.kill(workspace.pid, signal.SIGKILL)
        assert_gone(processes[1:], list(workspace.urls.values()))


def test_kill_9_of_the_process_that_started_it_leaves_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid, *urls = owner.stdout.readline().decode().split()
        processes = family(int(pid))
        assert len(processes) == 3
        owner.kill()
    assert_gone(processes, urls)


def test_a_supervisor_that_is_stuck_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_modal_bench.local.launch.STOP_SEC", 0.2)
    workspace = launch("healthy", 0.01)
    processes = boot(workspace)
    os.kill(workspace.pid, signal.SIGSTOP)
    workspace.close()
    assert_gone(processes, [])


def test_an_unknown_scenario_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        LaunchError,
        match="no scenario 'gone': there are edge-answers, healthy, instrumented, reference, or give",
    ):
        launch("gone", 0.01)


def test_a_missing_extra_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError('gone', name='fastapi')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LaunchError) as caught:
        launch("healthy", 0.01)
    assert str(caught.value) == (
        "the local workspace needs the extra `local`: pip install 'pytest-modal-bench[local]'"
    )


def test_a_control_plane_without_its_extra_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grpclib.py").write_text("raise ModuleNotFoundError('gone', name='grpclib')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LaunchError) as caught:
        launch("healthy", 0.01, control=True)
    assert str(caught.value) == (
        "the control plane needs the extra `modal`: pip install 'pytest-modal-bench[modal]'"
    )


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"--log .*events: No such file or directory"):
        launch("healthy", 0.01, log=tmp_path / "gone" / "events")


def test_a_workspace_that_does_not_come_up_in_time_is_put_away() -> None:
    before = psutil.Process().children(recursive=True)
    begun = time.monotonic()
    with pytest.raises(LaunchError, match=r"did not start within 0\.05 s"):
        launch("healthy", 0.01, ready_timeout=0.05)
    assert time.monotonic() - begun < 10
    assert psutil.Process().children(recursive=True) == before


def test_its_module_needs_nothing_but_the_standard_library() -> None:
    script = (
        "import sys; import pytest_modal_bench.local.launch;"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, check=True, timeout=20)
    assert done.stdout.decode().strip() == "['__main__', 'pytest_modal_bench']"
