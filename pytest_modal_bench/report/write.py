"""Reports on disk: each file is replaced whole, so that a killed run leaves the last whole one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.atomic import write_bytes
from pytest_modal_bench.report import json, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_modal_bench.model import Run

FORMATS = {".md": markdown.render, ".json": json.render}


def write(run: Run, paths: Sequence[Path]) -> None:
    """Write `run` to each of `paths`, in the format of its suffix; parent directories are made.

    Raises ValueError, before anything is written, for a suffix without a format; OSError as it comes.
    """
    for path in paths:
        if path.suffix not in FORMATS:
            raise ValueError(
                f"{path}: no report format has the suffix {path.suffix!r}; known are {', '.join(FORMATS)}"
            )
    for path in paths:
        write_bytes(path, FORMATS[path.suffix](run).encode())
