"""What the page calls an endpoint, where it links to it, and in which colour its verdict is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.summary import verdict_or_default
from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Verdict

TONES: dict[Verdict, str] = {
    "PASS": "pass",
    "WARN": "warn",
    "INCONCLUSIVE": "warn",
    "SKIP": "skipped",
    "FAIL": "fail",
    "ERROR": "fail",
}
"""CSS class of a verdict's colour."""


class Named(NamedTuple):
    """An endpoint's result with how it is called on this page."""

    result: EndpointResult
    name: str
    path: str
    anchor: str
    """Where its times are on the page. Made of its number: a name may be anything."""

    @property
    def verdict(self) -> Verdict:
        """What the gate says; where it was not asked, what its status comes to."""
        return verdict_or_default(self.result)

    @property
    def tone(self) -> str:
        """CSS class of its verdict's colour."""
        return TONES[self.verdict]


def named(results: Sequence[EndpointResult]) -> list[Named]:
    """Return `results` with their names, each of which stands for one endpoint alone."""
    labels = Labels(results)
    return [
        Named(
            result,
            line(labels.name(result), NAME_LIMIT) or "-",
            line(result.path, NAME_LIMIT),
            f"endpoint-{number}",
        )
        for number, result in enumerate(results, start=1)
    ]
