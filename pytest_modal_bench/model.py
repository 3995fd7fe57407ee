"""The schema of what is measured: Endpoint, Sample, EndpointResult, Run, and nothing else.

A `Run` is exactly what the JSON report holds. Everywhere `None` (JSON `null`) means unknown, never zero.
Units are in the names: `_sec` seconds, `_usd` US dollars, `_bytes` bytes, `_kb` kibibytes (1024 bytes).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SCHEMA = 1
"""Version of the JSON report's fields; raised when a field changes its meaning or goes away."""

Start = Literal["cold", "first", "warm"]
"""How a call found its container: new, live but this endpoint's first call in it, or warm."""

Status = Literal["success", "failed", "skipped", "not_run"]

Need = Literal["image", "video", "mask", "lora"]
"""A test resource that a payload's placeholder names."""


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a catalogue says of an endpoint's answer; sizes in pixels, durations in seconds."""

    kind: Literal["image", "video", "json", "any"] | None = None
    width: int | None = None
    height: int | None = None
    min_frames: int | None = None
    min_duration: float | None = None
    max_bytes: int | None = None
    json: tuple[str, ...] = ()
    distinct_from_input: bool = False


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """From where on a budget warns, and from where on it fails; None: it does not."""

    warn: float | None = None
    fail: float | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint may take: seconds, US dollars a warm call, and at least which share of successes."""

    max_cold: Level | None = None
    max_warm: Level | None = None
    max_cost: Level | None = None
    min_success: Level | None = None

    def under(self, specific: Budget) -> Budget:
        """Return this budget with what a more specific one says instead, metric by metric."""
        levels = ((name, getattr(specific, name) or getattr(self, name)) for name in self.__struct_fields__)
        return Budget(**dict(levels))


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """Why an endpoint is measured and reported, but cannot fail, and until which day (ISO 8601)."""

    reason: str
    until: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One route of an app, as the catalogue describes it, with every default filled in.

    `payload`, `query`, `headers` and `form` still hold their placeholders: secrets and test resources are
    put in when a request is built, and never before.
    """

    id: str
    """Unique in its catalogue, fit for a test id: the path without its slash, with the app where two share it."""
    name: str
    path: str
    app: str
    url: str
    """Base URL of the app, without the path: scheme, host, port, and a prefix if there is one."""
    pool: str
    """Names the containers behind one host; endpoints with the same pool share them."""
    category: str
    description: str = ""
    tags: tuple[str, ...] = ()
    method: str = "POST"
    timeout: float = 600.0
    """Seconds for one call, redirects and body included."""
    payload: Any = None
    """JSON body, or None for none."""
    form: dict[str, Any] | None = None
    """Fields of a form body: urlencoded, or multipart when one of them is a file."""
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    needs: tuple[Need, ...] = ()
    """Test resources named by placeholders, in the order image, video, mask, lora."""
    expect: Expect | None = None
    gpu: str | None = None
    cold: bool | None = None
    """Whether it gets cold starts of its own; None: if it is the first of its pool that is called."""
    function: str | None = None
    """The app's web function, as Modal's control plane names it; None: it can't be asked about this pool."""
    scaledown_window: float | None = None
    """Seconds that one of its containers lives on without a call."""
    cpu: float | None = None
    """Physical cores that its containers are billed for, as the catalogue claims."""
    memory: float | None = None
    """GiB of memory that its containers are billed for, as the catalogue claims."""
    region: Literal["broad", "narrow"] | None = None
    """What Modal calls the choice of a region, which has a price; None: not chosen."""
    nonpreemptible: bool = False
    budget: Budget = Budget()
    """The most specific of the catalogue: this endpoint's own, its category's, or that for all."""
    quarantine: Quarantine | None = None


class Resource(msgspec.Struct, frozen=True):
    """A test image, video or mask: its bytes and media type, such as `image/png`."""

    data: bytes
    media_type: str
    name: str
    """File name, for multipart bodies."""


Cause = Literal[
    "timeout",
    "redirect_loop",
    "dns",
    "refused",
    "tls",
    "connection_lost",
    "proxy_auth",
    "not_deployed",
    "app_stopped",
    "workspace_disabled",
    "spend_limit",
    "queue_full",
    "rate_limited",
    "bad_redirect",
    "input_lost",
    "killed",
    "function_timeout",
    "booting",
    "platform",
    "application",
    "invalid_output",
    "unknown",
]
"""Why a call failed, in one word."""

CostBasis = Literal["measured", "estimated"]
"""`measured`: the endpoint's own word, or the provider's bill; `estimated`: seconds times a price."""


Verdict = Literal["PASS", "WARN", "FAIL", "INCONCLUSIVE", "SKIP", "ERROR"]
WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "ERROR", "WARN", "INCONCLUSIVE", "PASS", "SKIP")
"""Verdicts, the worst first; what was skipped is worse than nothing alone."""
"""What the gate says of an endpoint. ERROR: it could not be measured, for a reason of the measuring side."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the gate held a result against, and what came of it. None: not known, or not part of it."""

    metric: Literal["cold", "warm", "cost", "success"]
    against: Literal["budget", "baseline"]
    verdict: Verdict
    message: str
    """What it says, in one line: value, limit, and what is missing."""
    value: float | None = None
    """Seconds, US dollars, or a share."""
    limit: float | None = None
    """In the same unit; against a baseline: the ratio."""
    ratio: float | None = None
    """Median of this run over that of the earlier ones."""
    p: float | None = None
    """One-sided, Mann-Whitney."""
    n: int | None = None
    """Samples of this run."""
    runs: int | None = None
    """Earlier runs that it is compared with."""
    again: bool = False
    """Whether it was measured again, after the first time had flagged it."""


MediaKind = Literal["image", "video", "json", "html", "text", "empty", "other"]


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """What decoding says of an answer's bytes, whatever its headers say. None: not known."""

    kind: MediaKind
    format: str | None = None
    """`PNG`, `JPEG`, `WEBP`, `GIF`, `MP4`, `WEBM`, …"""
    width: int | None = None
    height: int | None = None
    """Pixels, as displayed."""
    frames: int | None = None
    duration_sec: float | None = None
    blank: bool | None = None
    """Every frame is of one colour, or all but."""
    checked: bool = False
    """Whether it was decoded whole."""
    unchecked: str | None = None
    """Why it was not, in one line."""
    problem: str | None = None
    """What is wrong with the bytes themselves, in one line: truncated, not decodable, too large to decode."""


class Media(Decoded, frozen=True, kw_only=True):
    """What an answer's bytes are."""

    size_bytes: int
    sha256: str


class Phases(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call's time went on the client's clock, in seconds, summed over its hops; None: did not happen."""

    connect_sec: float | None = None
    """DNS and TCP connect; None on a kept connection."""
    tls_sec: float | None = None
    send_sec: float | None = None
    wait_sec: float | None = None
    """From the request's last byte to the answer's head."""
    download_sec: float | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider's own record says of a call, in seconds on its clock; None: it does not say."""

    container: str | None = None
    queue_sec: float | None = None
    """Waiting for a container, its start not included."""
    boot_sec: float | None = None
    """The container's start, if the call waited for it."""
    execution_sec: float | None = None
    status: str | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One call, timed."""

    start: Start
    """What it was. A dropped one is never `cold`, and `warm` only if its container had answered its endpoint."""
    asked: Start | None = None
    """What it was meant to be, where it turned out to be something else."""
    dropped: str | None = None
    """Why it counts in no figure, though it was answered: evidence speaks against what it was meant to be."""
    ok: bool
    elapsed_sec: float
    """The whole call on the client's monotonic clock. Of a failed call: until it failed, never a latency."""
    started_at: str
    """ISO 8601, UTC."""
    seed: int | None = None
    proof: str | None = None
    """What proves a cold start; None: it is unverified."""
    http_status: int | None = None
    error: str | None = None
    """One line, secrets taken out."""
    cause: Cause | None = None
    """Why it failed."""
    media: Media | None = None
    """What the answer is; None: it was not looked at."""
    size_bytes: int | None = None
    content_type: str | None = None
    redirects: int = 0
    held_sec: float = 0.0
    """Seconds spent in hops that the server held, as Modal holds a call it has not finished."""
    phases: Phases = Phases()
    cost_usd: float | None = None
    """US dollars, by `cost_basis`."""
    cost_basis: CostBasis | None = None
    cost_source: str | None = None
    """What the cost was computed from, in words."""
    execution_sec: float | None = None
    """From the endpoint's own `X-Execution-Time-Sec` header: the server's clock."""
    gpu_type: str | None = None
    """From the endpoint's own `X-GPU-Type` header, or from the middleware in its container."""
    container: str | None = None
    """The container that answered: from the middleware, or from the provider's record."""
    container_request: int | None = None
    """Which request of that container this was, from the middleware; 1 is the first."""
    container_started_at: str | None = None
    """When the container started the app, on its own clock: ISO 8601."""
    container_uptime_sec: float | None = None
    """How old the app in the container was when it answered, on its own clock."""
    region: str | None = None
    handler_sec: float | None = None
    """From `Server-Timing`: the handler's time, on the server's clock."""
    call_id: str | None = None
    """Modal's id of the call, from `modal-function-call-id`."""
    provider: Provider | None = None
    unattributed_sec: float | None = None
    """What is left of `elapsed_sec` beside queue, boot and execution; None where none of them is known."""

    @property
    def meant(self) -> Start:
        """What it was meant to be."""
        return self.asked or self.start

    @property
    def worked_sec(self) -> float | None:
        """Seconds that the call was worked on: by the provider's record, else by the server's own word."""
        by_provider = self.provider.execution_sec if self.provider is not None else None
        known = (by_provider, self.execution_sec, self.handler_sec)
        return next((seconds for seconds in known if seconds is not None), None)

    @property
    def execution_part_sec(self) -> float | None:
        """`worked_sec` as a part of `elapsed_sec`; None where it is longer, and so on a clock of another kind."""
        worked_sec = self.worked_sec
        return worked_sec if worked_sec is not None and worked_sec <= self.elapsed_sec else None

    @property
    def counts(self) -> bool:
        """Whether it stands in figures."""
        return self.ok and self.dropped is None


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
    region: str | None = None
    """As its container says."""
    payload_sha256: str | None = None
    """Of what is sent, seed and secrets left out: results of different payloads are not compared."""
    cold_asked: bool = False
    """Whether a cold start of it was looked for."""
    verdict: Verdict | None = None
    """What the gate says; None: it has not been asked."""
    checks: list[Check] = []
    """What it was held against."""
    quarantine: Quarantine | None = None
    misfits: list[str] = []
    """What does not fit between the catalogue and what the app says of itself, a line each."""
    samples: list[Sample] = []


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
    """Sum over the calls whose cost is known: a lower bound where `calls_with_cost < calls`; None where none is."""
    estimated: bool = False
    """Whether an estimate is in that sum."""

    @classmethod
    def of(cls, results: list[EndpointResult]) -> Summary:
        """Count `results`."""
        samples = [sample for result in results for sample in result.samples]
        costs = [sample.cost_usd for sample in samples if sample.cost_usd is not None]

        def count(status: Status) -> int:
            return sum(result.status == status for result in results)

        return cls(
            total=len(results),
            successful=count("success"),
            failed=count("failed"),
            skipped=count("skipped"),
            not_run=count("not_run"),
            calls=len(samples),
            calls_with_cost=len(costs),
            total_cost_usd=sum(costs) if costs else None,
            estimated=any(sample.cost_basis == "estimated" for sample in samples),
        )


class Run(msgspec.Struct, kw_only=True):
    """One session's results, as the JSON report holds them."""

    schema: int = SCHEMA
    timestamp: str
    """When the session began: ISO 8601, UTC, whole seconds."""
    workspace: str
    environment: str | None = None
    simulated: str | None = None
    """What was simulated, in words; None: the endpoints are real."""
    resources: dict[str, bool | None]
    """Which test resources there were (`image`, `video`, `lora`, …); None: not looked for."""
    quick: bool = False
    """Warm calls only."""
    rounds: int
    """Warm calls asked for per endpoint."""
    cold: Literal["observe", "force", "off"] = "observe"
    """How cold starts were looked for."""
    cold_rounds: int = 1
    """Cold starts asked for per pool."""
    finished: bool = False
    """False: the session was cut off, or is still going on."""
    version: str
    """Of pytest-modal-bench."""
    command: str | None = None
    """The command that makes this run again."""
    notes: list[str] = []
    """What else is to be known of the run, a line each."""
    strict: bool = False
    verdict: Verdict | None = None
    """The worst of its endpoints' verdicts that can fail it."""
    summary: Summary
    results: list[EndpointResult]
    """In catalogue order."""
