"""Where and from what a run is made: commit, catalogue, machine, versions. Nothing that names a person or a host."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

# What CI systems call the commit: GitHub, GitLab, Jenkins, CircleCI, Azure Pipelines, Buildkite, Travis, Bitbucket,
# AppVeyor, Drone, Google Cloud Build.
_CI_VARIABLES = (
    *("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "CIRCLE_SHA1", "BUILD_SOURCEVERSION", "BUILDKITE_COMMIT"),
    *("TRAVIS_COMMIT", "BITBUCKET_COMMIT", "APPVEYOR_REPO_COMMIT", "DRONE_COMMIT_SHA", "COMMIT_SHA"),
)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_GIT_SEC = 5.0
_OID = "# branch.oid "
# git-status(1), "Porcelain Format Version 2": the commit is a heading, and whatever has none of its `#` is a change.
_STATUS = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"),
    *("--untracked-files=no", "--ignore-submodules=dirty"),
)
_PACKAGES = ("pytest", "pytest-benchmark", "pytest-xdist", "requests", "urllib3", "msgspec", "pillow", "av")
"""What times and checks rest on, where it is installed."""


class Surroundings:
    """What is known of them. git is asked in the background, as it may take a moment; the rest when this is made."""

    def __init__(self, catalogue: Path, environ: Mapping[str, str]) -> None:
        self.catalogue_sha256 = _sha256(catalogue)
        """None: the file can't be read."""
        self.machine = _machine()
        """What the times depend on of the machine that measures."""
        self._versions = dict(_versions(_PACKAGES))
        self._commit = _named_by_ci(environ)
        self._asking: threading.Thread | None = None
        if self._commit is None:
            self._asking = threading.Thread(target=self._ask_git, name="modal-bench-git", daemon=True)
            self._asking.start()

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages that times and checks rest on, by name; of Modal's SDK if it was used."""
        return self._versions | dict(_versions(("modal",) if "modal" in sys.modules else ()))

    def commit(self, *, wait: bool) -> str | None:
        """Return the commit that CI names or that is checked out here; None: not known, or not yet.

        `-dirty` stands behind one that is checked out if a file was changed that git knows. `wait`: for git's answer.
        """
        if wait and self._asking is not None:
            self._asking.join(_GIT_SEC)
        return self._commit

    def _ask_git(self) -> None:
        try:
            said = subprocess.run(  # noqa: S603 - no shell, and nothing from outside
                _STATUS,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_GIT_SEC,
                check=False,
                encoding="utf-8",
                errors="replace",
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return  # there is no git, or it takes too long
        lines = said.stdout.splitlines()
        commit = next((line.removeprefix(_OID) for line in lines if line.startswith(_OID)), "")
        if said.returncode == 0 and _COMMIT.fullmatch(commit):
            is_dirty = any(not line.startswith("#") for line in lines)
            self._commit = f"{commit}-dirty" if is_dirty else commit


def _named_by_ci(environ: Mapping[str, str]) -> str | None:
    named = (environ.get(name, "").strip() for name in _CI_VARIABLES)
    return next((str(value) for value in named if _COMMIT.fullmatch(value)), None)


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _machine() -> dict[str, str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # What a kernel is called behind its version may be the name of a host or of a person.
    release = re.match(r"[0-9]+(?:[.][0-9]+)*", platform.release())
    return {
        "cores": str(cores),
        "system": " ".join(filter(None, (platform.system(), release and release[0]))),
        "architecture": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _versions(packages: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in packages:
        with suppress(PackageNotFoundError):
            yield name, version(name)
