"""What a run knows of one endpoint, and what the gate says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from pytest_modal_bench.model.endpoint import HistoryStart, Quarantine
from pytest_modal_bench.model.load import Load
from pytest_modal_bench.model.preview import Preview
from pytest_modal_bench.model.sample import Cause, CostBasis, Media, Sample

Status = Literal["success", "failed", "skipped", "not_run"]

Verdict = Literal["PASS", "WARN", "FAIL", "INCONCLUSIVE", "SKIP", "ERROR"]
"""What the gate says of an endpoint. ERROR: it could not be measured, for a reason of the measuring side."""
WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "ERROR", "WARN", "INCONCLUSIVE", "PASS", "SKIP")
"""Verdicts, the worst first; what was skipped is worse than nothing alone."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the gate held a result against, and what came of it. None: not known, or not part of it."""

    metric: Literal[
        "cold",
        "warm",
        "cost",
        "ttft",
        "itl",
        "tokens_per_sec",
        "success",
        "load_p95",
        "load_errors",
        "load_ttft",
        "load_knee",
    ]
    """What begins with `load_` is of an endpoint under load."""
    against: Literal["budget", "baseline", "history", "base"]
    """`baseline`: this run beside earlier ones; `history`: the level of the last runs beside the one before;
    `base`: this run beside what was called in turn with it."""
    verdict: Verdict
    message: str
    """What it says, in one line: value, limit, and what is missing."""
    value: float | None = None
    """Seconds, US dollars, a share, or what a knee is in."""
    limit: float | None = None
    """In the same unit; against a baseline or a base: the ratio."""
    ratio: float | None = None
    """Median of this run over that of the earlier ones; against a base: the geometric mean of the pairs' ratios."""
    low: float | None = None
    """Where the 95 % interval of that ratio begins, against a base."""
    high: float | None = None
    """Where it ends."""
    p: float | None = None
    """How likely a run is to be as bad by chance, or worse: one-sided, by Student's t; against a base: if the two are
    alike."""
    noticed: float | None = None
    """The smallest ratio that this comparison would have found, nine times of ten."""
    n: int | None = None
    """Samples of this run; against a base: pairs of calls."""
    runs: int | None = None
    """Earlier runs that it is compared with."""
    history: tuple[float, ...] = ()
    """Their medians, the oldest first: of the last twenty."""
    again: bool = False
    """Whether it was measured again, after the first time had flagged it."""
    containers: int | None = None
    """Pairs of containers that the pairs of calls were averaged by; None: no base, or no container is known."""


TestEnd = Literal["passed", "failed", "error", "skipped", "xfailed"]
"""How a test ended: `failed` in its own code, `error` around it, `xfailed` as it was expected to."""


class OutcomeOfTest(msgspec.Struct, frozen=True, kw_only=True):
    """How one test of an endpoint ended."""

    test: str
    """Its id."""
    outcome: TestEnd
    message: str | None = None
    """Why, in one line; None where nothing is to be said, or where it was the gate that failed it."""


class EndpointResult(msgspec.Struct, kw_only=True):
    """What a run knows of one endpoint. The first twelve fields are those of the reference benchmark's JSON."""

    endpoint: str
    """Its name, such as `Flux Dev`."""
    path: str
    category: str
    description: str = ""
    cold_time_sec: float | None = None
    """Median of the cold samples that succeeded."""
    warm_time_sec: float | None = None
    """Median of the warm samples that succeeded."""
    cost_usd: float | None = None
    """Cost of one warm call: median over the warm samples whose cost is known."""
    gpu_type: str | None = None
    """As the endpoint says, never as the catalogue claims."""
    size_kb: float | None = None
    """Size of the last answer that succeeded."""
    status: Status
    """What the endpoint did; whether that is good enough, the verdict says."""
    error: str | None = None
    skipped_reason: str | None = None

    id: str
    app: str
    pool: str
    method: str = "POST"
    tags: tuple[str, ...] = ()
    timeout_sec: float | None = None
    """The deadline that held for each call."""
    first_time_sec: float | None = None
    """Median of the `first` samples that succeeded."""
    cold_verified: bool | None = None
    """Whether every cold sample is proven; None: there is none."""
    cold_inconclusive: str | None = None
    """Why no cold start, or fewer than asked for, could be measured."""
    warm_inconclusive: str | None = None
    """Why fewer warm calls than asked for count."""
    retaken: int = 0
    """Calls that were dropped and taken again."""
    load_sec: float | None = None
    """Estimate of the model's load: the first execution in a new container less the median warm one."""
    cause: Cause | None = None
    """Why it failed."""
    meaning: str | None = None
    """What that cause means, in one line."""
    remedy: str | None = None
    """What to try, in one line."""
    media: Media | None = None
    """What its last answer was."""
    cached: str | None = None
    """Why its answers look as if they came from a cache."""
    cost_basis: CostBasis | None = None
    cold_cost_usd: float | None = None
    """What a cold call cost: median."""
    cold_cost_basis: CostBasis | None = None
    idle_tail_usd: float | None = None
    """What its container costs after its last call, until it scales down; an estimate."""
    notes: list[str] = []
    """What else is to be known of it, a line each."""
    load: Load | None = None
    """What it did under load; None: it was not put under any."""
    region: str | None = None
    """As its container says."""
    case: str | None = None
    """Which of the cases of its route it is."""
    ttft_sec: float | None = None
    """Of a stream: seconds to the first output, median of the warm calls; so are the next four."""
    itl_sec: float | None = None
    """Seconds between outputs."""
    itl_p95_sec: float | None = None
    """Their 95th percentile within a call."""
    tokens_per_sec: float | None = None
    output_tokens: float | None = None
    """As the server counts them."""
    cold_ttft_sec: float | None = None
    """Median of the cold calls."""
    usd_per_million_tokens: float | None = None
    """US dollars for a million output tokens, at the cost of a warm call."""
    payload_sha256: str | None = None
    """Of what is sent, seed and secrets left out: results of different payloads are not compared."""
    cold_asked: bool = False
    """Whether a cold start of it was looked for."""
    verdict: Verdict | None = None
    """What the gate says, once all that can fail its tests has had its say; None: it has not been asked."""
    reasons: list[str] = []
    """What speaks against it, a line each."""
    tests: list[OutcomeOfTest] = []
    """How its tests ended."""
    checks: list[Check] = []
    """What it was held against."""
    quarantine: Quarantine | None = None
    history: HistoryStart | None = None
    """From when on earlier runs are its history; None: all are."""
    misfits: list[str] = []
    """What does not fit between the catalogue and what the app says of itself, a line each."""
    sent: str | None = None
    """What is sent, as the catalogue has it, with its placeholders: no secret, cut where it is long."""
    needs: tuple[str, ...] = ()
    """Test resources that are in what is sent, by name."""
    previews: list[Preview] = []
    """Of the last answer that was looked at: one, or one of each of its first parts."""
    scaledown_window_sec: float | None = None
    """How long one of its containers lives on without a call, as the catalogue claims."""
    deployed: str | None = None
    """Which deploy of its app answered: `v12, ` and when, in ISO 8601, as Modal's control plane says."""
    container_usd_per_sec: float | None = None
    """What a container costs while it lives, at list price; None: its machine or its price is not known."""
    samples: Sequence[Sample] = []
    base: EndpointResult | None = None
    """What its counterpart in the environment `Run.against` did, called in turn with it; None: there was none. What
    both have in common stands here alone."""
