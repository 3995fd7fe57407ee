from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import prettier
import pytest
from project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project

OPTIONS = ("--modal-bench", "--modal-bench-workspace=local", "-p", "no:cacheprovider")

LONGEST_SEC = 240
"""After which a run hangs, on a machine as busy as may be. How long it takes on an idle one, `benchmarks/` says."""

REFERENCE_TABLES = """
### Flux
Flux | /flux | ✅
Flux Dev | /flux-dev | ✅
Flux Dev Lora | /flux-dev-lora | ⏭️ Missing: LoRA file
Flux Lora | /flux-lora | ⏭️ Missing: LoRA file
### Face Consistency
Sdxl Instantid | /sdxl-instantid | ❌ Exceeded 30 redirects.
Flux Pulid | /flux-pulid | ❌ Timeout
Flux Ipadapter Faceid | /flux-ipadapter-faceid | ❌ Timeout
### Qwen Image
Qwen Image 2512 | /qwen-image-2512 | ✅
Qwen Image 2512 Fast | /qwen-image-2512-fast | ✅
Qwen Image 2512 Lora | /qwen-image-2512-lora | ⏭️ Missing: LoRA file
Video Faceswap | /video-faceswap | ⏭️ Missing: test video
### Qwen Edit
Qwen Image Edit 2511 | /qwen-image-edit-2511 | ❌ HTTPSConnectionPool(host='HOST...
Qwen Image Inpaint 2511 | /qwen-image-inpaint-2511 | ❌ HTTPSConnectionPool(host='HOST...
### Z-Image
Z Image Simple | /z-image-simple | ✅
Z Image Danrisi | /z-image-danrisi | ✅
Z Image Lora | /z-image-lora | ⏭️ Missing: LoRA file
### Video
Wan2 | /wan2 | ❌ HTTP 500: modal-http: internal...
Wan2.6 | /wan2.6 | ❌ HTTP 408: Missing request, pos...
Wan2.6 R2V | /wan2.6-r2v | ⏭️ Missing: test video
Wan2.6 Lora | /wan2.6-lora | ⏭️ Missing: LoRA file
### Upscaling
Seedvr2 | /seedvr2 | ⏭️ Missing: test video
"""

REFERENCE_FAILED = """
- `/flux-pulid`, `/flux-ipadapter-faceid`: Timeout
**Timeout:**
**Try:**
- `/qwen-image-edit-2511`: HTTPSConnectionPool(host='HOST', port=PORT): Max retries exceeded with url: /qwen-image-edit-2511 (Caused by SSLError(
`/qwen-image-inpaint-2511`: HTTPSConnectionPool(host='HOST', port=PORT): Max retries exceeded with url: /qwen-image-inpaint-2511 (Caused by SSLError(
**TLS:**
**Try:**
- `/sdxl-instantid`: Exceeded 30 redirects.
**Redirect loop:**
**Try:**
- `/wan2`: HTTP 500: modal-http: internal error: function was terminated by signal
**Killed:**
**Try:**
- `/wan2.6`: HTTP 408: Missing request, possibly due to expiry or cancellation
**Input lost:**
**Try:**
"""  # noqa: E501 - the reference's own messages
"""By cause: the reference's messages, each of which stands once, then what the cause means and what to try."""

REFERENCE_SKIPPED = """
- `/flux-dev-lora`, `/flux-lora`, `/qwen-image-2512-lora`, `/z-image-lora`, `/wan2.6-lora`: Missing: LoRA file
- `/video-faceswap`, `/wan2.6-r2v`, `/seedvr2`: Missing: test video
"""

MOST_LINES = 120
"""Of a report of 21 endpoints, outside of its folds."""


@dataclass
class LocalRun:
    """A run on the local workspace, and what it left."""

    directory: Path
    exit_code: int
    output: str

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.directory / "report.json").read_text())
        return report

    @property
    def markdown(self) -> str:
        return (self.directory / "report.md").read_text()

    def section(self, title: str) -> str:
        """The report's section of that title."""
        (body,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", self.markdown, re.MULTILINE | re.DOTALL)
        return str(body)


def run_locally(project: Project, *args: str) -> LocalRun:
    """Run this checkout's own benchmark, as its README says; the reports go to the project."""
    directory = project.pytester.path
    reports = (f"--modal-bench-report={directory}/report.md", f"--modal-bench-report={directory}/report.json")
    command = [sys.executable, "-W", "error", "-m", "pytest", *OPTIONS, *reports, *args]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONGEST_SEC)
    return LocalRun(directory, done.returncode, done.stdout + done.stderr)


spread = pytest.mark.parametrize("spread", [(), ("-n", "auto")], ids=["alone", "spread"])


def without_addresses(text: str) -> str:
    """`text` with hosts and ports taken out; a cut one, too."""
    text = re.sub(r"host='[\w.-]+'?", "host='HOST'", text)
    return re.sub(r"port=\d+", "port=PORT", text)


def tables(run: LocalRun) -> list[str]:
    """The category tables, of each row its name, path and status."""
    lines = []
    for line in run.section("Results by Category").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("### "):
            lines.append(line)
        elif line.startswith("|") and cells[1].startswith("`"):
            lines.append(" | ".join((cells[0], cells[1].strip("`"), cells[6])))
    return lines


def no_cost_is_made_up(run: LocalRun) -> None:
    assert "$0" not in run.markdown
    assert re.search(r"\| Total Benchmark Cost +\| - +\|", run.markdown)
    report = run.report
    assert report["summary"]["total_cost_usd"] is None
    for each in report["results"]:
        assert each["cost_usd"] is None
        assert all(sample["cost_usd"] is None for sample in each["samples"])


def nothing_is_said_that_was_not_measured(run: LocalRun) -> None:
    """The false greens of the reference report that were sentences."""
    assert all(each["gpu_type"] is None for each in run.report["results"]), "the headers were dropped"
    assert "video endpoints" not in run.section("Recommendations").lower(), "no video was measured"
    pairs = [each for each in run.report["results"] if each["cold_time_sec"] and each["warm_time_sec"]]
    assert len(pairs) == 3
    assert f"(paired, {len(pairs)} endpoints)" in run.section("Key Findings")
    for each in run.report["results"]:
        warm = [sample for sample in each["samples"] if sample["start"] == "warm"]
        assert (each["warm_time_sec"] is None) == (not warm), "a first call is no warm one"


def is_short(run: LocalRun) -> None:
    seen = re.sub(r"<details>.*?</details>\n?", "", run.markdown, flags=re.DOTALL).splitlines()
    assert len(seen) <= MOST_LINES
    assert any(line.startswith("**Verdict:** ") for line in seen[:10])
    assert len(run.markdown.splitlines()) > len(seen), "what the reference lacks is folded"


def prettier_accepts(run: LocalRun) -> None:
    if not prettier.INSTALLED:
        pytest.skip(prettier.WHY_NOT)
    prettier.leaves_alone(run.directory, "report.md")


@spread
def test_every_endpoint_of_a_healthy_workspace_is_measured(project: Project, spread: tuple[str, ...]) -> None:
    # Deadlines are scaled like the times: a busy machine must be able to keep them.
    healthy = run_locally(project, "--modal-bench-time-scale=0.02", *spread)

    assert healthy.exit_code == 0, healthy.output
    assert "21 passed" in healthy.output
    report = healthy.report
    assert report["finished"]
    assert report["simulated"]
    assert [each["status"] for each in report["results"]] == ["success"] * 21
    assert report["resources"] == {"image": True, "video": True, "mask": True, "lora": True}
    colds = {each["pool"] for each in report["results"] if each["cold_time_sec"] is not None}
    assert colds == {each["pool"] for each in report["results"]}, "one cold start a pool"
    assert len(colds) == 8
    assert all(each["warm_time_sec"] > 0 for each in report["results"])
    assert "USD" not in healthy.section("Recommendations"), "simulated seconds have no price"
    is_short(healthy)
    prettier_accepts(healthy)


@spread
def test_the_reference_run_comes_out_of_its_faults(project: Project, spread: tuple[str, ...]) -> None:
    reference = run_locally(project, "--modal-bench-scenario=reference", *spread)

    assert reference.exit_code == 1, reference.output
    for count in ("7 failed", "6 passed", "8 skipped"):
        assert count in reference.output.splitlines()[-1]
    assert [without_addresses(line) for line in tables(reference)] == [
        without_addresses(line) for line in REFERENCE_TABLES.strip().splitlines()
    ]

    failed = (
        without_addresses(reference.section("Failed Endpoints")).strip().replace("<br>", "\n").splitlines()
    )
    expected = REFERENCE_FAILED.strip().splitlines()
    assert len(failed) == len(expected)
    for line, start in zip(failed, expected, strict=True):
        is_begun = start.endswith(("(", ":**"))
        assert line.startswith(start) and len(line) > len(start) if is_begun else line == start
    assert reference.section("Skipped Endpoints").strip() == REFERENCE_SKIPPED.strip()
    no_cost_is_made_up(reference)
    nothing_is_said_that_was_not_measured(reference)
    is_short(reference)
    prettier_accepts(reference)


def test_the_benchmark_needs_nothing_that_only_the_tests_need(tmp_path: Path) -> None:
    for name in ("hypothesis", "psutil", "markdown_it", "flask"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError({name!r})\n")
    command = [sys.executable, "-m", "pytest", *OPTIONS, "-p", "no:hypothesispytest", "--collect-only", "-q"]
    done = subprocess.run(
        [*command, "tests/endpoints"],
        cwd=ROOT,
        # Or pytest-benchmark takes it for a worker of the session that runs this test.
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST_")}
        | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "21 tests collected" in done.stdout
