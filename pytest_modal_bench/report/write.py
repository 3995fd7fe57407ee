"""Reports on disk: each file is replaced whole, so that a killed run leaves the last whole one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report import gate_json
from pytest_modal_bench.safety.files import write_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pytest_modal_bench.model import Run


# What makes a text is imported when it is made: most of it is not needed until a run has ended.


def _markdown(run: Run) -> Iterable[bytes]:
    from pytest_modal_bench.report import markdown

    return (piece.encode() for piece in markdown.pieces(run))


def _json(run: Run) -> Iterable[bytes]:
    from pytest_modal_bench.report import json

    return json.pieces(run)


def _html(run: Run) -> Iterable[bytes]:
    from pytest_modal_bench.report.html import page

    return (piece.encode() for piece in page.pieces(run))


def _comment(run: Run) -> Iterable[bytes]:
    from pytest_modal_bench.report import comment

    return [comment.render(run).encode()]


def _benchmark(run: Run) -> Iterable[bytes]:
    from pytest_modal_bench.report import benchmark_json

    return [benchmark_json.render(run).encode()]


def _gate(run: Run) -> Iterable[bytes]:
    return gate_json.pieces(run)


FORMATS: dict[str, Callable[[Run], Iterable[bytes]]] = {
    ".md": _markdown,
    ".json": _json,
    ".html": _html,
    ".comment.md": _comment,
    ".benchmark.json": _benchmark,
}


def format_of(path: Path) -> Callable[[Run], Iterable[bytes]] | None:
    """Return what makes the pieces of a report with that name; None: its suffix has no format."""
    if path.name == gate_json.GATE:
        return _gate
    return FORMATS.get("".join(path.suffixes[-2:])) or FORMATS.get(path.suffix)


def require_extra(path: Path) -> None:
    """Raise MissingExtra if a report with that name needs a library that is not installed."""
    if format_of(path) is _html:
        from pytest_modal_bench.report.html import shell

        shell.require_extra()


def known() -> str:
    """Return the suffixes that a report's name may end in, for a message."""
    *others, last = FORMATS
    return f"{', '.join(others)} or {last}"


def write(run: Run, paths: Sequence[Path]) -> None:
    """Write `run` to each of `paths`, in the format of its suffix; parent directories are made.

    Raises ValueError, before anything is written, for a suffix without a format, and MissingExtra for one whose format
    needs a library that is not installed; OSError as it comes.
    """
    renderers = [(path, _renderer(path)) for path in paths]
    for path, render in renderers:
        write_pieces(path, render(run))


def write_each(run: Run, paths: Sequence[Path]) -> dict[Path, str]:
    """As `write`, but each is tried: return those that could not be written, with a line that says why."""
    for path in paths:
        _renderer(path)
    unwritten = {}
    for path in dict.fromkeys(paths):
        try:
            write(run, [path])
        except OSError as error:
            unwritten[path] = f"{error.filename or path}: {error.strerror}"
    return unwritten


def gate_beside(paths: Sequence[Path]) -> Path:
    """Return where the gate's file stands: in the directory of the first of a run's reports."""
    return paths[0].with_name(gate_json.GATE)


def _renderer(path: Path) -> Callable[[Run], Iterable[bytes]]:
    render = format_of(path)
    if render is None:
        raise ValueError(f"{path}: no report format has the suffix {path.suffix!r}; known are {known()}")
    require_extra(path)
    return render
