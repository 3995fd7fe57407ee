"""The only module that knows how pytest finds its root directory: whether an option of ours has moved it.

While pytest looks for it, it does not know the options of plugins. It takes a value that stands apart from its option,
as in `--modal-bench-baseline DIR`, for a test path if it exists. Then another configuration file may be read, and
reports lie elsewhere.
"""

from __future__ import annotations

import inspect
import os
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.config.findpaths import determine_setup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PREFIX = "--modal-bench-"


def check_root_directory(config: pytest.Config) -> None:
    """Raise `pytest.UsageError` if the value of an option of ours moves root directory or configuration file."""
    apart = list(_values_apart(config))
    if not apart:
        return
    tests = [str(each) for each in config.getoption("file_or_dir")]
    meant = _setup(config, tests)
    for option, value in apart:
        if _setup(config, [*tests, value]) != meant:
            raise pytest.UsageError(
                f"{option} {value}: pytest takes a value that stands apart for a test path, and moves its root "
                f"directory: write {option}={value}"
            )


def _values_apart(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """The options of ours on the command line, each with its value, if that stands apart and is a path that exists."""
    tests = config.getoption("file_or_dir")
    given = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *map(str, config.invocation_params.args)]
    for option, value in pairwise(given):
        # What follows a switch is a test path, as it should be.
        apart = option.startswith(_PREFIX) and "=" not in option and value not in tests
        if apart and not value.startswith("-") and _exists(config.invocation_params.dir / value):
            yield option, value


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _setup(config: pytest.Config, tests: Sequence[str]) -> tuple[Path, Path | None]:
    """Root directory and configuration file as pytest finds them for test paths."""
    known: dict[str, Any] = {
        "inifile": config.option.inifilename,
        "override_ini": config.option.override_ini,
        "args": tests,
        "rootdir_cmd_arg": config.option.rootdir,
        "invocation_dir": config.invocation_params.dir,
    }
    parameters = inspect.signature(determine_setup).parameters
    found = determine_setup(**{name: value for name, value in known.items() if name in parameters})
    return found[0], found[1]
