"""Commands that make a run like this one again, and others that fit its catalogue."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.summary import verdict_or_default
from pytest_modal_bench.gate.verdicts import FAILING
from pytest_modal_bench.report.escape import line
from pytest_modal_bench.report.table import fold
from pytest_modal_bench.safety.text import slug

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import Run

_KEPT = ("catalogue", "scenario", "time-scale")
"""Options of this run that any other needs, too; its workspace and environment the run knows itself."""

_GENERATED = ("image", "video")

_TRAINING = "modal run …/lora-training/app.py --character-id=test-benchmark --steps=100"


def how_to_run(run: Run) -> str:
    """Return the command of this run, and others in a fold."""
    base = _base(run)
    shown = {"This run again": run.command} if run.command else {"Full benchmark (cold + warm)": base}
    others = {
        **({"Full benchmark (cold + warm)": base} if run.command and run.command != base else {}),
        "Quick benchmark (warm only)": f"{base} --modal-bench-quick",
    }
    if category := next(_categories(run), None):
        others["One category, by its name or slug"] = f"{base} -k {category}"
    if missing := ",".join(name for name in _GENERATED if run.resources.get(name) is False):
        others["Generate test resources only"] = f"{base} --modal-bench-generate={missing}"
    if run.resources.get("lora") is False:
        others["To enable LoRA endpoints, train a test LoRA first:"] = _TRAINING
    return f"{_script(shown)}\n\n{fold('Other commands', _script(others))}"


def _base(run: Run) -> str:
    """Return the command of a full run in the same place."""
    place = {"workspace": run.workspace if run.workspace != "-" else None, "environment": run.environment}
    known = [f"--modal-bench-{name}={value}" for name, value in place.items() if value]
    return shlex.join(["pytest", "--modal-bench", *known, *_kept(run.command or "")])


def _kept(command: str) -> Iterator[str]:
    # A report that others made may have megabytes there, and splitting is slow.
    if "--modal-bench-" not in command:
        return
    try:
        words = iter(shlex.split(command))
    except ValueError:
        return
    for word in words:
        option, _, value = word.partition("=")
        if option.removeprefix("--modal-bench-") in _KEPT and option.startswith("--"):
            value = value or next(words, "")
            yield f"{option}={value}"


def _categories(run: Run) -> Iterator[str]:
    """Categories as words for `-k`: first those in which something fails."""
    failing = [result for result in run.results if verdict_or_default(result) in FAILING]
    for result in (*failing, *run.results):
        # Other words mean something to `-k`, or have to be quoted for it.
        if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", word := slug(result.category)) and word not in _OPERATORS:
            yield word


_OPERATORS = ("and", "or", "not")


def _script(commands: dict[str, str]) -> str:
    script = "\n\n".join(f"# {title}\n{line(command)}" for title, command in commands.items())
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", script)), default=0))
    return f"{fence}bash\n{script}\n{fence}"
