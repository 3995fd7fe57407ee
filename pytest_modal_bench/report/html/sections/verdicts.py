"""What the gate says of each endpoint, and everything that it was held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.summary import not_compared, quarantined, reasons
from pytest_modal_bench.report.html.sections.names import TONES
from pytest_modal_bench.safety.text import once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Run
    from pytest_modal_bench.report.html.sections.names import Named


class Held(NamedTuple):
    """One thing that an endpoint was held against."""

    against: str
    verdict: str
    tone: str
    message: str


class Judged(NamedTuple):
    """An endpoint with its verdict."""

    endpoint: Named
    checks: tuple[Held, ...]
    others: tuple[str, ...]
    """What else speaks against it, or excuses it."""


class Verdicts(NamedTuple):
    """Of all endpoints that have one."""

    rows: tuple[Judged, ...]
    """Those of which more is to be said than what they did."""
    others: tuple[tuple[str, str, tuple[Named, ...]], ...]
    """The rest, by verdict, each with its colour."""
    basis: str
    """What they rest on, where that is little; nothing else."""


def verdicts(run: Run, endpoints: Sequence[Named]) -> Verdicts:
    """Return what the gate says of every endpoint that it was asked about."""
    judged = [each for each in endpoints if each.result.verdict is not None]
    checks = [check for each in judged for check in each.result.checks]
    if any(check.against in ("baseline", "base") for check in checks):
        basis = ""
    elif checks:
        basis = "Compared with no earlier run: held against absolute budgets only."
    else:
        basis = "Compared with no earlier run, and no budgets: an endpoint passes if it answers as it should."
    left_out = not_compared(run.results)
    rows = [_judged(each, run, left_out.get(each.result.id, ())) for each in judged]
    plain: dict[str, list[Named]] = {}
    for row in rows:
        if not (row.checks or row.others):
            plain.setdefault(row.endpoint.verdict, []).append(row.endpoint)
    return Verdicts(
        tuple(row for row in rows if row.checks or row.others),
        tuple((verdict, members[0].tone, tuple(members)) for verdict, members in plain.items()),
        basis,
    )


def _judged(each: Named, run: Run, left_out: Sequence[str]) -> Judged:
    result = each.result
    checks = tuple(
        Held(check.against, check.verdict, TONES[check.verdict], check.message) for check in result.checks
    )
    # What an endpoint did is said above, with its failure or its skip.
    said = {result.error, result.skipped_reason, *(check.message for check in result.checks)}
    others = once(text for text in (*_others(result, run), *left_out) if text not in said)
    return Judged(each, checks, tuple(others))


def _others(result: EndpointResult, run: Run) -> Iterator[str]:
    yield from reasons(result)
    yield from result.misfits
    if result.quarantine is not None and quarantined(result, run):
        yield f"in quarantine until {result.quarantine.until}: {result.quarantine.reason}"
    if result.history is not None:
        yield str(result.history)
