"""What pages show beside commands: catalogues and settings load, code runs, JSON is JSON."""

from __future__ import annotations

import ast
import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from documents import PAGES, Block, blocks
from fastapi import FastAPI
from project import Project  # noqa: TC002 - pytest looks the type up

from pytest_modal_bench.catalogue import load
from pytest_modal_bench.local.workspace import apps, scenario
from pytest_modal_bench.local.workspace.catalogue import REFERENCE

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS = [block for page in PAGES for block in blocks(page)]
TRIED_BY_TEST_COMMANDS = {"bash"}
NOT_TRIED = {
    "text": "output, and the form of commands",
    "markdown": "an excerpt of a report",
    "{toctree}": "read by the build of the docs",
}
CATALOGUE = """
[apps.ryla-flux]
url = "https://acme--ryla-flux.modal.run"
[[endpoints]]
path = "/flux"
app = "ryla-flux"
category = "Flux"
payload = { prompt = "a lake", width = 512, height = 512, seed = "{seed}" }
"""


def written_in(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def test_every_block_is_of_a_kind_that_is_tried_or_known_not_to_be() -> None:
    tried = {"toml", "python", "json", *TRIED_BY_TEST_COMMANDS}
    assert {str(block) for block in BLOCKS if block.language not in tried | NOT_TRIED.keys()} == set()


@pytest.mark.parametrize("block", written_in("toml"), ids=str)
def test_toml_is_a_catalogue_a_scenario_or_settings(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    for variable in ("MODAL_KEY", "MODAL_SECRET", "CHAT_TOKEN"):
        monkeypatch.setenv(variable, "secret")
    content = tomllib.loads(block.text)
    if "tool" in content:
        for key in content["tool"]["pytest"]["ini_options"]:
            pytestconfig.getini(key)
    elif "summary" in content:
        (tmp_path / "scenario.toml").write_text(block.text)
        scenario.read(str(tmp_path / "scenario.toml"), apps.read(REFERENCE))
    else:
        (tmp_path / "endpoints.toml").write_text(tomlkit.dumps(completed(content)))
        assert load(tmp_path / "endpoints.toml", root=tmp_path).endpoints


def completed(part: dict[str, Any]) -> dict[str, Any]:
    """A whole catalogue of what a page shows a part of."""
    tables = {"workspace", "environment", "defaults", "resources", "budget", "apps", "endpoints"}
    tables |= {"load"} if isinstance(part.get("load"), dict) else set()  # an endpoint's own is a text
    whole = {key: value for key, value in part.items() if key in tables}
    fields = {key: value for key, value in part.items() if key not in tables}
    entries = whole.get("endpoints", {})
    entries = [entries] if isinstance(entries, dict) else entries
    for entry in entries:
        for field, value in {
            "path": "/flux",
            "app": "flux",
            "category": "Flux",
            "payload": {},
            **fields,
        }.items():
            entry.setdefault(field, value)
    named = {entry["app"]: {"url": "https://acme--flux.modal.run"} for entry in entries}
    return {"workspace": "acme", **whole, "apps": named | whole.get("apps", {}), "endpoints": entries}


@pytest.mark.parametrize("block", written_in("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


def test_tests_and_hooks_run_and_other_code_does(project: Project) -> None:
    folder, hooks = project.pytester.path, 0
    for number, block in enumerate(written_in("python")):
        functions = [node.name for node in ast.parse(block.text).body if isinstance(node, ast.FunctionDef)]
        if any(function.startswith("test_") for function in functions):
            (folder / f"test_{number}.py").write_text(block.text)
        elif any(function.startswith("pytest_") for function in functions):
            (folder / "conftest.py").write_text(block.text)
            hooks += 1
        else:
            exec(compile(block.text, str(block), "exec"), {"app": FastAPI()})  # noqa: S102 - our own pages
    assert hooks == 1, "each hook is in one block, which is the conftest.py"
    (folder / "endpoints.toml").write_text(CATALOGUE)

    options = ("--modal-bench-workspace=local", "--modal-bench-rounds=1")
    result = project.run("--modal-bench", *options, "-s", *map(str, sorted(folder.glob("test_*.py"))))

    outcomes = result.parseoutcomes()
    assert outcomes.keys() <= {"passed", "skipped"}, result.stdout.str()
    assert outcomes["passed"] >= 4
    result.stdout.fnmatch_lines(["*about to call Flux*", "*Flux PASS*", "*PASS *.md *.json*"])
