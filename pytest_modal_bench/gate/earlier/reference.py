"""The reference benchmark's own JSON, which has results and names no schema: what of it can be compared.

Its results are known by their paths alone, since it calls categories and endpoints by other names. There may be several
of one path, such as a cold call and a warm one. Its cost of nothing means that nothing is known of it.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_modal_bench.model import EndpointResult, Run, Summary
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.model import Status

_GOOD = ("success", "ok", "pass", "passed")
_UNCLEAR = "nothing says whether it is a cold start or a warm call: no cold of its own, no quick of the run"


class _Times(NamedTuple):
    """Seconds; None: not known."""

    cold: float | None
    warm: float | None
    unclear: bool = False
    """Whether there is a time of which nothing says what it is."""


def read(raw: dict[str, Any], name: str) -> Run:
    """Return what can be compared as a run, with a note on what can't.

    `name`: what the run is called where it does not say when it began. Raises ValueError, in one line, if there is
    nothing in it.
    """
    given = raw["results"] if isinstance(raw["results"], list) else []
    entries = [each for each in given if isinstance(each, dict) and _path(each) is not None]
    if not entries:
        raise ValueError(f"none of its {counted(len(given), 'result')} names a path")
    by_path: dict[str, list[dict[str, Any]]] = {}
    for each in entries:
        by_path.setdefault(_path(each) or "", []).append(each)
    quick = raw.get("quick") is True or raw.get("mode") == "quick"
    results = [_result(path, of_it, quick=quick) for path, of_it in by_path.items()]
    return Run(
        timestamp=_text(raw.get("timestamp")) or name,
        workspace=_text(raw.get("workspace")) or "-",
        environment=_text(raw.get("environment")),
        resources={},
        quick=quick,
        rounds=1,
        finished=True,
        version="-",
        notes=_notes(given, entries, quick=quick),
        summary=Summary.of(results),
        results=results,
    )


def _notes(given: Sequence[object], entries: Sequence[dict[str, Any]], *, quick: bool) -> list[str]:
    notes = []
    nameless = len(given) - len(entries)
    if nameless:
        notes.append(f"left out: {counted(nameless, 'result')} without a path")
    unclear = sum(_status(each) == "success" and _times(each, quick=quick).unclear for each in entries)
    if unclear:
        notes.append(f"time_sec of {counted(unclear, 'result')} is not compared: {_UNCLEAR}")
    return notes


def _result(path: str, entries: Sequence[dict[str, Any]], *, quick: bool) -> EndpointResult:
    """Return what several results of one path come to: medians over those that succeeded."""
    good = [each for each in entries if _status(each) == "success"]
    first, last = entries[0], (good or entries)[-1]
    times = [_times(each, quick=quick) for each in good]
    return EndpointResult(
        endpoint=_text(first.get("endpoint")) or path,
        path=path,
        category=_text(first.get("category")) or "",
        description=_text(first.get("description")) or "",
        cold_time_sec=_middle(each.cold for each in times),
        warm_time_sec=_middle(each.warm for each in times),
        cost_usd=_middle(_number(each, "cost_usd") for each in good),
        gpu_type=_text(last.get("gpu_type")),
        size_kb=_number(last, "size_kb") or _number(last, "output_size_kb"),
        status=_status(last),
        error=_text(last.get("error")),
        skipped_reason=_text(last.get("skipped_reason")),
        id=path,
        app="",
        pool="",
    )


def _times(entry: dict[str, Any], *, quick: bool) -> _Times:
    """Return an entry's times; a `time_sec` alone is what the entry says of it or, in a quick run, warm."""
    cold, warm = _number(entry, "cold_time_sec"), _number(entry, "warm_time_sec")
    alone = _number(entry, "time_sec") if cold is None and warm is None else None
    is_cold = entry.get("cold", False if quick else None)
    if alone is None:
        return _Times(cold, warm)
    if not isinstance(is_cold, bool):
        return _Times(None, None, unclear=True)
    return _Times(alone, None) if is_cold else _Times(None, alone)


def _middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _status(entry: dict[str, Any]) -> Status:
    said = entry.get("status")
    said = entry.get("success") if said is None else said
    if said is None:
        return "failed" if entry.get("error") else "success"
    word = said.strip().lower() if isinstance(said, str) else said
    if word == "skipped":
        return "skipped"
    return "success" if word is True or word in _GOOD else "failed"


def _path(entry: dict[str, Any]) -> str | None:
    """Return an entry's path, which may stand where another one has its endpoint's name."""
    for field in ("path", "endpoint"):
        said = entry.get(field)
        if isinstance(said, str) and said.startswith("/"):
            return said
    return None


def _number(entry: dict[str, Any], field: str) -> float | None:
    """Return a figure above 0; None: it is not known."""
    value = entry.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        known = float(value)
    except OverflowError:
        return None
    return known if math.isfinite(known) and known > 0 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
