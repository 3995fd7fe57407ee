from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.report.comment import MARKER
from pytest_modal_bench.report.write import format_of

if TYPE_CHECKING:
    from collections.abc import Iterator

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads workflows, is not installed")

EXAMPLES = Path(__file__).parents[2] / "examples" / "ci"
GITHUB, GITLAB = EXAMPLES / "github-actions.yml", EXAMPLES / "gitlab-ci.yml"
BOTH = pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=lambda path: path.stem)


def scripts(path: Path) -> list[str]:
    """Return what a shell gets to run."""
    jobs = yaml.safe_load(path.read_text("utf-8"))
    if path == GITHUB:
        return [step["run"] for job in jobs["jobs"].values() for step in job["steps"] if "run" in step]
    return [script for job in jobs.values() if isinstance(job, dict) for script in job.get("script", ())]


def commands(path: Path) -> Iterator[list[str]]:
    for script in scripts(path):
        for line in script.replace("\\\n", " ").splitlines():
            yield shlex.split(line)


def github() -> Any:
    return yaml.safe_load(GITHUB.read_text("utf-8"))["jobs"]


@BOTH
def test_every_option_is_one_that_there_is(path: Path, pytestconfig: pytest.Config) -> None:
    found = re.findall(r"--(modal-bench[a-z-]*)", path.read_text("utf-8"))
    assert {"modal-bench", "modal-bench-environment", "modal-bench-cold"} <= {*found}
    unknown = [name for name in found if not hasattr(pytestconfig.option, name.replace("-", "_"))]
    assert unknown == []


@BOTH
def test_the_gate_forces_cold_starts_in_a_named_environment_often_enough_to_compare(path: Path) -> None:
    (gate,) = [words for words in commands(path) if words and words[0] == "pytest"]
    assert gate[:4] == ["pytest", "--modal-bench", "--modal-bench-environment", "staging"]
    assert {"--modal-bench-cold=force", "--modal-bench-cold-rounds=6", "--modal-bench-rounds=10"} <= {*gate}
    reports = [word.partition("=")[2] for word in gate if word.startswith("--modal-bench-report=")]
    assert "report/modal-bench.json" in reports
    assert all(format_of(Path(report)) for report in reports)


@BOTH
def test_a_baseline_is_always_named_since_one_of_no_runs_is_a_folder_too(path: Path) -> None:
    words = [word for line in commands(path) for word in line]
    assert "--modal-bench-baseline=baseline" in words
    assert words.index("mkdir") < words.index("--modal-bench-baseline=baseline")


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize("earlier", ["", "12 11 10"])
def test_github_gets_a_folder_for_each_run_that_still_has_its_report(tmp_path: Path, earlier: str) -> None:
    (fetch,) = [script for script in scripts(GITHUB) if "gh run download" in script]
    gh = tmp_path / "gh"
    gh.write_text(
        "#!/bin/sh\n"
        'if [ "$2" = list ]; then\n'
        'echo "$@" >> asked; for run in $EARLIER; do echo $run; done; [ -n "$EARLIER" ]; exit\nfi\n'
        '[ "$3" != 11 ] && mkdir -p "$7" && echo "{}" > "$7/modal-bench.json"\n'
    )
    gh.chmod(0o755)
    given = {"PATH": f"{tmp_path}:/usr/bin:/bin", "EARLIER": earlier}
    # As GitHub's runner calls it.
    subprocess.run(["bash", "-e", "-c", fetch], cwd=tmp_path, env=given, check=True)  # noqa: S607
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("modal-bench.json"))
    assert found == [f"baseline/{run}/modal-bench.json" for run in sorted(earlier.split()) if run != "11"]
    assert "--branch main --event push --status success" in (tmp_path / "asked").read_text()


@BOTH
@pytest.mark.skipif(not shutil.which("sh"), reason="there is no shell")
def test_scripts_are_shell(path: Path) -> None:
    for script in scripts(path):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)  # noqa: S607


@pytest.mark.skipif(not shutil.which("sh"), reason="there is no shell")
def test_gitlab_keeps_the_last_thirty_runs(tmp_path: Path) -> None:
    (keep,) = [script for script in scripts(GITLAB) if "head -n -30" in script]
    for name in [
        *(f"baseline/202602{day:02}T120000Z.json" for day in range(1, 33)),
        "report/modal-bench.json",
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    given = {"PATH": "/usr/bin:/bin", "BASELINE": "pull-push"}
    subprocess.run(["sh", "-ec", keep], cwd=tmp_path, env=given, check=True)  # noqa: S607
    kept = sorted((tmp_path / "baseline").iterdir())
    assert [path.name for path in kept[:29]] == [f"202602{day:02}T120000Z.json" for day in range(4, 33)]
    assert [path.read_text() for path in kept[29:]] == ["report/modal-bench.json"]


def test_every_job_has_the_permissions_that_it_needs_and_no_more() -> None:
    assert yaml.safe_load(GITHUB.read_text("utf-8"))["permissions"] == {}
    assert {name: job["permissions"] for name, job in github().items()} == {
        "gate": {"contents": "read", "actions": "read"},
        "comment": {"pull-requests": "write"},
        "promote": {"contents": "read"},
    }


def test_what_may_write_to_a_pull_request_runs_none_of_its_code_and_has_no_secrets() -> None:
    comment = github()["comment"]
    assert not any("run" in step or "checkout" in step["uses"] for step in comment["steps"])
    assert "secrets" not in str(comment)


def test_the_comment_is_found_again_by_the_marker_that_reports_begin_with() -> None:
    script = github()["comment"]["steps"][-1]["with"]["script"]
    assert f"'{MARKER}'" in script


@BOTH
def test_one_run_at_a_time_in_each_environment(path: Path) -> None:
    jobs = github() if path == GITHUB else yaml.safe_load(path.read_text("utf-8"))
    groups = {
        name: jobs[name]["concurrency"]["group"] if path == GITHUB else jobs[name]["resource_group"]
        for name in ("gate", "promote")
    }
    assert groups == {"gate": "modal-staging", "promote": "modal-main"}
    if path == GITHUB:
        assert not any(jobs[name]["concurrency"]["cancel-in-progress"] for name in groups)


def test_nothing_is_promoted_but_by_the_main_branch_and_after_the_gate() -> None:
    promote = github()["promote"]
    assert promote["needs"] == "gate"
    assert promote["if"] == "github.ref == 'refs/heads/main'"


@pytest.mark.skipif(not find_spec("check_jsonschema"), reason="check-jsonschema is not installed")
@pytest.mark.parametrize(
    ("path", "schema"), [(GITHUB, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")]
)
def test_they_fit_the_published_schemas(path: Path, schema: str) -> None:
    how = ["--builtin-schema", schema] + (["--data-transform", "gitlab-ci"] if path == GITLAB else [])
    command = [sys.executable, "-m", "check_jsonschema", *how, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not on PATH")
def test_actionlint_has_nothing_to_say(tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / GITHUB.name
    workflow.parent.mkdir(parents=True)
    shutil.copy(GITHUB, workflow)
    done = subprocess.run(["actionlint", workflow], capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 0, done.stdout
