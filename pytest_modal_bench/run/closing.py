"""What is said of a whole run at its end: what its verdicts rest on, what its limit does not hold, what it spared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.gate import stopping
from pytest_modal_bench.model import Budget
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.cost.ledger import Ledger
    from pytest_modal_bench.model import Endpoint, EndpointResult
    from pytest_modal_bench.run.settings import Settings


def notes(
    selected: Sequence[Endpoint],
    results: Sequence[EndpointResult],
    settings: Settings,
    ledger: Ledger | None,
) -> Iterator[str]:
    """Yield what is to be told of a run of the `selected` endpoints, a line each."""
    yield from _basis_of_verdicts(selected, results, settings)
    if settings.auto and (spared := stopping.spared(results)):
        yield spared
    if ledger is not None and ledger.unknown_calls:
        unknown = counted(ledger.unknown_calls, "call")
        yield f"the cost of {unknown} is not known, and not in what the limit was held against"


def _basis_of_verdicts(
    selected: Sequence[Endpoint], results: Sequence[EndpointResult], settings: Settings
) -> Iterator[str]:
    """What a verdict rests on, where that is less than it could be."""
    if settings.baseline is not None:
        checks = (check for result in results for check in result.checks)
        if not any(check.against == "baseline" for check in checks):
            yield "nothing was compared with earlier runs"
        return
    if settings.against is not None:
        return
    limited = settings.budget != Budget() or any(endpoint.budget != Budget() for endpoint in selected)
    yield (
        "no baseline: held against absolute budgets only"
        if limited
        else "no baseline and no budgets: an endpoint passes if it answers as it should"
    )
