"""Reads the JSON reports of earlier runs, one at a time: our own, and those of the reference benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from pytest_modal_bench.gate.earlier import reference
from pytest_modal_bench.model.encoding import LARGEST_BYTES, load
from pytest_modal_bench.safety.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modal_bench.model import EndpointResult, Run

_GATE, _CHART = "gate.json", ".benchmark.json"
"""Files that lie beside reports, and are none."""
_WAY_OUT = "give a JSON report of an earlier run"


class _Top(msgspec.Struct):
    """What tells reports apart."""

    schema: msgspec.Raw | UnsetType = UNSET
    results: msgspec.Raw | UnsetType = UNSET


class BaselineError(ValueError):
    """A baseline that can't be used; the text is one line, with the file and the way out."""


class Past(NamedTuple):
    """One earlier run, as far as a comparison needs it."""

    timestamp: str
    simulated: str | None
    by_id: bool
    """Whether its results have ids; those of the reference benchmark are known by their paths."""
    results: list[EndpointResult]
    workspace: str | None = None
    environment: str | None = None
    commit: str | None = None
    notes: tuple[str, ...] = ()
    """What of it can't be compared, a line each."""


def each_in(directory: Path) -> Iterator[Past | str]:
    """Read the reports in a directory, one at a time; for a file that is none, yield a line that says why.

    They may lie in folders of it, too, as where each is an artifact of its own. Raises `BaselineError` if the directory
    can't be looked into.
    """
    for folder in (directory, *(path for path in _listed(directory) if path.is_dir())):
        try:
            files = [path for path in _listed(folder) if path.suffix == ".json" and not path.is_dir()]
        except BaselineError as error:
            yield str(error)
            continue
        for file in files:
            if file.name == _GATE or file.name.endswith(_CHART):
                continue
            try:
                yield read(file)
            except BaselineError as error:
                yield str(error)


def read(path: Path) -> Past:
    """Read one report. Raises `BaselineError`."""
    try:
        content = read_bytes(path, LARGEST_BYTES)
    except OSError as error:
        raise BaselineError(
            f"{path}: can't be read: {error.strerror}; {_WAY_OUT}, or leave the baseline out"
        ) from None
    try:
        run, is_own = parsed(content, path.stem)
    except ValueError as error:
        raise BaselineError(f"{path}: {error}; {_WAY_OUT}") from None
    return Past(
        run.timestamp,
        run.simulated,
        is_own,
        run.results,
        run.workspace if run.workspace != "-" else None,
        run.environment,
        run.commit,
        () if is_own else tuple(f"{path.name}: {note}" for note in run.notes),
    )


def parsed(content: bytes, name: str) -> tuple[Run, bool]:
    """Return the run of a JSON report, and whether the report is one of ours. Raises ValueError, in one line.

    `name`: what a run of the reference benchmark is called that does not say when it began.
    """
    try:
        top = msgspec.json.decode(content, type=_Top)
        if top.schema is UNSET and top.results is not UNSET:
            return reference.read(msgspec.json.decode(content), name), False
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # what it lacks is said below
    return load(content), True


def _listed(directory: Path) -> list[Path]:
    """What is in a directory, hidden things left out."""
    try:
        # Not `glob`, to which a directory that it may not look into is an empty one.
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise BaselineError(
            f"{directory}: can't be looked into: {error.strerror}; give a directory of JSON reports, or leave the"
            " baseline out"
        ) from None
