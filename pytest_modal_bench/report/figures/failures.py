"""What failed, by cause: what that means and what to try are the same for all endpoints of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.escape import line
from pytest_modal_bench.safety.text import once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.model import Cause, EndpointResult

_OTHER_APPS = " Likewise for the apps of the others."


class Group(NamedTuple):
    """Endpoints that failed for the same cause or, where that is not known, with the same message."""

    cause: Cause | None
    meaning: str | None
    remedy: str | None
    results: tuple[EndpointResult, ...]

    @property
    def name(self) -> str | None:
        """The cause in a word or two, as it begins a sentence; None: it is not known."""
        if self.cause is None:
            return None
        word = self.cause.replace("_", " ")
        return word.upper() if self.cause in ("dns", "tls") else word.capitalize()

    def by_message(self) -> dict[str, list[EndpointResult]]:
        """Return the endpoints by what is said of each, in their order."""
        return _grouped(self.results, message)


def by_cause(results: Sequence[EndpointResult]) -> list[Group]:
    """Return the groups of those that failed, the largest first, else in their order."""
    failed = [result for result in results if result.status == "failed"]
    groups = _grouped(failed, lambda result: result.cause or f" {message(result)}")
    return sorted(map(_group, groups.values()), key=lambda group: -len(group.results))


def message(result: EndpointResult) -> str:
    """Return why an endpoint failed, was skipped or was not run, as raw text; nothing if nobody says."""
    said = [each for each in (result.error, result.skipped_reason, *result.misfits) if each]
    return "; ".join(map(line, once(said)))


def _group(results: Sequence[EndpointResult]) -> Group:
    first = results[0]
    remedy = first.remedy
    if remedy is not None and any(result.remedy != remedy for result in results):
        # Of one cause, they differ in the name of the app that their commands ask about.
        remedy += _OTHER_APPS
    return Group(first.cause, first.meaning, remedy, tuple(results))


def _grouped(
    results: Sequence[EndpointResult], key: Callable[[EndpointResult], str]
) -> dict[str, list[EndpointResult]]:
    groups: dict[str, list[EndpointResult]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(result)
    return groups
