"""What an endpoint did under load: step by step, and call by call."""

from __future__ import annotations

from typing import Literal

import msgspec

from pytest_modal_bench.model.sample import Cause, CostBasis

StepKind = Literal["users", "rate", "burst", "ramp"]
"""`users`: so many call, each one call after the other. `rate`: so many calls begin in a second, whether or not others
have ended. `burst`: so many begin at once. `ramp`: users come one after the other, up to so many."""


class LoadCall(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One call under load. Moments are seconds since its step began, on the clock of the process that called."""

    meant_sec: float
    """When it was meant to begin. Of a user that waits for its answers: when it began."""
    began_sec: float
    elapsed_sec: float
    """The call itself, from `began_sec` on; of a failed one: until it failed."""
    ok: bool
    checked: bool = False
    """Whether its answer was decoded and checked: of those that look good, a share is."""
    cause: Cause | None = None
    """Why it failed."""
    error: str | None = None
    http_status: int | None = None
    under_way: bool = False
    """Whether it was cut off, as the run ended or reached its limit: neither answered nor failed."""
    container: str | None = None
    first_of_container: bool | None = None
    """Whether it was its container's first request; None: not known."""
    queue_sec: float | None = None
    execution_sec: float | None = None
    """That it was worked on, as the provider or the server says."""
    cost_usd: float | None = None
    ttft_sec: float | None = None
    output_tokens: int | None = None
    generator: int = 0
    """Which process called."""
    call_id: str | None = None
    """Modal's id of the call; None: the answer named none."""

    @property
    def latency_sec(self) -> float:
        """Seconds from when it was meant to begin to its end: what somebody meets who comes at that moment."""
        return self.began_sec - self.meant_sec + self.elapsed_sec


class LoadMoment(msgspec.Struct, frozen=True, kw_only=True):
    """A short stretch of a step. None: not known."""

    at_sec: float
    """Where it ends, in seconds since the step began; it begins where the one before ends."""
    under_way: float
    """Calls under way at a time: mean."""
    under_way_max: int
    answered: int
    """Calls that ended in it."""
    failed: int
    containers: int | None = None
    """That had answered a call of the step by its end."""
    pool: int | None = None
    """How many there were, as the control plane said last."""


class LoadStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a load, and what its calls come to. None: not known, or of too few calls to say."""

    kind: StepKind
    value: float
    """Users, calls a second, or calls at once."""
    duration_sec: float | None = None
    """As asked for; None of a burst."""
    took_sec: float
    """From the step's begin to the end of its last call."""
    n: int
    """Calls that ended: answered or failed."""
    answered: int
    errors: dict[str, int] = {}
    """How many failed, by cause."""
    under_way: int = 0
    """Calls that were cut off."""
    checked: int = 0
    """Answers that were decoded and checked."""
    p50_sec: float | None = None
    """Percentiles of the latencies of answered calls. Failed ones are left out, but for those that timed out: they took
    longer than any percentile that is not above their deadline."""
    p90_sec: float | None = None
    p95_sec: float | None = None
    p99_sec: float | None = None
    max_sec: float | None = None
    """The longest of the answered ones."""
    censored_sec: float | None = None
    """Where calls timed out: the shortest time until one did. A percentile of enough calls that is None is above it."""
    throughput_per_sec: float | None = None
    """Answered calls a second."""
    concurrency_mean: float | None = None
    """Calls under way at a time."""
    concurrency_max: int | None = None
    late_share: float | None = None
    """Of the calls with a schedule: how many began so late that it is more than 5 % of their latency."""
    late_max_sec: float | None = None
    behind: bool = False
    """Whether the generator could not keep its schedule: more than 5 % of the calls were late."""
    client_busy: str | None = None
    """Why the client's machine may have blurred the times; None: it was not busy."""
    containers_started: int | None = None
    containers: int | None = None
    """That answered."""
    container_known: int = 0
    """Answered calls that name their container. Where that is not all of them, there may have been more containers."""
    cold_calls: int | None = None
    """Calls that met a container's start: they were its first."""
    queue_p50_sec: float | None = None
    queue_p95_sec: float | None = None
    execution_p50_sec: float | None = None
    calls_per_container: float | None = None
    scale_out_sec: tuple[float, ...] = ()
    """When the first, second, … container had answered its first call, in seconds since the step began."""
    cost_usd: float | None = None
    """What its calls cost together, as far as that is known."""
    calls_with_cost: int = 0
    """Calls whose cost is in that sum."""
    usd_per_1000: float | None = None
    """US dollars for 1,000 answered calls; starts of containers and their idle time are not in it."""
    cost_basis: CostBasis | None = None
    idle_usd: float | None = None
    """What its containers cost while they do nothing, between calls and until they scale down after the step; an
    estimate."""
    ttft_p50_sec: float | None = None
    ttft_p95_sec: float | None = None
    tokens_per_sec: float | None = None
    """Of all users together."""
    tokens_per_sec_user: float | None = None
    """Of one of them: (tokens - 1) / (end - first output), the median of the calls."""
    over_time: tuple[LoadMoment, ...] = ()
    calls: tuple[LoadCall, ...] = ()
    """By when they began; as many as are kept."""
    calls_left_out: int = 0


class Knee(msgspec.Struct, frozen=True, kw_only=True):
    """Of the steps of one kind the highest that keeps its budgets, where none below it breaks one."""

    kind: StepKind
    value: float | None
    """None: none does."""
    sentence: str
    """Such as `keeps p95 under 5 s up to 4 users; 2 containers; $1.90 per 1,000 calls`."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint did under load."""

    spec: str
    """As it was asked for."""
    steps: tuple[LoadStep, ...]
    knees: tuple[Knee, ...] = ()
    """One for each kind of its steps, where there are budgets to keep."""
    processes: int = 1
    """That called."""
    engine: str | None = None
    """What made the calls, with its version."""
    stopped: str | None = None
    """Why it ended before all steps were made; None: it did not."""
    notes: tuple[str, ...] = ()
