"""The package as its users get it: built, described, and installed where nothing else is."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from typing import TYPE_CHECKING

import pytest
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif("not config.getoption('run_slow')", reason="installs packages: --run-slow"),
]

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
IMPORTS = {
    "html": ("jinja2",),
    "init": ("tomlkit",),
    "live": ("rich",),
    "local": ("av", "fastapi", "httpx", "python_multipart", "uvicorn"),
    "modal": ("modal",),
    "schema": ("jsonschema",),
    "load": ("locust",),
    "video": ("av",),
}
"""What each extra is for, as Python imports it."""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The sdist, and the wheel that is built from it."""
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", directory, ROOT, cwd=directory)
    (sdist,), (wheel,) = directory.glob("*.tar.gz"), directory.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def installed(directory: Path, requirement: str) -> Path:
    """The Python of a new environment in which `requirement` is installed, and what it needs."""
    venv.create(directory / "venv", with_pip=True)
    python = directory / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", requirement, cwd=directory)
    return python


def test_the_wheel_holds_the_package_whole_and_nothing_else(built: Mapping[str, Path]) -> None:
    names = set(zipfile.ZipFile(built["wheel"]).namelist())
    sources = {str(p.relative_to(ROOT)) for p in ROOT.glob("pytest_modal_bench/**/*") if p.is_file()}
    sources = {name for name in sources if "__pycache__" not in name}

    assert sources - names == set()
    assert names - sources - {name for name in names if ".dist-info/" in name} == {
        "pytest_modal_bench/local/workspace/endpoints.toml"
    }


def test_the_sdist_holds_what_the_tests_need(built: Mapping[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "tox.ini", "conftest.py", "fixtures/mask.png"} <= names
    assert {"tests/conftest.py", "tests/support/project.py", "tests/endpoints/endpoints.toml"} <= names


def test_its_description_is_fit_for_an_index(built: Mapping[str, Path], tmp_path: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *built.values(), cwd=tmp_path)
    with zipfile.ZipFile(built["wheel"]) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    assert set(metadata.get_all("Provides-Extra", [])) == {*EXTRAS}
    links = re.findall(r"\]\(([^)]*)\)", str(metadata.get_payload()))
    assert [link for link in links if not link.startswith("https://")] == [], (
        "they lead nowhere from an index"
    )


def test_in_an_empty_folder_the_local_workspace_brings_its_catalogue_and_media(
    built: Mapping[str, Path], tmp_path: Path
) -> None:
    python = installed(tmp_path, f"{built['wheel']}[local]")
    folder = tmp_path / "empty"
    folder.mkdir()

    output = run(
        *(python, "-m", "pytest", "--modal-bench", "--modal-bench-workspace=local", "-n", "2"),
        *("--modal-bench-time-scale=0.001", "--modal-bench-rounds=1"),
        cwd=folder,
    )

    assert re.search(r"21 passed", output), output
    assert (folder / "modal-bench-report.md").exists()


@pytest.mark.parametrize("extra", [*IMPORTS])
def test_each_extra_alone_installs_what_it_says(
    built: Mapping[str, Path], tmp_path: Path, extra: str
) -> None:
    python = installed(tmp_path, f"{built['wheel']}[{extra}]")

    run(python, "-c", f"import pytest_modal_bench.plugin.entry, {', '.join(IMPORTS[extra])}", cwd=tmp_path)
    run(python, "-m", "pip", "check", cwd=tmp_path)


def test_every_extra_is_tried() -> None:
    assert {*EXTRAS} - {"all"} == {*IMPORTS}
