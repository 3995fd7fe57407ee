from __future__ import annotations

import getpass
import hashlib
import platform
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.run.surroundings import Surroundings

if TYPE_CHECKING:
    from pathlib import Path

SHA = "0123456789abcdef0123456789abcdef01234567"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, in which the run is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def commit_of(here: Path, **environ: str) -> str | None:
    return Surroundings(here / "endpoints.toml", environ).commit(wait=True)


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    command = ("git", *identity, *arguments)
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return said.stdout.strip()


@needs_git
def test_the_commit_is_the_one_that_is_checked_out_and_says_if_files_were_changed(here: Path) -> None:
    git("init", "-q")
    assert commit_of(here) is None, "there is no commit yet"
    (here / "app.py").write_text("one")
    git("add", "app.py")
    git("commit", "-q", "-m", "first")
    (here / "untracked.txt").write_text("new")
    head = git("rev-parse", "HEAD")
    assert commit_of(here) == head

    (here / "app.py").write_text("two")
    assert commit_of(here) == f"{head}-dirty"


def test_what_ci_says_comes_first(here: Path) -> None:
    assert commit_of(here, GITHUB_SHA=SHA) == SHA
    assert commit_of(here, CI_COMMIT_SHA=f"{SHA}\n") == SHA
    assert commit_of(here, GITHUB_SHA="not one <script>") is None


@pytest.mark.parametrize(
    "program", ["", "#!/bin/sh\nexit 1", "#!/bin/sh\necho '# branch.oid HEAD'", "nonsense"]
)
def test_without_git_or_a_repository_the_commit_is_not_known(
    here: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    if program:
        (here / "git").write_text(program)
        (here / "git").chmod(0o700)
    monkeypatch.setenv("PATH", str(here))

    assert commit_of(here) is None


def test_nobody_waits_for_git_but_at_the_end(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "git").write_text(f"#!/bin/sh\nread line < {here}/pipe\necho '# branch.oid {SHA}'")
    (here / "git").chmod(0o700)
    subprocess.run(["mkfifo", str(here / "pipe")], check=True)  # noqa: S607
    monkeypatch.setenv("PATH", str(here))
    known = Surroundings(here / "endpoints.toml", {})

    assert known.commit(wait=False) is None
    (here / "pipe").write_text("go on\n")
    assert known.commit(wait=True) == SHA


def test_the_catalogue_is_told_by_its_hash(here: Path) -> None:
    catalogue = here / "endpoints.toml"
    assert Surroundings(catalogue, {"GITHUB_SHA": SHA}).catalogue_sha256 is None
    catalogue.write_text("[apps.a]")
    assert (
        Surroundings(catalogue, {"GITHUB_SHA": SHA}).catalogue_sha256
        == hashlib.sha256(b"[apps.a]").hexdigest()
    )


def test_the_machine_is_described_and_names_no_person_and_no_host(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.release", lambda: "6.1.0-13-janes-laptop")
    known = Surroundings(here / "endpoints.toml", {"GITHUB_SHA": SHA})

    assert list(known.machine) == ["cores", "system", "architecture", "python"]
    assert int(known.machine["cores"]) >= 1
    assert known.machine["system"].endswith(" 6.1.0")
    assert known.machine["python"].endswith(f" {platform.python_version()}")
    said = " ".join(known.machine.values())
    assert not any(name in said for name in (socket.gethostname(), getpass.getuser(), "jane"))


def test_versions_are_those_of_what_the_figures_rest_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Surroundings(here / "endpoints.toml", {"GITHUB_SHA": SHA})
    monkeypatch.delitem(sys.modules, "modal", raising=False)

    assert {"pytest", "requests", "urllib3", "pillow", "msgspec"} <= set(known.versions)
    assert "modal" not in known.versions, "it was not used"
