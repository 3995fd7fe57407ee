from __future__ import annotations

import signal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from pytest_process import PytestProcess, until

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project, Service

# Not `importorskip`: Locust changes the process that imports it.
pytestmark = pytest.mark.skipif(find_spec("locust") is None, reason="Locust is not installed")

INTERRUPTED = int(pytest.ExitCode.INTERRUPTED)


@pytest.fixture
def folder(project: Project, service: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one endpoint, that leaves its temporary files in `tmp`."""
    project.catalogue(service.url, "/ok")
    temporary = project.pytester.path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    return project.pytester.path


def load_of(report: dict[str, Any] | None) -> dict[str, Any]:
    assert report is not None
    (result,) = report["results"]
    found: dict[str, Any] = result["load"]
    return found


@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["alone", "spread"])
@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_a_load_that_is_interrupted_is_in_the_report_with_what_was_under_way(
    folder: Path, service: Service, spread: tuple[str, ...], how: str
) -> None:
    load = "--modal-bench-load=users=3 duration=120"
    with PytestProcess(folder, "--modal-bench", "--modal-bench-load-only", load, *spread) as running:
        running.until("calls are made", lambda: len(service.calls) > 20)
        running.descendants()
        if how == "Ctrl-C":
            running.interrupt()
        else:
            running.send(signal.SIGTERM)
        assert running.wait() == INTERRUPTED, running.output.read_text()
        until("everything it started is gone", lambda: not running.survivors(), timeout=60)
        found = load_of(running.report())
    assert found["stopped"] == "interrupted"
    (step,) = found["steps"]
    assert step["n"] > 0
    # A call may be cut off before it is sent.
    assert step["n"] <= len(service.calls) <= step["n"] + step["under_way"]
    assert step["under_way"] <= 3
    assert step["errors"] == {}
    assert "Traceback" not in running.output.read_text()
    assert [path.name for path in folder.glob("tmp/**/*")] == []


def test_a_load_that_reaches_its_cost_limit_ends_and_says_so(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    service.headers["/ok"] = {"X-Cost-USD": "0.01"}

    result = project.run(
        *("--modal-bench", "--modal-bench-load-only", "--modal-bench-max-cost=0.2"),
        "--modal-bench-load=users=2 duration=120",
        timeout=100,
    )

    found = load_of(project.report())
    (step,) = found["steps"]
    assert "limit" in found["stopped"]
    # Those under way when it was reached may cost as much again, each.
    assert 18 <= step["n"] <= 22
    assert step["n"] <= len(service.calls) <= step["n"] + step["under_way"], (
        "one may be cut off before it is sent"
    )
    assert result.ret == (0 if project.report()["verdict"] in ("PASS", "WARN", "INCONCLUSIVE") else 1)
