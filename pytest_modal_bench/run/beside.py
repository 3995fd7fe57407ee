"""Holds results against what was called in turn with them, once it is known how much those of all endpoints scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.gate import side_by_side
from pytest_modal_bench.gate.comparability import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_modal_bench.gate.side_by_side import Scatter
    from pytest_modal_bench.model import Check, Endpoint, EndpointResult
    from pytest_modal_bench.run.moves import Shared


class Beside:
    """What a session's results are held against side by side."""

    def __init__(self, against: str, scatters: Shared[Scatter], *, forced: bool) -> None:
        """`against`: what the base is called. `scatters`: where what all processes of the run find is put together.

        `forced`: whether cold starts are.
        """
        self._against = against
        self._scatters = scatters
        self._forced = forced
        self._names, self._comparisons = side_by_side.compared((), forced=forced)

    def expect(self, endpoints: Iterable[Endpoint]) -> None:
        """Learn, before the first call, how many comparisons there will be."""
        self._names, self._comparisons = side_by_side.compared(endpoints, forced=self._forced)

    def take(self, result: EndpointResult) -> bool:
        """Take note of how much a result's ratios scatter; return whether it has to wait for those of all others."""
        if result.status != "success" or result.base is None:
            return False
        self._scatters.add(side_by_side.scatter(result, self._names))
        return True

    def so_far(self, result: EndpointResult) -> EndpointResult:
        """Return a result with what is known until all have been measured: no verdict against it."""
        return self._with(result, side_by_side.waiting)

    def judged(self, result: EndpointResult) -> EndpointResult:
        """Return a result with its checks."""
        return self._with(result, list)

    def _with(self, result: EndpointResult, as_known: Callable[[list[Check]], list[Check]]) -> EndpointResult:
        if result.status != "success":
            return result
        basis = side_by_side.Basis(
            self._against,
            self._names,
            self._comparisons,
            side_by_side.priors(self._scatters.all()),
        )
        checks = [*result.checks, *as_known(side_by_side.checks(result, basis))]
        unlike = None if result.base is None else difference(result.base, result)
        notes = [] if unlike is None else [f"beside {self._against}: {unlike}"]
        return structs.replace(result, checks=checks, notes=[*result.notes, *notes])
