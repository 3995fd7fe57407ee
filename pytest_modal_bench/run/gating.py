"""Holds each result against budgets and earlier runs, in the endpoint's own test; measures again before it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from msgspec import structs

from pytest_modal_bench.gate import budgets, comparison, drift
from pytest_modal_bench.model import Start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.gate.baselines import History
    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.gate.noise import Noise
    from pytest_modal_bench.model import Check, Endpoint, EndpointResult
    from pytest_modal_bench.run.beside import Beside
    from pytest_modal_bench.run.measurer import Measurer
    from pytest_modal_bench.run.moves import Moves


class _Waiting(NamedTuple):
    """An endpoint that has to be measured again."""

    result: EndpointResult
    checks: list[Check]
    earlier: list[EndpointResult]


class Gate:
    """What a session's results are held against. It measures with `measurer`, whose settings hold budgets, too."""

    def __init__(
        self, measurer: Measurer, history: History | None, moves: Moves, beside: Beside | None = None
    ) -> None:
        """`moves`: where what all processes of the run find is put together. `beside`: what is called in turn."""
        self._measurer = measurer
        self._history = history
        self._moves = moves
        self._noises: dict[Name, Noise] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._beside = beside
        self._unjudged: dict[str, EndpointResult] = {}
        """By endpoint id: results that wait until all endpoints have been measured, for want of anything else."""

    @property
    def compares(self) -> bool:
        """Whether results are held against others."""
        return self._history is not None or self._beside is not None

    def expect(self, endpoints: Iterable[Endpoint]) -> None:
        """Learn, before the first call, how much the endpoints of this run vary: each one's limit rests on all."""
        endpoints = list(endpoints)
        if self._beside is not None:
            self._beside.expect(endpoints)
        if self._history is not None:
            simulated = self._measurer.simulated
            earlier = {
                endpoint.id: self._history.usual(endpoint, simulated=simulated) for endpoint in endpoints
            }
            self._noises = comparison.noises(earlier.values())
            self._measurer.limits = {
                id_: comparison.limits(runs, self._noises) for id_, runs in earlier.items()
            }

    def judge(self, endpoint: Endpoint, result: EndpointResult) -> EndpointResult:
        """Return `result` with its checks. What is worse than usual waits for a second measurement: `waits`.

        So does what was called in turn with a base, for what all other endpoints show.
        """
        result = self._against_history(endpoint, result)
        if self._beside is not None and self._beside.take(result):
            if endpoint.id not in self._waiting:
                self._unjudged[endpoint.id] = result
            result = self._beside.so_far(result)
        return self._held(endpoint, result)

    def _against_history(self, endpoint: Endpoint, result: EndpointResult) -> EndpointResult:
        result = structs.replace(result, history=endpoint.history)
        if result.status == "success" and self._history is not None:
            matched = self._history.matching(result, simulated=self._measurer.simulated)
            checks = comparison.checks(result, matched.runs, self._noises)
            self._moves.add(comparison.moves(result, checks))
            result = structs.replace(result, notes=[*result.notes, *matched.notes])
            if comparison.flagged(checks):
                self._waiting[endpoint.id] = _Waiting(result, checks, matched.runs)
            else:
                checks = [*checks, *drift.checks(result, matched, checks, self._comparisons)]
            result = structs.replace(result, checks=comparison.waiting(checks))
        return result

    @property
    def _comparisons(self) -> int:
        """How many are made in the run."""
        return max((noise.comparisons for noise in self._noises.values()), default=1)

    def waits(self, endpoint_id: str) -> bool:
        """Whether an endpoint has to be measured again, or judged once all others have been measured."""
        return endpoint_id in self._waiting or endpoint_id in self._unjudged

    def judge_again(self, endpoint: Endpoint) -> EndpointResult:
        """Return what has become of a result that had to wait."""
        result = self._unjudged.pop(endpoint.id, None) or self._measured_again(endpoint)
        if self._beside is not None:
            result = self._beside.judged(result)
        return self._held(endpoint, result)

    def _measured_again(self, endpoint: Endpoint) -> EndpointResult:
        """Measure an endpoint that waits for it a second time, and return what both times come to.

        What most others did alike is no reason to measure again. A second time that did not succeed takes nothing from
        the first.
        """
        result, first, earlier = self._waiting.pop(endpoint.id)
        first = comparison.excused(first, self._moves.shifts())
        if not comparison.flagged(first):
            return structs.replace(result, checks=first)
        again = self._measurer.measure_again(endpoint)
        second = comparison.checks(again, earlier, self._noises) if again.status == "success" else []
        both = self._measurer.together(endpoint, result, again)
        if again.status == "not_run":
            both = structs.replace(both, notes=[*both.notes, f"not measured again: {again.skipped_reason}"])
        if again.status == "failed":
            # Together they may hold enough answers, but it has just failed by itself.
            both = structs.replace(
                both,
                status="failed",
                error=again.error,
                cause=again.cause,
                meaning=again.meaning,
                remedy=again.remedy,
            )
        places = {start: comparison.where(result, again, start) for start in get_args(Start)}
        return structs.replace(both, checks=comparison.settled(first, second, places))

    def _held(self, endpoint: Endpoint, result: EndpointResult) -> EndpointResult:
        """Return `result` held against its budgets, too."""
        if result.status == "success":
            budget = endpoint.budget.under(self._measurer.settings.budget.for_form(endpoint.stream))
            held = budgets.checks(result, budget, cold_due=result.cold_asked)
            result = structs.replace(result, checks=[*result.checks, *held])
        return structs.replace(result, quarantine=endpoint.quarantine)
