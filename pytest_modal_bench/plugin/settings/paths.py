"""Options that name files and directories."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.plugin.option_values import given
from pytest_modal_bench.plugin.settings import parsing

if TYPE_CHECKING:
    from collections.abc import Callable

_REPORT_VARIABLE = "MODAL_BENCH_REPORT"
_DEFAULT_REPORTS = ("modal-bench-report.md", "modal-bench-report.json")
_HTML_REPORT = "modal-bench-report.html"
"""By default, too, where the extra `html` is installed."""


def normalized(base: Path, name: str) -> Path:
    """The path `name` as pytest takes paths: from `base`, and without `..`."""
    return Path(os.path.normpath(base / name))


def is_a(what: Callable[[Path], bool], path: Path) -> bool:
    """Whether a path is what is asked; one that no file can have, as it is too long, is nothing."""
    try:
        return what(path)
    except (OSError, ValueError):
        return False


def reports(config: pytest.Config) -> tuple[Path, ...]:
    """Where reports are written to."""
    from pytest_modal_bench.report.extras import MissingExtra
    from pytest_modal_bench.report.html import shell
    from pytest_modal_bench.report.write import format_of, known, require_extra

    names = [*_DEFAULT_REPORTS, *([_HTML_REPORT] if shell.installed() else [])]
    default = [("", name, config.rootpath) for name in names]
    paths = []
    for source, text, base in next(given(config, "modal_bench_report"), default):
        # A repeated option and an ini key are one path each; a variable holds them all, with spaces between them.
        for name in text.split() if source == _REPORT_VARIABLE else [text]:
            path = normalized(base, name)
            if format_of(path) is None:
                raise pytest.UsageError(f"{source}: {path.name}: a report's name ends in {known()}")
            try:
                require_extra(path)
            except MissingExtra as missing:
                raise pytest.UsageError(f"{source}: {path.name}: {missing}") from None
            if is_a(Path.is_dir, path):
                raise pytest.UsageError(f"{source}: {path.name}: is a directory, name a file in it")
            paths.append(path)
    return tuple(dict.fromkeys(paths))


def save_outputs(config: pytest.Config) -> Path | None:
    """The directory for endpoints' last answers."""
    for values in given(config, "modal_bench_save_outputs"):
        source, name, base = values[-1]
        path = normalized(base, name)
        if is_a(Path.exists, path) and not is_a(Path.is_dir, path):
            raise pytest.UsageError(f"{source}: {path.name}: is a file, name a directory")
        return path
    return None


def baseline(config: pytest.Config) -> Path | None:
    """The report, or the directory of reports, to compare with."""
    for values in given(config, "modal_bench_baseline"):
        source, name, base = values[-1]
        path = normalized(base, name)
        if not is_a(Path.exists, path):
            raise pytest.UsageError(
                f"{source}: {name}: no such file or directory; leave it out for a first run, which makes one"
            )
        return path
    return None


def against(config: pytest.Config, *, local: bool) -> tuple[str | None, Path | None]:
    """What is called in turn, and the path of a second catalogue, if it is one. What has a path is called by it."""
    for values in given(config, "modal_bench_against"):
        source, name, base = values[-1]
        if not name.endswith(".toml"):
            try:
                return parsing.name(name), None
            except ValueError as error:
                raise pytest.UsageError(f"{source}: {error}") from None
        path = normalized(base, name)
        if not is_a(Path.is_file, path):
            raise pytest.UsageError(f"{source}: {name}: no such file")
        return (str(path), None) if local else (path.name, path)
    return None, None
