"""From an empty folder to a first report: a catalogue that `init` writes, and a run of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from project import ROOT

from pytest_modal_bench.catalogue import load
from pytest_modal_bench.local.launch import LocalWorkspace, launch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from project import Project

pytestmark = pytest.mark.usefixtures("prepared_programs")

CATALOGUE = "endpoints.toml"
BENCH = (
    "--modal-bench",
    f"--modal-bench-catalogue={CATALOGUE}",
    "--modal-bench-rounds=1",
    "-p",
    "no:cacheprovider",
)
TIME_SCALE = 0.002


@pytest.fixture
def workspace(project: Project) -> Iterator[LocalWorkspace]:
    """A healthy local workspace with its control plane, outside of the empty folder of the run."""
    log = project.pytester.path.parent / "workspace.log"
    log.unlink(missing_ok=True)
    with launch("healthy", TIME_SCALE, control=True, log=log) as running:
        yield running


def init(project: Project, *arguments: str, **environ: str) -> tuple[str, str]:
    """What `init` prints, and what it says beside that."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest_modal_bench", "init", *arguments],
        cwd=project.pytester.path,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def filled_in(project: Project, changes: dict[str, str]) -> None:
    """Fill in what `init` said that is to be."""
    file = project.pytester.path / CATALOGUE
    text = file.read_text()
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    file.write_text(text)


def put(project: Project, fixture: str, name: str) -> None:
    """Put a file of the project's own where `init` said that one belongs."""
    (project.pytester.path / "fixtures").mkdir(exist_ok=True)
    shutil.copy(ROOT / "fixtures" / fixture, project.pytester.path / "fixtures" / name)


def outcomes(project: Project) -> dict[str, str]:
    """How each endpoint ended: `success`, or why not."""
    results = project.report()["results"]
    return {each["path"]: each["error"] or each["skipped_reason"] or each["status"] for each in results}


def test_the_local_workspaces_apps_in_two_commands(project: Project, workspace: LocalWorkspace) -> None:
    printed, _ = init(project, *workspace.urls.values())
    assert "21 endpoints of 8 apps" in printed
    project.run(*BENCH, timeout=240).assert_outcomes(passed=8, skipped=13)
    reasons = {why for why in outcomes(project).values() if why != "success"}
    assert all(why.startswith("Missing: ") for why in reasons), reasons

    for fixture, name in (("portrait.png", "image.png"), ("clip.mp4", "clip.mp4"), ("mask.png", "mask.png")):
        put(project, fixture, name)
    filled_in(
        project,
        {
            "# image = ": "image = ",
            "# video = ": "video = ",
            "# mask = ": "mask = ",
            '# lora = { id = "my-lora" }': 'lora = { id = "test-benchmark" }',
        },
    )
    project.run(*BENCH, timeout=240).assert_outcomes(passed=21)
    assert set(outcomes(project).values()) == {"success"}


def test_streams_speech_and_jobs(project: Project) -> None:
    # Results expire, too, as many times faster; jobs are asked for once a second.
    with launch("healthy", 0.02, catalogue="shapes") as workspace:
        printed, _ = init(project, *(workspace.urls[name] for name in ("chat", "speech", "jobs")))
        assert printed.count("poll: a guess") == 4
        written = {each.path: each for each in load(project.pytester.path / CATALOGUE).endpoints}
        assert [each.stream for each in written.values() if each.stream] == [
            "openai",
            "openai",
            "sse",
            "ndjson",
        ]

        filled_in(
            project,
            {
                'poll = { path = "/videos/{job_id}", every = 1.0 }': "poll = { every = 0.1 }",
                'path = "/predictions/{job_id}", every = 1.0': 'path = "/predictions/{id}", every = 0.1',
                'path = "/tasks/{job_id}", every = 1.0': 'path = "/tasks/{task.id}", every = 0.1',
                'result = "/tasks/{job_id}/image"': 'result = "/tasks/{task.id}/image"',
            },
        )
        project.run(*BENCH, timeout=120).assert_outcomes(passed=10, skipped=1)
    assert {why for why in outcomes(project).values() if why != "success"} == {"Missing: voice"}


def test_the_control_plane_through_the_sdk(project: Project, workspace: LocalWorkspace) -> None:
    pytest.importorskip("modal")
    assert workspace.control is not None
    access = {
        "MODAL_SERVER_URL": workspace.control.url,
        "MODAL_TOKEN_ID": workspace.control.token_id,
        "MODAL_TOKEN_SECRET": workspace.control.token_secret,
    }
    log = project.pytester.path.parent / "workspace.log"

    printed, said = init(project, "--modal", "--dry-run", **access)
    assert "asking" not in said
    init(project, "--modal", **access)
    file = project.pytester.path / CATALOGUE
    assert file.read_text() == printed
    assert not log.exists() or "container" not in log.read_text(), "no container was started"
    written = load(file)
    assert written.apps.keys() == workspace.urls.keys()
    assert {each.url for each in written.apps.values()} == {*workspace.urls.values()}
    assert {(each.function, each.gpu, each.scaledown_window) for each in written.apps.values()} == {
        ("ComfyUI.fastapi_app", "L40S", 300)
    }

    file.unlink()
    init(project, "--modal", "--openapi", "ryla-flux", "ryla-z-image", "--environment=main", **access)
    assert "container" in log.read_text()
    project.run(*BENCH, timeout=120).assert_outcomes(passed=4, skipped=2)
    measured = [each for each in project.report()["results"] if each["status"] == "success"]
    assert {each["gpu_type"] for each in measured} == {"L40S"}


slow = [
    pytest.mark.timeout(900),
    pytest.mark.skipif("not config.getoption('run_slow')", reason="installs packages: --run-slow"),
]


class TestInstalled:
    pytestmark = slow

    def test_three_commands_from_an_empty_folder_to_a_first_report(
        self, workspace: LocalWorkspace, tmp_path: Path
    ) -> None:
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), str(ROOT)]
        subprocess.run(build, check=True, capture_output=True)
        (wheel,) = (tmp_path / "dist").glob("*.whl")
        venv.create(tmp_path / "venv", with_pip=True)
        python = str(tmp_path / "venv" / "bin" / "python")
        folder = tmp_path / "empty"
        folder.mkdir()
        for command in (
            ["pip", "install", "--quiet", f"{wheel}[init]"],
            ["pytest_modal_bench", "init", workspace.urls["ryla-z-image"]],
            ["pytest", "--modal-bench", "--modal-bench-catalogue=endpoints.toml", "--modal-bench-rounds=1"],
        ):
            done = subprocess.run(
                [python, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
        assert "2 passed, 1 skipped" in done.stdout
        assert "| Successful           | 2" in (folder / "modal-bench-report.md").read_text()


# --- Apps that others have written ---

APPS = ("httpbinx==1.13.1", "llm-echo==0.5", "llm-model-gateway==0.1.0", "pixel-press==1.0.1")
"""A server of answers to test clients with, one of OpenAI's API that repeats what it is told, one that makes images
smaller."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment of their own: what they need is not what this project needs."""
    directory = tmp_path_factory.mktemp("apps")
    venv.create(directory, with_pip=True)
    pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    done = subprocess.run([*pip, *APPS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return directory / "bin"


@contextmanager
def serving(program: Path, *arguments: str, cwd: Path) -> Iterator[str]:
    """The base URL of a program that serves; `{port}` in its arguments is a free one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command: Sequence[str | Path] = [program, *(each.replace("{port}", str(port)) for each in arguments)]
    environ = {**os.environ, "LLM_USER_PATH": str(cwd / "llm")}
    process = subprocess.Popen(
        command, cwd=cwd, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _answers(f"{url}/openapi.json"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - on loopback
            return bool(answer.status == 200)
    except OSError:
        return False


class TestAppsOfOthers:
    pytestmark = slow

    def test_a_server_of_openais_api(self, project: Project, programs: Path, tmp_path: Path) -> None:
        serve = ("serve", "--host", "127.0.0.1", "--port", "{port}")
        with serving(programs / "llm", *serve, cwd=tmp_path) as url:
            printed, _ = init(project, url)
            assert "payload.model: which model the app serves" in printed
            filled_in(project, {'model = "model"': 'model = "echo"'})
            project.run(*BENCH).assert_outcomes(passed=1)
        assert outcomes(project) == {"/v1/chat/completions": "success"}
        (endpoint,) = load(project.pytester.path / CATALOGUE).endpoints
        assert endpoint.stream == "openai"

    def test_a_server_that_takes_files(self, project: Project, programs: Path, tmp_path: Path) -> None:
        serve = ("--host", "127.0.0.1", "--port", "{port}")
        with serving(programs / "imgresizer", *serve, cwd=tmp_path) as url:
            printed, _ = init(project, url)
            assert "a file for {image}" in printed
            project.run(*BENCH).assert_outcomes(skipped=2)
            put(project, "portrait.png", "image.png")
            filled_in(project, {"# image = ": "image = "})
            project.run(*BENCH).assert_outcomes(passed=2)
            filled_in(project, {"# expect = ": "expect = "})
            project.run(*BENCH, "-k", "resize and not folder").assert_outcomes(passed=1)
        (endpoint, _) = load(project.pytester.path / CATALOGUE).endpoints
        assert endpoint.form == {"file": "{image:bytes}", "max_dimension": 512}

    def test_a_server_of_many_routes(self, project: Project, programs: Path, tmp_path: Path) -> None:
        serve = ("server", "--host", "127.0.0.1", "--port", "{port}")
        with serving(programs / "httpbinx", *serve, cwd=tmp_path) as url:
            printed, _ = init(project, url)
            assert "13 endpoints of 1 app, and 21 more as comments" in printed
            assert "query.url: the app gives no example" in printed
            filled_in(project, {'url = "text"': f'url = "{url}/image/png"'})
            # It is made to misbehave: of its own examples, one draws a status, and one is a bomb.
            project.run(*BENCH, "-k", "not status and not bombs", timeout=120).assert_outcomes(
                passed=11, deselected=2
            )
        assert set(outcomes(project).values()) == {"success"}
