"""What the gate says of an endpoint, and whether its test must fail for it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.strictness import complaints
from pytest_modal_bench.model import WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.model import EndpointResult, Verdict

_FAILING = frozenset({"FAIL", "ERROR"})
_DOUBTFUL = frozenset({"INCONCLUSIVE", "SKIP"})


def verdict(result: EndpointResult) -> Verdict:
    """Return what `result`, its status and its checks, comes to."""
    if result.status in ("skipped", "not_run"):
        return "SKIP"
    if result.status == "failed" and not result.samples and result.cause is None:
        return "ERROR"
    if result.status == "failed":
        return "FAIL"
    doubtful = result.cold_inconclusive is not None or result.warm_inconclusive is not None
    said: list[Verdict] = [check.verdict for check in result.checks]
    return worst([*said, "INCONCLUSIVE" if doubtful else "PASS"]) or "PASS"


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Return the worst of `verdicts`; None of none. What was skipped is worse than nothing alone."""
    return min(verdicts, key=WORST_FIRST.index, default=None)


def fails(result: EndpointResult, *, strict: bool, today: dt.date) -> str | None:
    """Say in one line why the endpoint's test must fail; None: it need not."""
    if excused(result, today=today) is not None:
        return None
    reason = _reason(result)
    if result.quarantine is not None:
        said = f"; {reason}" if reason is not None else ""
        return (
            f"its quarantine ended on {result.quarantine.until} ({result.quarantine.reason}): take it out of the "
            f"catalogue, or renew it{said}"
        )
    if reason is not None or not strict:
        return reason
    doubts = [*complaints(result), *(c.message for c in result.checks if c.verdict in _DOUBTFUL)]
    if not doubts and _verdict(result) in _DOUBTFUL:
        doubts = [result.status.replace("_", " ")]
    return f"strict: {'; '.join(dict.fromkeys(doubts))}" if doubts else None


def excused(result: EndpointResult, *, today: dt.date) -> str | None:
    """Say why the endpoint cannot fail today, whatever it does; None: it can."""
    if result.quarantine is None or today > dt.date.fromisoformat(result.quarantine.until):
        return None
    reason = _reason(result)
    said = f": {reason}" if reason is not None else ""
    return f"in quarantine until {result.quarantine.until} ({result.quarantine.reason}){said}"


def _verdict(result: EndpointResult) -> Verdict:
    """Its own or, as long as it has none, what it comes to: nothing passes for not having been judged."""
    return result.verdict or verdict(result)


def _reason(result: EndpointResult) -> str | None:
    if _verdict(result) not in _FAILING:
        return None
    if result.error is not None:
        return result.error
    return "; ".join(check.message for check in result.checks if check.verdict == "FAIL") or "failed"
