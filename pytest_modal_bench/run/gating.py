"""Holds each endpoint's result against budgets and baseline, in its own test; measures again before it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.gate import budgets, comparison
from pytest_modal_bench.gate.verdicts import verdict

if TYPE_CHECKING:
    from pytest_modal_bench.gate.baselines import History
    from pytest_modal_bench.model import Check, Endpoint, EndpointResult
    from pytest_modal_bench.run.measurer import Measuring


class Gate:
    """What a session's results are held against. It measures with `measuring`, whose settings hold budgets, too."""

    def __init__(self, measuring: Measuring, history: History | None) -> None:
        self._measuring = measuring
        self._history = history

    def judge(self, endpoint: Endpoint, result: EndpointResult) -> EndpointResult:
        """Return `result` with its checks and its verdict; it may be measured once more for that."""
        if result.status == "success":
            result = self._compared(endpoint, result)
        if result.status == "success":
            budget = endpoint.budget.under(self._measuring.settings.budget)
            held = budgets.checks(result, budget, cold_due=result.cold_asked)
            result = structs.replace(result, checks=[*result.checks, *held])
        return structs.replace(result, verdict=verdict(result), quarantine=endpoint.quarantine)

    def _compared(self, endpoint: Endpoint, result: EndpointResult) -> EndpointResult:
        if self._history is None:
            return result
        matched = self._history.matching(result, simulated=self._measuring.simulated)
        checks = comparison.checks(result, matched.runs)
        result = structs.replace(result, notes=[*result.notes, *matched.told])
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
        again = self._measuring.measure_again(endpoint)
        second = comparison.checks(again, earlier) if again.status == "success" else []
        both = self._measuring.together(endpoint, result, again)
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
