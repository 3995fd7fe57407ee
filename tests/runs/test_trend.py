"""The history of a real run: its report many times over, followed by the command that users type."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from trend_folders import write_history

from pytest_modal_bench.model.encoding import load

if TYPE_CHECKING:
    from project import Project, Service


def test_a_folder_of_real_reports_becomes_a_page_and_a_table(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-fast", "/ok-slow", "/fail")
    project.run("--modal-bench", "--modal-bench-report=run.json", "-p", "no:cacheprovider")
    directory = project.pytester.path
    real = load((directory / "run.json").read_bytes())
    write_history(directory / "history", real, slower_from=8, slower=real.results[0].id)
    (directory / "history" / "cut.json").write_bytes((directory / "run.json").read_bytes()[:-100])

    command = [sys.executable, "-m", "pytest_modal_bench", "trend", "history", "--report", "out/trend.md"]
    done = subprocess.run(
        [*command, "--report", "out/trend.html"], cwd=directory, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("left out: history/cut.json: not a report of pytest-modal-bench")
    shown = (directory / "out" / "trend.md").read_text("utf-8")
    assert "**2026-10-28 13:05 (commit abc1230000)**\n\n- Ok Fast: " in shown
    assert "1 change point" in shown or "2 change points" in shown
    assert "- Fail, since 2026-10-20 13:05: failed: HTTP 500: boom" in shown
    page = (directory / "out" / "trend.html").read_text("utf-8")
    assert page.count('<figure class="line-chart') >= 2
