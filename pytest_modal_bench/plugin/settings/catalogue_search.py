"""Which catalogue a session has: the one that is named, or one that lies in or beside what is collected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.local.workspace.catalogue import named, own_catalogue
from pytest_modal_bench.plugin.option_values import given
from pytest_modal_bench.plugin.settings import paths
from pytest_modal_bench.run.settings import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

_CATALOGUE_NAME = "endpoints.toml"
_NOT_SEARCHED = {"node_modules", "venv", "site-packages", "build", "dist", "__pycache__"}


def find_catalogue(config: pytest.Config, *, local: bool) -> tuple[Path, bool]:
    """The catalogue's path, and whether pytest was asked to collect it: by name, or as a part of a directory.

    The local workspace brings some of its own, by name, and one for where there is none.
    """
    for values in given(config, "modal_bench_catalogue"):
        _, name, base = values[-1]
        path = paths.normalized(base, name)
        own = None if paths.is_a(Path.is_file, path) else named(name)
        if own is not None and not local:
            raise pytest.UsageError(
                f"the catalogue {name} is the local workspace's own; add --modal-bench-workspace={LOCAL}"
            )
        return own or path, True
    arguments = [
        paths.normalized(config.invocation_params.dir, str(arg).split("::")[0]) for arg in config.args
    ]
    found = list(dict.fromkeys(path for argument in arguments for path in _catalogues_in(argument)))
    if len(found) > 1:
        listed = ", ".join(str(_relative(path, config.rootpath)) for path in found)
        raise pytest.UsageError(f"several catalogues: {listed}; choose one with --modal-bench-catalogue=FILE")
    if found:
        return found[0], True
    beside = [
        argument.parent / _CATALOGUE_NAME for argument in arguments if paths.is_a(Path.is_file, argument)
    ]
    usual = [config.rootpath / "tests" / "endpoints" / _CATALOGUE_NAME, config.rootpath / _CATALOGUE_NAME]
    for path in (*beside, *usual):
        if path.is_file():
            return path.absolute(), False
    if local:
        return own_catalogue(), True
    raise pytest.UsageError(
        f"no catalogue: write an {_CATALOGUE_NAME} (`python -m pytest_modal_bench init URL` writes one), or name one"
        " with --modal-bench-catalogue=FILE"
    )


def _catalogues_in(argument: Path) -> Iterator[Path]:
    if paths.is_a(Path.is_file, argument) and argument.suffix == ".toml":
        yield argument.absolute()
    for directory, subdirectories, files in os.walk(argument):
        subdirectories[:] = sorted(
            name for name in subdirectories if not name.startswith(".") and name not in _NOT_SEARCHED
        )
        if _CATALOGUE_NAME in files:
            yield Path(directory, _CATALOGUE_NAME).absolute()


def _relative(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
