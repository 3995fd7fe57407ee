"""What the gate says of each endpoint, and what it was held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.gate.standing import reasons
from pytest_modal_bench.report.escape import code, text
from pytest_modal_bench.report.table import table
from pytest_modal_bench.report.units import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult

_BUDGETS_ALONE = "Compared with no earlier run: held against absolute budgets only."
_NOTHING = "Compared with no earlier run, and no budgets: an endpoint passes if it answers as it should."


def verdicts(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint that has a verdict, below what they rest on; nothing if none has."""
    rows = [
        (code(result.id), result.verdict, "; ".join(filter(None, map(text, _why(result)))) or UNKNOWN)
        for result in results
        if result.verdict is not None
    ]
    if not rows:
        return ""
    checks = [check for result in results for check in result.checks]
    compared = any(check.against == "baseline" for check in checks)
    basis = [] if compared else [_BUDGETS_ALONE if checks else _NOTHING]
    return "\n\n".join([*basis, table(("Endpoint", "Verdict", "Why"), rows)])


def _why(result: EndpointResult) -> Iterator[str]:
    """Everything that it was held against, what it passed included: a bare `PASS` says little."""
    yield from dict.fromkeys([*(check.message for check in result.checks), *reasons(result)])
    if result.quarantine is not None:
        yield f"in quarantine until {result.quarantine.until}: {result.quarantine.reason}"
