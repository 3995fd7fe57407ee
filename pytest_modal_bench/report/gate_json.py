"""What the gate says, small and for machines: no samples, no times beside those that were checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import msgspec

from pytest_modal_bench.gate.summary import quarantined, reasons
from pytest_modal_bench.model import Verdict
from pytest_modal_bench.report import indented
from pytest_modal_bench.report.escape import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import EndpointResult, Load, Run

GATE = "gate.json"
"""Name of the file, beside a run's first report."""

SCHEMA = 1
"""Version of its fields; raised when one changes its meaning or goes away."""


def render(run: Run) -> str:
    """Return `run`'s verdicts as indented JSON that ends with a newline; `null` where the gate was not asked."""
    return b"".join(pieces(run)).decode()


def pieces(run: Run) -> Iterator[bytes]:
    """Yield the same in pieces, an endpoint each."""
    verdicts = [result.verdict for result in run.results]
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "verdict": run.verdict,
        "strict": run.strict,
        "finished": run.finished,
        "timestamp": run.timestamp,
        "workspace": run.workspace,
        "environment": run.environment,
        "against": run.against,
        "counts": {verdict: verdicts.count(verdict) for verdict in get_args(Verdict)},
        "endpoints": [],
    }
    return indented.pieces(_encoded(value), (_encoded(_endpoint(result, run)) for result in run.results))


def _encoded(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(_lines(value))


def _endpoint(result: EndpointResult, run: Run) -> dict[str, Any]:
    return {
        "id": result.id,
        "path": result.path,
        "case": result.case,
        "category": result.category,
        "app": result.app,
        "verdict": result.verdict,
        "quarantined": quarantined(result, run),
        "reasons": reasons(result),
        "checks": msgspec.to_builtins(result.checks),
        "load": None if result.load is None else _load(result.load),
    }


def _load(load: Load) -> dict[str, Any]:
    return {"spec": load.spec, "stopped": load.stopped, "knees": msgspec.to_builtins(load.knees)}


def _lines(value: Any) -> Any:
    """Make every text one line of bearable length that UTF-8 can hold."""
    match value:
        case str():
            return line(value)
        case list():
            return [_lines(item) for item in value]
        case dict():
            return {key: _lines(item) for key, item in value.items()}
    return value
