"""Puts a price on samples and results of one endpoint, each with its basis; what is not known stays so."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.cost.prices import Machine, Rates, idle_tail, of_call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.model import CostBasis, Endpoint, EndpointResult, Sample, Start


class Pricing:
    """Prices of one endpoint's machine. `rates` and `provider_gpu` are asked when needed: they may take a moment."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        rates: Callable[[], Rates],
        provider_gpu: Callable[[], str | None],
        simulated: bool = False,
    ) -> None:
        """`simulated`: seconds on the client's and the provider's clock are scaled, so that no price fits them."""
        self._endpoint = endpoint
        self.simulated = simulated
        self._rates = rates
        self._provider_gpu = provider_gpu

    def price(self, sample: Sample) -> Sample:
        """Return `sample` with what it cost, as far as that can be known now; a measured cost stays."""
        if sample.cost_basis == "measured":
            return sample
        billed = structs.replace(sample, cost_usd=None)
        if self.simulated:
            billed = structs.replace(billed, provider=None, handler_sec=None)
            if billed.execution_sec is None:
                unknown = "simulated seconds have no price"
                return structs.replace(sample, cost_usd=None, cost_basis=None, cost_source=unknown)
        usd, basis, source = of_call(billed, self._machine(sample.gpu_type), self._rates())
        return structs.replace(sample, cost_usd=usd, cost_basis=basis, cost_source=source)

    def of_seconds(self, seconds: float) -> float | None:
        """What the machine costs for so many seconds, as far as it is known before it is called; None: unknown."""
        return idle_tail(seconds, self._machine(None), self._rates())

    def bound_of_seconds(self, seconds: float) -> float | None:
        """What so many seconds count as under a limit; None: unknown, as for simulated ones, which have no price."""
        return None if self.simulated else self.of_seconds(seconds)

    def bound(self, sample: Sample) -> float | None:
        """What a call counts as under a limit: its cost or, where nobody knows it, its seconds at its machine's price.

        Of a call that failed these are the seconds until it failed. None: unknown.
        """
        if sample.cost_usd is not None or self.simulated:
            return sample.cost_usd
        return idle_tail(sample.elapsed_sec, self._machine(sample.gpu_type), self._rates())

    def total(self, result: EndpointResult) -> EndpointResult:
        """Return `result` with the cost of a warm and of a cold call, a warm one's tokens, and a container's time."""
        usd, basis = _median_cost(result.samples, "warm")
        cold_usd, cold_basis = _median_cost(result.samples, "cold")
        return structs.replace(
            result,
            cost_usd=usd,
            cost_basis=basis,
            cold_cost_usd=cold_usd,
            cold_cost_basis=cold_basis,
            usd_per_million_tokens=_usd_per_million_tokens(result.samples, basis),
            idle_tail_usd=idle_tail(
                self._endpoint.scaledown_window, self._machine(result.gpu_type), self._rates()
            )
            if result.samples
            else None,
            container_usd_per_sec=None
            if self.simulated
            else idle_tail(1.0, self._machine(result.gpu_type), self._rates()),
        )

    def _machine(self, told: str | None) -> Machine:
        """The machine as far as it is known: its GPU by the provider's word, by its own, or by the catalogue's claim.

        The provider comes first: it bills what was asked for, also where a better GPU serves it, and knows how many.
        """
        return Machine(
            gpu=self._provider_gpu() or told or self._endpoint.gpu,
            cpu=self._endpoint.cpu,
            memory_gib=self._endpoint.memory,
            region=self._endpoint.region,
            nonpreemptible=self._endpoint.nonpreemptible,
        )


def _median_cost(samples: Sequence[Sample], start: Start) -> tuple[float | None, CostBasis | None]:
    """Median over the samples that count, all of one basis: estimates only where nothing is measured."""
    costs: dict[CostBasis, list[float]] = {"measured": [], "estimated": []}
    for sample in samples:
        if sample.counts and sample.start == start and sample.cost_usd is not None and sample.cost_basis:
            costs[sample.cost_basis].append(sample.cost_usd)
    for basis, known in costs.items():
        if known:
            return median(known), basis
    return None, None


def _usd_per_million_tokens(samples: Sequence[Sample], basis: CostBasis | None) -> float | None:
    """Median over the warm calls whose output tokens are known, and whose cost is, by `basis`."""
    prices = [
        1e6 * sample.cost_usd / sample.stream.output_tokens
        for sample in samples
        if sample.counts and sample.start == "warm" and sample.cost_basis == basis
        if sample.cost_usd is not None and sample.stream is not None and sample.stream.output_tokens
    ]
    return median(prices) if prices else None
