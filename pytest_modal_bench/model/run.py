"""One session's results, exactly as the JSON report holds them."""

from __future__ import annotations

from typing import Literal

import msgspec

from pytest_modal_bench.model.preview import Preview
from pytest_modal_bench.model.result import EndpointResult, Status, Verdict

SCHEMA = 1
"""Version of the JSON report's fields; raised when a field changes its meaning or goes away."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a run, and what it is known to have cost."""

    total: int
    successful: int
    failed: int
    skipped: int
    not_run: int
    calls: int
    calls_with_cost: int
    total_cost_usd: float | None
    """Sum over the calls whose cost is known, a base's too: a lower bound where `calls_with_cost < calls`; None where
    none is."""
    estimated: bool = False
    """Whether an estimate is in that sum."""

    @classmethod
    def of(cls, results: list[EndpointResult]) -> Summary:
        """Count `results`."""
        sides = [side for result in results for side in (result, result.base) if side is not None]
        steps = [step for side in sides if side.load is not None for step in side.load.steps]
        # Of each sample its price alone: all samples of a large run would take much memory.
        of_samples = [(sample.cost_usd, sample.cost_basis) for side in sides for sample in side.samples]
        priced = [*of_samples, *((step.cost_usd, step.cost_basis) for step in steps)]
        costs = [usd for usd, _ in priced if usd is not None]

        def count(status: Status) -> int:
            return sum(result.status == status for result in results)

        return cls(
            total=len(results),
            successful=count("success"),
            failed=count("failed"),
            skipped=count("skipped"),
            not_run=count("not_run"),
            calls=len(of_samples) + sum(step.n + step.under_way for step in steps),
            calls_with_cost=sum(usd is not None for usd, _ in of_samples)
            + sum(step.calls_with_cost for step in steps),
            total_cost_usd=sum(costs) if costs else None,
            estimated=any(basis == "estimated" for _, basis in priced),
        )


class Run(msgspec.Struct, kw_only=True):
    """One session's results, as the JSON report holds them."""

    schema: int = SCHEMA
    timestamp: str
    """When the session began: ISO 8601, UTC, whole seconds."""
    workspace: str
    environment: str | None = None
    against: str | None = None
    """The environment, or the second catalogue, that was called in turn with it; locally, the scenario."""
    simulated: str | None = None
    """What was simulated, in words; None: the endpoints are real."""
    resources: dict[str, bool | None]
    """Which test resources there were (`image`, `video`, `lora`, …); None: not looked for."""
    quick: bool = False
    """Warm calls only."""
    rounds: int
    """Warm calls asked for per endpoint; with `rounds_auto`, the most that were."""
    cold: Literal["observe", "force", "off"] = "observe"
    """How cold starts were looked for."""
    cold_rounds: int = 1
    """Cold starts asked for per pool."""
    rounds_auto: bool = False
    """Whether an endpoint's warm calls ended as soon as they were enough."""
    finished: bool = False
    """False: the session was cut off, or is still going on."""
    version: str
    """Of pytest-modal-bench."""
    command: str | None = None
    """The command that makes this run again."""
    commit: str | None = None
    """The commit that was checked out where the run was started, or that the CI system names."""
    catalogue: str | None = None
    """File name of the catalogue."""
    catalogue_sha256: str | None = None
    machine: dict[str, str] = {}
    """Where the run was started, by what is said of it: `cores`, `system`, `python`, …"""
    versions: dict[str, str] = {}
    """Of the packages that the figures rest on, by name."""
    traffic_per_hour: float | None = None
    """Calls an hour that each pool is expected to get; None: not given."""
    inputs: dict[str, Preview] = {}
    """The test resources that were sent, by name."""
    notes: list[str] = []
    """What else is to be known of the run, a line each."""
    strict: bool = False
    verdict: Verdict | None = None
    """The worst of its endpoints' verdicts that can fail it."""
    summary: Summary
    results: list[EndpointResult]
    """In catalogue order."""
