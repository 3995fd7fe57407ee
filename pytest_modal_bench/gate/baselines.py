"""Earlier runs to compare with: read from reports, matched by what must be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import structs

from pytest_modal_bench.model import EndpointResult, Run
from pytest_modal_bench.report.json import load
from pytest_modal_bench.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SAME = {"gpu_type": "GPU", "region": "region", "payload_sha256": "payload"}
"""What two results must share to be compared, and its name."""

_FIGURES = {"cold_time_sec": "cold start", "warm_time_sec": "warm call", "cost_usd": "cost"}
"""What is compared, and its name."""

_GATE, _CHART = "gate.json", ".benchmark.json"
"""Files that lie beside reports, and are none."""


class BaselineError(ValueError):
    """A baseline that can't be used; the text is one line, with the file and the way out."""


class Past(NamedTuple):
    """One earlier run, as far as a comparison needs it."""

    timestamp: str
    simulated: str | None
    by_id: bool
    """Whether its results have ids; those of the reference benchmark are known by their paths."""
    results: list[EndpointResult]


class Matched(NamedTuple):
    """What can be compared with a result, and what is to be told of what can't, a line each."""

    runs: list[EndpointResult]
    told: list[str]


class History:
    """Earlier runs, oldest first."""

    def __init__(self, past: list[Past], notes: list[str]) -> None:
        self.past = past
        self.notes = notes
        """Files that were passed over, a line each."""

    @classmethod
    def load(cls, path: Path) -> History:
        """Read a JSON report, or all those in a directory. Raises `BaselineError`."""
        if not path.is_dir():
            return cls([_read(path)], [])
        past = []
        notes = []
        for file in sorted(path.glob("*.json")):
            if file.name == _GATE or file.name.endswith(_CHART):
                continue
            try:
                one = _read(file)
            except BaselineError as error:
                notes.append(str(error))
            else:
                past.append(one)
        if not past:
            raise BaselineError(
                f"{path}: no report in it; give a directory with JSON reports, or leave the baseline out"
            )
        return cls(sorted(past, key=lambda each: each.timestamp), notes)

    def matching(self, result: EndpointResult, *, simulated: str | None) -> Matched:
        """Return the earlier results of the same endpoint that `result` can be compared with."""
        runs: list[EndpointResult] = []
        told: dict[str, int] = {}
        known = False
        for past, earlier in self._of(result):
            known = True
            different = _simulation(past.simulated, simulated) or _difference(earlier, result)
            if different is not None:
                told[different] = told.get(different, 0) + 1
            else:
                runs.append(earlier)
        silent = [
            name
            for field, name in _SAME.items()
            if any(getattr(run, field) is None for run in runs) and getattr(result, field)
        ]
        lines = [
            f"not compared: {counted(count, 'earlier run')} had {reason}" for reason, count in told.items()
        ]
        if silent:
            lines.append(f"compared with earlier runs that do not say their {', '.join(silent)}")
        lines.extend(_incomparable(result, runs, known=known))
        bare = [_without_other_cost(run, result) for run in runs]
        strangers = sum(
            run.cost_usd is not None and kept.cost_usd is None for run, kept in zip(runs, bare, strict=True)
        )
        if strangers:
            was = "estimated" if result.cost_basis == "measured" else "measured"
            lines.append(
                f"cost not compared: {counted(strangers, 'earlier run')} had it {was}, now {result.cost_basis}"
            )
        return Matched(bare, lines)

    def _of(self, result: EndpointResult) -> Iterator[tuple[Past, EndpointResult]]:
        """Yield each successful result once, however many files hold it."""
        seen = set()
        for past in self.past:
            for earlier in past.results:
                same = earlier.id == result.id if past.by_id else earlier.path == result.path
                # Jobs that share a catalogue may begin in the same second: of each endpoint it is one run all the same.
                if same and earlier.status == "success" and past.timestamp not in seen:
                    seen.add(past.timestamp)
                    yield past, earlier


def _simulation(before: str | None, now: str | None) -> str | None:
    if before == now:
        return None
    if before is None or now is None:
        return f"another kind of workspace: {'real' if before is None else 'simulated'}"
    return f"another simulation: {before}"


def _incomparable(result: EndpointResult, runs: list[EndpointResult], *, known: bool) -> Iterator[str]:
    """Say what of `result` has nothing to be compared with."""
    if not known:
        yield "not compared: no earlier run of it succeeded"
    if runs:
        missing = [
            name
            for field, name in _FIGURES.items()
            if getattr(result, field) and not any(getattr(run, field) for run in runs)
        ]
        if missing:
            yield f"not compared: no earlier run knows its {', '.join(missing)}"


def _without_other_cost(earlier: EndpointResult, result: EndpointResult) -> EndpointResult:
    """Return `earlier` without its cost, where one of the two was measured and the other estimated."""
    bases = {earlier.cost_basis, result.cost_basis} - {None}
    return structs.replace(earlier, cost_usd=None, cost_basis=None) if len(bases) > 1 else earlier


def _difference(earlier: EndpointResult, result: EndpointResult) -> str | None:
    for field, name in _SAME.items():
        before, now = getattr(earlier, field), getattr(result, field)
        if before is not None and now is not None and before != now:
            shown = f": {before}, now {now}" if field != "payload_sha256" else ""
            return f"another {name}{shown}"
    return None


def _read(path: Path) -> Past:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BaselineError(
            f"{path}: can't be read: {error.strerror}; give a JSON report of an earlier run, or leave the baseline out"
        ) from None
    try:
        raw = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BaselineError(f"{path}: not JSON; give a JSON report of an earlier run") from None
    if isinstance(raw, dict) and "schema" not in raw and isinstance(raw.get("results"), list):
        return _reference(path, raw)
    try:
        run: Run = load(content)
    except ValueError as error:
        raise BaselineError(f"{path}: {error}; give a JSON report of an earlier run") from None
    return Past(run.timestamp, run.simulated, True, run.results)


def _reference(path: Path, raw: dict[str, Any]) -> Past:
    """Read a report of the reference benchmark, whose cost of nothing means that nothing is known of it."""
    results = []
    for each in raw["results"]:
        try:
            known = {name: each[name] for name in _REFERENCE_FIELDS if each.get(name) is not None}
            result = msgspec.convert(
                known
                | {"id": known.get("path"), "app": "", "pool": "", "cost_usd": known.get("cost_usd") or None},
                EndpointResult,
            )
        except (AttributeError, msgspec.ValidationError) as error:
            raise BaselineError(
                f"{path}: not a report: {error}; give a JSON report of an earlier run"
            ) from None
        results.append(result)
    return Past(str(raw.get("timestamp")), None, False, results)


_REFERENCE_FIELDS = (
    *(
        "endpoint",
        "path",
        "category",
        "description",
        "cold_time_sec",
        "warm_time_sec",
        "cost_usd",
        "gpu_type",
    ),
    *("size_kb", "status", "error", "skipped_reason"),
)
