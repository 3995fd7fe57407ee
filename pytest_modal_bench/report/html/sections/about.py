"""How the run was made, and what else is to be known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.figures.timestamps import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import Run
    from pytest_modal_bench.report.html.sections.names import Named

_COLD = {"observe": "observed", "force": "forced", "off": "not looked for"}


class Fact(NamedTuple):
    """One thing about the run."""

    label: str
    value: str
    code: bool = False


class Note(NamedTuple):
    """A note, and which endpoints it is about; none: the run."""

    text: str
    endpoints: tuple[Named, ...]


def facts(run: Run) -> list[Fact]:
    """Return what a run was made with, as far as it is known."""
    return [fact for fact in _facts(run) if fact.value]


def notes(run: Run, endpoints: Sequence[Named]) -> list[Note]:
    """Return the run's notes, then those of its endpoints, each once."""
    found: dict[str, list[Named]] = {}
    for each in endpoints:
        result = each.result
        cached = [f"cached? {result.cached}"] if result.cached else []
        for text in dict.fromkeys([*cached, *result.misfits, *result.notes]):
            found.setdefault(text, []).append(each)
    return [
        *(Note(text, ()) for text in run.notes),
        *(Note(text, tuple(each)) for text, each in found.items()),
    ]


def _facts(run: Run) -> Iterator[Fact]:
    read = moment(run.timestamp)
    yield Fact("Began", run.timestamp if read is None else f"{read:%Y-%m-%d %H:%M:%S} UTC")
    yield Fact("Workspace", run.workspace)
    yield Fact("Environment", run.environment or "")
    yield Fact("Called in turn with", run.against or "")
    yield Fact("Simulated", run.simulated or "")
    yield Fact("Command", run.command or "", code=True)
    yield Fact("Commit", run.commit or "", code=True)
    yield Fact("Catalogue", run.catalogue or "", code=True)
    yield Fact("Catalogue's SHA-256", run.catalogue_sha256 or "", code=True)
    yield Fact("Warm calls per endpoint", f"{'up to ' if run.rounds_auto else ''}{run.rounds}")
    yield Fact(
        "Cold starts per pool",
        "none: warm calls only" if run.quick else f"{run.cold_rounds}, {_COLD[run.cold]}",
    )
    yield Fact("Strict", "yes" if run.strict else "no")
    yield Fact("Test resources", ", ".join(map(_resource, run.resources.items())))
    yield Fact(
        "Expected calls an hour per pool", "" if run.traffic_per_hour is None else f"{run.traffic_per_hour:g}"
    )
    yield Fact("Machine", ", ".join(f"{name} {value}" for name, value in run.machine.items()))
    yield Fact("Versions", ", ".join(f"{name} {value}" for name, value in run.versions.items()))
    yield Fact("pytest-modal-bench", run.version)


def _resource(found: tuple[str, bool | None]) -> str:
    name, there = found
    return f"{name}: {'not looked for' if there is None else 'there' if there else 'missing'}"
