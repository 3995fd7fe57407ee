from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from project import SHIPPED_CATALOGUE
from pytest_process import PytestProcess, until

from pytest_modal_bench.run.journal import read

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project, Service

INTERRUPTED = int(pytest.ExitCode.INTERRUPTED)

spread = pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["alone", "spread"])


@pytest.fixture
def hanging(project: Project, service: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of which one endpoint hangs after two that don't, and that leaves its temporary files in `tmp`."""
    project.catalogue(service.url, "/ok1", "/ok2", "/hang", "/ok3")
    temporary = project.pytester.path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    return project.pytester.path


@pytest.fixture
def local(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on the local workspace, in which two endpoints hang."""
    project.pytester.path.joinpath("endpoints.toml").write_text(SHIPPED_CATALOGUE.read_text())
    temporary = project.pytester.path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    return project.pytester.path


LOCAL = ("--modal-bench-workspace=local", "--modal-bench-scenario=reference", "--modal-bench-rounds=1")


def left_behind(directory: Path) -> list[str]:
    """Temporary files and directories that are nobody's any more."""
    found = (*directory.glob("tmp/**/*"), *directory.glob(".modal-bench-*"))
    return [str(path.relative_to(directory)) for path in found]


def ports(processes: list[psutil.Process]) -> set[int]:
    """The ports that any of the processes listens on."""
    found: set[int] = set()
    for process in processes:
        try:
            found.update(
                each.laddr.port for each in process.net_connections() if each.status == psutil.CONN_LISTEN
            )
        except psutil.Error:
            continue
    return found


def is_gone(running: PytestProcess) -> None:
    until("everything it started is gone", lambda: not running.survivors(), timeout=60)


def stopped(running: PytestProcess, done: list[str]) -> dict[str, Any]:
    """The report of a run that was stopped after `done`, checked for what holds of all such runs."""
    report = running.report()
    assert report is not None
    assert not report["finished"]
    statuses = {each["path"]: each["status"] for each in report["results"]}
    assert [path for path, status in statuses.items() if status == "success"] == done
    assert report["summary"]["not_run"] >= 1
    assert "Unfinished" in (running.directory / "modal-bench-report.md").read_text()
    assert left_behind(running.directory) == []
    return report


@spread
@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_a_run_that_is_stopped_keeps_what_it_has(
    hanging: Path, service: Service, spread: tuple[str, ...], how: str
) -> None:
    with PytestProcess(hanging, "--modal-bench", *spread) as running:
        running.until("an endpoint hangs", lambda: "/hang" in service.calls)
        running.until_done(2)
        running.descendants()
        if how == "Ctrl-C":
            running.interrupt()
        else:
            running.send(signal.SIGTERM)

        assert running.wait() == INTERRUPTED, running.output.read_text()
        is_gone(running)
        report = stopped(running, ["/ok1", "/ok2"])
    cut, left = report["results"][2:]
    # A worker that is stopped takes what it had measured of the endpoint with it.
    assert cut["status"] in (("failed",) if not spread else ("not_run", "failed"))
    assert cut["error"] is None or "cut off" in cut["error"]
    assert left["status"] == "not_run"
    assert "Traceback" not in running.output.read_text()


def test_a_killed_worker_costs_its_endpoint_and_no_other(hanging: Path) -> None:
    with PytestProcess(hanging, "--modal-bench", "-n1") as running:
        running.until_done(2)
        (worker,) = running.workers()
        worker.kill()

        assert running.wait() == int(pytest.ExitCode.TESTS_FAILED)
        is_gone(running)
        report = running.report()
    assert report is not None
    assert report["finished"]
    assert [each["status"] for each in report["results"]] == ["success", "success", "failed", "success"]
    assert "crashed while running" in report["results"][2]["error"]


@spread
def test_a_killed_pytest_leaves_its_journal(hanging: Path, spread: tuple[str, ...]) -> None:
    with PytestProcess(hanging, "--modal-bench", *spread) as running:
        running.until_done(2)
        running.descendants()
        running.send(signal.SIGKILL)

        assert running.wait() == -signal.SIGKILL
        is_gone(running)
    (journal,) = hanging.glob("modal-bench-report.*.journal")
    left = read(journal.read_bytes())
    assert [each.path for each in left.results if each.status == "success"] == ["/ok1", "/ok2"]
    assert (left.finished, left.verdict) == (False, None)


@pytest.mark.parametrize(
    ("number", "spread"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ("-n", "2")),
        (signal.SIGKILL, ("-n", "2", "--modal-bench-max-cost=100")),
    ],
    ids=["Ctrl-C", "SIGTERM-spread", "SIGKILL-spread"],
)
def test_the_local_workspace_ends_with_its_session(
    local: Path, number: signal.Signals, spread: tuple[str, ...]
) -> None:
    with PytestProcess(local, "--modal-bench", *LOCAL, *spread) as running:
        running.until_done(2)
        processes = running.descendants()
        listening = ports(processes)
        assert listening, "the workspace serves"
        if number == signal.SIGINT:
            running.interrupt()
        else:
            running.send(number)

        expected = -number if number == signal.SIGKILL else INTERRUPTED
        assert running.wait() == expected, running.output.read_text()
        is_gone(running)
        if number == signal.SIGKILL:
            assert list(local.glob("modal-bench-report.*.journal"))
        else:
            report = running.report()
            assert report is not None
            assert not report["finished"]
        assert left_behind(local) == []
    still = [each.laddr for each in psutil.net_connections() if each.status == psutil.CONN_LISTEN]
    assert not listening & {address.port for address in still if address}


@spread
def test_a_second_interrupt_ends_quietly_and_costs_no_report(
    hanging: Path, service: Service, spread: tuple[str, ...]
) -> None:
    with PytestProcess(hanging, "--modal-bench", *spread) as running:
        running.until("an endpoint hangs", lambda: "/hang" in service.calls)
        running.until_done(2)
        running.descendants()
        for _ in range(3):
            running.interrupt()
            time.sleep(0.1)

        assert running.wait() == INTERRUPTED, running.output.read_text()
        is_gone(running)
        stopped(running, ["/ok1", "/ok2"])
    output = running.output.read_text()
    assert "Traceback" not in output
    assert "Error" not in output


def test_workers_end_with_their_pytest(hanging: Path, service: Service) -> None:
    with PytestProcess(hanging, "--modal-bench", "-n", "2") as running:
        running.until("an endpoint hangs", lambda: "/hang" in service.calls)
        running.descendants()
        running.send(signal.SIGKILL)
        running.wait()
        until("everything it started is gone", lambda: not running.survivors(), timeout=60)
