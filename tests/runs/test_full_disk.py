"""Runs on a machine whose disk fills while an answer arrives: its trouble, and no endpoint's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.call.spool import IN_MEMORY_BYTES

if TYPE_CHECKING:
    from project import Project, Service

FULL = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({IN_MEMORY_BYTES + 1000}, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
"""


@pytest.mark.parametrize("beyond", [1, 5_000_000], ids=["at its end", "on its way"])
def test_an_answer_without_room_is_an_error_of_its_own_and_of_no_other(
    project: Project, service: Service, beyond: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = project.pytester.path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    project.pytester.makeconftest(FULL)
    project.catalogue(service.url, "/ok1", "/large", "/ok2")
    service.answers["/large"] = (200, b"x" * (IN_MEMORY_BYTES + 1000 + beyond))

    result = project.run("--modal-bench")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    report = project.report()
    assert project.statuses() == {"/ok1": "success", "/large": "failed", "/ok2": "success"}
    assert [each["verdict"] for each in report["results"]] == ["PASS", "ERROR", "PASS"]
    assert report["results"][1]["error"].startswith("this machine can't keep an answer of more than ")
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert list(temporary.iterdir()) == []
