"""Several jobs' runs as one: each measured some of a catalogue's endpoints, in the same workspace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from pytest_modal_bench.gate.summary import verdict_of_run
from pytest_modal_bench.gate.verdicts import worst
from pytest_modal_bench.model import Run, Summary
from pytest_modal_bench.report.figures.timestamps import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_modal_bench.model import Verdict

_SAME = ("workspace", "environment", "against", "simulated")
"""Fields without which results are not those of one run."""

_ALIKE = ("quick", "rounds", "rounds_auto", "cold", "cold_rounds", "strict", "version", "traffic_per_hour")
"""Fields that make results less comparable where they differ, and no less true."""


class Part(NamedTuple):
    """One job's run, and the file that it was read from."""

    name: str
    run: Run


class MergeError(Exception):
    """Why runs cannot be one; its message is one line and names the files."""


def merge(parts: Sequence[Part]) -> Run:
    """Return one run with the results of at least one part, in their order. Raises MergeError."""
    _refuse_conflicts(parts)
    runs = [part.run for part in parts]
    results = [result for run in runs for result in run.results]
    return structs.replace(
        runs[0],
        timestamp=min((run.timestamp for run in runs), key=_began),
        resources=_resources(runs),
        inputs={name: preview for run in reversed(runs) for name, preview in run.inputs.items()},
        commit=_shared(run.commit for run in runs),
        catalogue=_shared(run.catalogue for run in runs),
        catalogue_sha256=_shared(run.catalogue_sha256 for run in runs),
        machine=_shared_entries([run.machine for run in runs]),
        versions=_shared_entries([run.versions for run in runs]),
        traffic_per_hour=next((run.traffic_per_hour for run in runs if run.traffic_per_hour), None),
        finished=all(run.finished for run in runs),
        command=_shared(run.command for run in runs),
        notes=list(dict.fromkeys([*(note for run in runs for note in run.notes), *_differences(parts)])),
        strict=any(run.strict for run in runs),
        verdict=worst(verdict for run in runs if (verdict := _verdict(run)) is not None),
        summary=Summary.of(results),
        results=results,
    )


def cut_off(run: Run) -> bool:
    """Whether a run ended before the gate could say anything of it as a whole."""
    return run.verdict is None and not run.finished


def _verdict(run: Run) -> Verdict | None:
    """A run's own; of one that was cut off ERROR, or the endpoints that it never came to would count as passed."""
    return "ERROR" if cut_off(run) else verdict_of_run(run)


def _refuse_conflicts(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        for field in _SAME:
            theirs, ours = getattr(part.run, field), getattr(first.run, field)
            if theirs != ours:
                raise MergeError(
                    f"{first.name} and {part.name} are not of one run: {field} is {_said(ours)} and {_said(theirs)}"
                )
    seen: dict[str, str] = {}
    for part in parts:
        for result in part.run.results:
            if result.id in seen:
                raise MergeError(
                    f"{seen[result.id]} and {part.name} both have the endpoint {result.id!r}:"
                    " which of them counts, nobody can know"
                )
            seen[result.id] = part.name


def _differences(parts: Sequence[Part]) -> Iterator[str]:
    for field in _ALIKE:
        values = [getattr(part.run, field) for part in parts]
        if any(value != values[0] for value in values):
            said = ", ".join(
                f"{_said(value)} in {part.name}" for part, value in zip(parts, values, strict=True)
            )
            yield f"merged from jobs that measured differently: {field.replace('_', ' ')} is {said}"
    for part in parts:
        if cut_off(part.run):
            yield f"{part.name}: cut off before its end"


def _resources(runs: Sequence[Run]) -> dict[str, bool | None]:
    """What one job lacked was missing, whatever others had; what none looked for stays unknown."""
    found: dict[str, bool | None] = {}
    for run in runs:
        for name, there in run.resources.items():
            found[name] = there if found.get(name) is None else found[name] and there is not False
    return found


def _shared(values: Iterable[str | None]) -> str | None:
    """What all jobs say alike; None where they differ."""
    said = set(values)
    return said.pop() if len(said) == 1 else None


def _shared_entries(tables: Sequence[dict[str, str]]) -> dict[str, str]:
    first, *others = tables
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def _began(timestamp: str) -> datetime:
    return moment(timestamp) or datetime.max.replace(tzinfo=UTC)


def _said(value: object) -> str:
    match value:
        case None:
            return "not given"
        case bool():
            return "on" if value else "off"
    return str(value)
