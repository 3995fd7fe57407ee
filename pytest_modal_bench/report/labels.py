"""What endpoints are called where people read: by something that tells each of them from all others of the run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Verdict

VERDICT_MARKS: dict[Verdict | None, str] = {
    "FAIL": "❌",
    "ERROR": "🚫",
    "WARN": "⚠️",
    "INCONCLUSIVE": "❓",
    "SKIP": "⏭️",
    "PASS": "✅",
    None: "❓",
}


class Labels:
    """Names and paths of a run's endpoints where they stand for one endpoint alone; else the id, which always does."""

    def __init__(self, results: Sequence[EndpointResult]) -> None:
        self._names = Counter(result.endpoint for result in results)
        self._paths = Counter(result.path for result in results)

    def name(self, result: EndpointResult) -> str:
        """Return the endpoint's name, in a sentence; its id where another one is called the same, or it has none."""
        named = result.endpoint.strip("/ ") and self._names[result.endpoint] <= 1
        return result.endpoint if named else result.id

    def path(self, result: EndpointResult) -> str:
        """Return the endpoint's path, in a list; its id where another one has the same, its name where it is `/`."""
        if self._paths[result.path] > 1:
            return result.id
        return result.path if result.path.strip("/ ") else self.name(result)
