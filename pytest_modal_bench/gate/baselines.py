"""Earlier runs to compare with: read from reports, matched by what must be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import structs

from pytest_modal_bench.gate.comparability import SAME, difference, other_cost, other_simulation
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.model import EndpointResult, Run
from pytest_modal_bench.model.encoding import LARGEST_BYTES, load
from pytest_modal_bench.safety.files import read_bytes
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modal_bench.model import Endpoint

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
    workspace: str | None = None
    environment: str | None = None
    commit: str | None = None


class Matched(NamedTuple):
    """What can be compared with a result, and what can't and why, a line each."""

    runs: list[EndpointResult]
    notes: list[str]


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
        for one in each_in(path):
            if isinstance(one, Past):
                past.append(one)
            else:
                notes.append(one)
        if not past and notes:
            raise BaselineError(f"{path}: no report that can be read in it: {notes[0]}")
        if not past:
            notes.append(f"no history yet: {path} holds no report of an earlier run")
        return cls(sorted(past, key=lambda each: each.timestamp), notes)

    def matching(self, result: EndpointResult, *, simulated: str | None) -> Matched:
        """Return the earlier results of the same endpoint that `result` can be compared with."""
        runs: list[EndpointResult] = []
        left_out: dict[str, int] = {}
        known = False
        for past, earlier in self._of(result):
            known = True
            different = other_simulation(past.simulated, simulated) or difference(earlier, result)
            if different is not None:
                left_out[different] = left_out.get(different, 0) + 1
            else:
                runs.append(earlier)
        silent = [
            name
            for field, name in SAME.items()
            if any(getattr(run, field) is None for run in runs) and getattr(result, field)
        ]
        lines = [
            f"not compared: {counted(count, 'earlier run')} had {reason}"
            for reason, count in left_out.items()
        ]
        if silent:
            lines.append(f"compared with earlier runs that do not say their {', '.join(silent)}")
        lines.extend(_incomparable(result, runs, known=known))
        strangers = sum(run.cost_usd is not None and other_cost(run, result) for run in runs)
        if strangers:
            was = "estimated" if result.cost_basis == "measured" else "measured"
            lines.append(
                f"cost not compared: {counted(strangers, 'earlier run')} had it {was}, now {result.cost_basis}"
            )
        runs = [
            structs.replace(run, cost_usd=None, cost_basis=None) if other_cost(run, result) else run
            for run in runs
        ]
        return Matched(runs, lines)

    def usual(self, endpoint: Endpoint, *, simulated: str | None) -> list[EndpointResult]:
        """Return the earlier results of an endpoint that can be compared with its last one."""
        like = EndpointResult(
            endpoint=endpoint.name,
            path=endpoint.path,
            category=endpoint.category,
            status="success",
            id=endpoint.id,
            app=endpoint.app,
            pool=endpoint.pool,
            case=endpoint.case,
        )
        found = [(past, earlier) for past, earlier in self._of(like) if past.simulated == simulated]
        return [earlier for _, earlier in found if difference(earlier, found[-1][1]) is None]

    def _of(self, result: EndpointResult) -> Iterator[tuple[Past, EndpointResult]]:
        """Yield each successful result once, however many files hold it."""
        seen = set()
        for past in self.past:
            for earlier in past.results:
                by_path = result.case is None and earlier.path == result.path
                same = earlier.id == result.id if past.by_id else by_path
                # Jobs that share a catalogue may begin in the same second: of each endpoint it is one run all the same.
                if same and earlier.status == "success" and past.timestamp not in seen:
                    seen.add(past.timestamp)
                    yield past, earlier


def _incomparable(result: EndpointResult, runs: list[EndpointResult], *, known: bool) -> Iterator[str]:
    """Say what of `result` has nothing to be compared with."""
    if not known:
        yield "not compared: no earlier run of it succeeded"
    if runs:
        missing = [
            metric.noun
            for metric in METRICS.values()
            if metric.median(result) and not any(metric.median(run) for run in runs)
        ]
        if missing:
            yield f"not compared: no earlier run knows its {', '.join(missing)}"


def each_in(directory: Path) -> Iterator[Past | str]:
    """Read the reports in a directory, one at a time; for a file that is none, yield a line that says why."""
    for file in sorted(directory.glob("*.json")):
        if file.name == _GATE or file.name.endswith(_CHART):
            continue
        try:
            yield _read(file)
        except BaselineError as error:
            yield str(error)


def _read(path: Path) -> Past:
    try:
        content = read_bytes(path, LARGEST_BYTES)
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
    return Past(run.timestamp, run.simulated, True, run.results, run.workspace, run.environment, run.commit)


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
    return Past(str(raw.get("timestamp")), None, False, results, _text(raw.get("workspace")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


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
