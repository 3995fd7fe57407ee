"""Stands in for the commands of the docs, by the name that it is called with; writes down what they were and did.

Commands of this project run: pytest on the local workspace where `DOCS_RUN` is set and they ask for it, else as far as
`--collect-only` goes, which settles options, catalogue and selection. What needs a network, an account or half an hour
does not run: it is checked, and why it is not run stands in `NOT_RUN`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import forks

ROOT = Path(__file__).parents[2]
NOT_RUN = {
    "pip": "needs the network; the extras and groups that it names are those that there are",
    "tox": "takes minutes, and is how these tests are run; its environments are those that there are",
    "check-jsonschema": "what it does is done by test_commands.py to every report that commands have left",
}
NAMES = (*NOT_RUN, "pytest", "python", "python3")
LOCAL = "--modal-bench-workspace=local"


def main() -> int:
    """Do what the command asks for; return its exit code, which the shell does not get to see."""
    name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    doing = {"pip": _pip, "tox": _tox, "pytest": _pytest, "python": _python, "python3": _python}
    code = doing.get(name, lambda _: 0)(arguments)
    with Path(os.environ["DOCS_LOG"]).open("a") as log:
        log.write(json.dumps([" ".join([name, *arguments]), code]) + "\n")
    return 0


def _pip(arguments: list[str]) -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = {
        extra for each in arguments for found in re.findall(r"\[(.*)\]", each) for extra in found.split(",")
    }
    groups = {after for before, after in pairwise(arguments) if before == "--group"}
    known = (
        extras <= project["project"]["optional-dependencies"].keys()
        and groups <= project["dependency-groups"].keys()
    )
    return 0 if arguments[0] == "install" and known else 1


def _tox(arguments: list[str]) -> int:
    named = arguments[arguments.index("-e") + 1] if "-e" in arguments else None
    known = named is None or f"[testenv:{named}]" in (ROOT / "tox.ini").read_text()
    return 0 if arguments[0] == "run" and known else 1


def _pytest(arguments: list[str]) -> int:
    if "--modal-bench" not in arguments:  # this project's own tests
        return 0 if all((ROOT / each).exists() for each in arguments if each.startswith("tests")) else 1
    if any(each.startswith("--modal-bench-generate") for each in arguments):
        return _run(*arguments, LOCAL, "--modal-bench-catalogue=endpoints")
    local = LOCAL in arguments or "MODAL_BENCH_WORKSPACE" in os.environ
    run = "DOCS_RUN" in os.environ and local
    return _run(*arguments, *([] if run else ["--collect-only"]), "-p", "no:cacheprovider")


def _python(arguments: list[str]) -> int:
    match arguments:
        case ["-m", "venv", directory]:
            folder = Path(directory) / "bin"
            folder.mkdir(parents=True)
            (folder / "activate").touch()
            for name in NAMES:
                shutil.copy(Path(sys.argv[0]).parent / name, folder / name)
            return 0
        case ["-m", "pytest_modal_bench.local"]:  # serves until Ctrl-C
            return _call(*arguments, "--help")
        case ["-m", "pytest_modal_bench", "init", "--modal", *_]:  # needs an account
            return _call(
                "-c",
                "import sys; from pytest_modal_bench.cli import parser; parser().parse_args()",
                *arguments[2:],
            )
        case ["-m", "pytest_modal_bench", *of_project]:
            app = "https://acme--acme-flux-comfyui-fastapi-app.modal.run"
            ours = [os.environ["DOCS_APP"] if each == app else each for each in of_project]
            return _fork("pytest_modal_bench", ["pytest_modal_bench", *ours])
        case [program] if (ROOT / program).is_file():  # what it does is done by another test
            return 0
    return 1


def _run(*arguments: str) -> int:
    return _fork("pytest", ["-mpytest", *arguments])


def _fork(module: str, argv: list[str]) -> int:
    """Run `python -m MODULE`, by the process that has imported it, which the test has passed on."""
    files = {number: number for number in range(3)}
    with socket.socket(fileno=int(os.environ["DOCS_SERVER"])) as server:
        return forks.ask(server, module, argv, env=os.environ, cwd=str(Path.cwd()), files=files).wait()


def _call(*arguments: str) -> int:
    return subprocess.run([sys.executable, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
