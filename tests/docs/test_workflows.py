"""The project's own workflows: what they may do, what they run, and that GitHub can read them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

yaml = pytest.importorskip("yaml")

WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
EACH = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return found


def named(name: str) -> dict[str, Any]:
    return jobs(ROOT / ".github" / "workflows" / name)


@EACH
def test_they_fit_the_published_schema(path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@EACH
def test_actions_are_pinned_to_a_commit_and_say_which_version_it_is(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text("utf-8"))
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_the_same_action_has_the_same_commit_everywhere() -> None:
    used = {
        each for path in WORKFLOWS for each in re.findall(r"uses: ([\w./-]+@\w+)", path.read_text("utf-8"))
    }
    assert len({each.partition("@")[0] for each in used}) == len(used)


def test_nothing_may_write_but_what_publishes_and_that_runs_none_of_our_code() -> None:
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text("utf-8"))["permissions"] in ({}, {"contents": "read"})
        assert "secrets" not in path.read_text("utf-8")
        for name, job in jobs(path).items():
            assert name == "publish" or job.get("permissions", {}) in ({}, {"contents": "read"})
    publish = named("release.yml")["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi"
    assert publish["needs"] == "build"
    assert not any("run" in step or "checkout" in step["uses"] for step in publish["steps"])


def test_what_is_said_to_be_supported_is_tested() -> None:
    tests = named("tests.yml")
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    supported = [each.rpartition(" ")[2] for each in classifiers if re.search(r":: 3\.\d+$", each)]
    assert tests["tests"]["strategy"]["matrix"]["python"] == supported
    listed = re.search(r"^env_list =\n((?: +\w+\n)+)", (ROOT / "tox.ini").read_text(), re.MULTILINE)
    assert listed
    assert {"newest", *tests["checks"]["strategy"]["matrix"]["env"]} == {*listed[1].split()}


@pytest.mark.parametrize(("tag", "passes"), [("v{}", True), ("v0.0.0", False), ("{}", False)])
def test_a_release_is_of_the_version_that_its_tag_names(tag: str, passes: bool) -> None:
    (check,) = [
        step for step in named("release.yml")["build"]["steps"] if "GITHUB_REF_NAME" in step.get("run", "")
    ]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    env = {"GITHUB_REF_NAME": tag.format(version), "PATH": f"{sys.prefix}/bin:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", check["run"]], cwd=ROOT, env=env, check=False)  # noqa: S607
    assert (done.returncode == 0) == passes
