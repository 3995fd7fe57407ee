"""Holds each result against budgets and earlier runs, in the endpoint's own test; measures again before it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.gate import budgets, comparison

if TYPE_CHECKING:
    from pytest_modal_bench.gate.baselines import History
    from pytest_modal_bench.model import Check, Endpoint, EndpointResult
    from pytest_modal_bench.run.measurer import Measurer


class Gate:
    """What a session's results are held against. It measures with `measurer`, whose settings hold budgets, too."""

    def __init__(self, measurer: Measurer, history: History | None) -> None:
        self._measurer = measurer
        self._history = history

    def judge(self, endpoint: Endpoint, result: EndpointResult) -> EndpointResult:
        """Return `result` with its checks; it may be measured once more for them."""
        if result.status == "success":
            result = self._compared(endpoint, result)
        if result.status == "success":
            budget = endpoint.budget.under(self._measurer.settings.budget.for_form(endpoint.stream))
            held = budgets.checks(result, budget, cold_due=result.cold_asked)
            result = structs.replace(result, checks=[*result.checks, *held])
        return structs.replace(result, quarantine=endpoint.quarantine)

    def _compared(self, endpoint: Endpoint, result: EndpointResult) -> EndpointResult:
        if self._history is None:
            return result
        matched = self._history.matching(result, simulated=self._measurer.simulated)
        checks = comparison.checks(result, matched.runs)
        result = structs.replace(result, notes=[*result.notes, *matched.notes])
        if not comparison.flagged(checks):
            return structs.replace(result, checks=checks)
        return self._measured_again(endpoint, result, checks, matched.runs)

    def _measured_again(
        self,
        endpoint: Endpoint,
        result: EndpointResult,
        first: list[Check],
        earlier: list[EndpointResult],
    ) -> EndpointResult:
        """What two measurements say; a second that did not succeed takes nothing from the first."""
        again = self._measurer.measure_again(endpoint)
        second = comparison.checks(again, earlier) if again.status == "success" else []
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
        return structs.replace(both, checks=comparison.settled(first, second))
