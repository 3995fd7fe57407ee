"""Every command of README, CONTRIBUTING and docs: a shell runs each page's, in their order, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import documented_command
import jsonschema
import pytest
import report_runs
from documents import PAGES, blocks, name
from prepared_interpreter import INTERPRETER
from project import ROOT, Project, Service

from pytest_modal_bench.report.write import write
from pytest_modal_bench.run.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable

VALIDATOR = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs" / "reference" / "report.schema.json").read_text())
)

TUTORIAL = ("docs/tutorial/first-report.md", "docs/tutorial/gate.md")
FROM_NOTHING = {TUTORIAL[0], "docs/how-to/init.md"}
RUN = (
    *TUTORIAL,
    *("docs/how-to/streams.md", "docs/how-to/jobs.md", "docs/how-to/shards.md", "docs/how-to/history.md"),
    "docs/explanation/local-workspace.md",
)
"""Pages whose runs on the local workspace are made. Those of other pages are made here, or go as far as
`--collect-only`."""
ON_THE_LOCAL_WORKSPACE = {"docs/how-to/shards.md", "docs/how-to/history.md"}
"""Of these, pages whose commands name no workspace."""
_LOCAL = "pytest --modal-bench --modal-bench-workspace=local"
_COMPARED = f"{_LOCAL} --modal-bench-quick --modal-bench-rounds=10 --modal-bench-baseline=baseline"
FAIL = {
    f"{_LOCAL} --modal-bench-scenario=reference",
    f"{_LOCAL} --modal-bench-budget=max_warm=0.001",
    f"{_COMPARED} --modal-bench-scenario=slower.toml",
}
"""Commands that end with 1, as their page says."""
MAY_FAIL = {_COMPARED, "pytest --modal-bench --benchmark-compare --benchmark-compare-fail=median:15%"}
"""A machine that is busy with other work may really be slower than it was."""

CATALOGUE = """
workspace = "acme"
[apps.ryla-flux]
url = "https://{workspace}{environment_suffix}--ryla-flux.modal.run"
function = "ComfyUI.fastapi_app"
[apps.ryla-wan26]
url = "https://{workspace}{environment_suffix}--ryla-wan26.modal.run"
function = "ComfyUI.fastapi_app"
[resources]
image = "portrait.png"
[[endpoints]]
path = "/flux"
app = "ryla-flux"
category = "Images"
payload = { prompt = "a lake", width = 256, height = 256, steps = 4, seed = "{seed}" }
[[endpoints]]
path = "/wan2"
app = "ryla-wan26"
category = "Video"
payload = { prompt = "a lake", image = "{image}", width = 256, height = 256, seed = "{seed}" }
"""
OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Flux", "version": "1"},
    "paths": {
        "/flux": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"prompt": {"type": "string", "example": "a lake"}},
                            }
                        }
                    }
                },
                "responses": {"200": {"description": "an image"}},
            }
        }
    },
}


class Shell(NamedTuple):
    """What a page's commands did."""

    output: str
    commands: list[tuple[str, int]]
    """Each with its exit code."""


Run = Callable[[str, Mapping[str, str]], Shell]


@pytest.fixture
def shell(project: Project, service: Service) -> Run:
    """A function that runs a script, with no commands but those that the docs know."""
    service.answers["/openapi.json"] = (200, json.dumps(OPENAPI).encode())
    folder = project.pytester.path
    (folder / "tox.ini").unlink()
    commands = folder.with_name(f"{folder.name}-commands")
    commands.mkdir()
    stand_in = Path(documented_command.__file__)
    for command in documented_command.NAMES:
        (commands / command).write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(stand_in.parent)!r})\n"
            f"from {stand_in.stem} import main\nsys.exit(main())\n"
        )
        (commands / command).chmod(0o755)
    for tool in ("bash", "cat", "cp", "date", "mkdir"):
        (commands / tool).symlink_to(str(shutil.which(tool)))
    log = commands / "log"
    log.touch()

    def run(script: str, env: Mapping[str, str]) -> Shell:
        given = {"PATH": str(commands), "HOME": str(folder), "DOCS_LOG": str(log), "DOCS_APP": service.url}
        given["PYTEST_ADDOPTS"] = f"{os.environ['PYTEST_ADDOPTS']} -W error"
        command = [str(commands / "bash"), "-euc", script]
        server = INTERPRETER.server.fileno()
        done = subprocess.run(
            command,
            cwd=folder,
            env={**given, **env, "DOCS_SERVER": str(server)},
            pass_fds=[server],
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        return Shell(output, [tuple(json.loads(line)) for line in log.read_text().splitlines()])

    return run


def prepare(folder: Path) -> None:
    """Write what a user of a page has already: a catalogue, a check, and what earlier runs have left."""
    (folder / "endpoints.toml").write_text(CATALOGUE)
    (folder / "portrait.png").write_bytes((ROOT / "fixtures" / "portrait.png").read_bytes())
    (folder / "test_checks.py").write_text(
        "def test_it(endpoint_result):\n    assert endpoint_result.size_kb < 5_000\n"
    )
    samples = [report_runs.sample(), report_runs.sample("cold", 3.0)]
    result = report_runs.result(samples=samples, warm_time_sec=1.0, cold_time_sec=3.0, verdict="PASS")
    run = report_runs.run([result], verdict="PASS")
    for report in ("modal-bench-report.json", "old.json", "new.json", "baseline/1.json"):
        write(run, [folder / report])
    journal = Journal(folder / "modal-bench-report.20260202T122258-4711.journal")
    journal.begin(report_runs.run([result], verdict="PASS"))
    journal.close(remove=False)


def script_of(page: Path, *, commands: bool = True) -> str:
    """The page as a script: its commands, and the files that it tells its reader to write."""
    lines = []
    for block in blocks(page):
        if block.language == "bash" and commands:
            lines.append(block.text)
        elif block.file is not None and block.language in ("toml", "python"):
            where = f"{'>>' if block.appended else '>'} {block.file}"
            lines.append(f"cat {where} <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK\n")
    return "\n".join(lines)


WITH_COMMANDS = [page for page in PAGES if any(block.language == "bash" for block in blocks(page))]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_commands_do_what_the_page_says(page: Path, project: Project, shell: Run) -> None:
    folder, env = project.pytester.path, {"MODAL_BENCH_ROUNDS": "1"}
    if name(page) == TUTORIAL[1]:
        shell(script_of(ROOT / TUTORIAL[0], commands=False), {})
    elif name(page) not in FROM_NOTHING:
        prepare(folder)
    if name(page) in RUN:
        env["DOCS_RUN"] = "1"
    if name(page) in ON_THE_LOCAL_WORKSPACE:
        env["MODAL_BENCH_WORKSPACE"] = "local"

    done = shell(script_of(page), env)

    wrong = {command for command, code in done.commands if code != (command in FAIL)}
    assert wrong <= MAY_FAIL, done.output
    for block in blocks(page):
        if name(page) in TUTORIAL and block.language == "text":
            assert {line for line in block.text.splitlines() if line not in done.output} == set(), done.output
    if name(page) in RUN:
        written = [path for path in folder.rglob("*.json") if ".benchmarks" not in path.parts]
        reports = [path for path in written if path.name != "gate.json"]
        assert reports
        for path in reports:
            VALIDATOR.validate(json.loads(path.read_text()))


def test_what_is_not_run_on_one_page_is_run_on_another() -> None:
    """The front pages show the first commands of the tutorial."""

    def local(pages: Iterable[Path]) -> set[str]:
        lines = {line for page in pages for block in blocks(page) for line in block.text.splitlines()}
        return {
            line.strip()
            for line in lines
            if line.strip().startswith("pytest ") and documented_command.LOCAL in line
        }

    assert local(PAGES) == local(page for page in PAGES if name(page) in RUN)


def test_nothing_is_named_that_the_docs_do_not_show() -> None:
    words = {
        word for page in PAGES for block in blocks(page) for word in block.text.replace("/", " ").split()
    }
    assert documented_command.NOT_RUN.keys() <= words
    shown = {name(page) for page in WITH_COMMANDS}
    assert {*RUN} <= shown
