"""One call, timed: what it was, what came back, and what is known of where its time went."""

from __future__ import annotations

from typing import Literal

import msgspec

Start = Literal["cold", "first", "warm"]
"""How a call found its container: new, live but this endpoint's first call in it, or warm."""

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

MediaKind = Literal["image", "video", "audio", "file", "json", "html", "text", "empty", "other"]
"""`file`: a format that has a name, but none of the others, such as ZIP."""


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
    sample_rate: int | None = None
    """Of sound, in hertz."""
    channels: int | None = None
    blank: bool | None = None
    """Every frame is of one colour, or all but; of sound: it is silent."""
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
    """The handshake."""
    send_sec: float | None = None
    """From the request's first byte to its last."""
    wait_sec: float | None = None
    """From the request's last byte to the end of the answer's head."""
    download_sec: float | None = None
    """From there to the last byte; 0 where all came at once."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider's own record says of a call, in seconds on its clock; None: it does not say."""

    container: str | None = None
    queue_sec: float | None = None
    """Waiting for a container, its start not included."""
    boot_sec: float | None = None
    """The container's start, if the call waited for it."""
    execution_sec: float | None = None
    status: str | None = None


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """What a streamed answer was in time, on the client's clock, from when its bytes were read; None: not known.

    An output is an event that carries some of the answer, or of a stream of bytes a piece of it: no head, no comment,
    no event without content.
    """

    ttft_sec: float | None = None
    """From the call's start to the first output; of sound: to the first byte past the file's header."""
    itl_sec: float | None = None
    """Between two outputs: median."""
    itl_p95_sec: float | None = None
    """95th percentile."""
    itl_max_sec: float | None = None
    """The longest."""
    chunks: int = 0
    """Outputs."""
    output_tokens: int | None = None
    """As the server counts them."""
    input_tokens: int | None = None
    tokens_per_sec: float | None = None
    """(tokens - 1) / (last - first output), as vLLM's and GuideLLM's benchmarks have it."""
    finish_reason: str | None = None
    """The stream's own word for why it ended, such as `stop` or `length`."""
    characters: int | None = None
    """Of the text that it says, all outputs together."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of a job went, in seconds on the client's clock; their sum is the sample's time."""

    submit_sec: float
    """Until the job was accepted."""
    waiting_sec: float | None = None
    """From there until an answer said that it is done; known to one interval. None: it was not done."""
    delivery_sec: float | None = None
    """The result's way to the client, after that."""
    asked: int = 0
    """How often it was asked for."""
    resolution_sec: float | None = None
    """How much earlier it may have been done: the time since it was last seen unfinished."""


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
    """The whole call on the client's monotonic clock, from the connect or the send to the last byte: the sum of its
    phases. Of a failed call: until it failed, never a latency."""
    started_at: str
    """ISO 8601, UTC."""
    seed: int | None = None
    pair: int | None = None
    """Which pair of calls it is one of: the base's call of that number was made right before it, or right after."""
    proof: str | None = None
    """What proves a cold start; None: it is unverified."""
    http_status: int | None = None
    error: str | None = None
    """One line, secrets taken out."""
    cause: Cause | None = None
    """Why it failed."""
    media: Media | None = None
    """What the answer is; None: it was not looked at."""
    parts: tuple[Media, ...] = ()
    """The media inside a JSON answer, in its order, as many as were looked at."""
    part_count: int | None = None
    """How many there are; None: none were looked for."""
    fetched_sec: float | None = None
    """What fetching media took that the answer only names; not a part of `elapsed_sec`. None: there was nothing to
    fetch."""
    unchecked: str | None = None
    """What of its answer could not be checked, and why, in one line; under strict its endpoint fails for it. None:
    nothing, or any answer will do."""
    stream: Streamed | None = None
    """Where the answer came bit by bit."""
    job: Job | None = None
    """Where the answer was asked for until it was there."""
    size_bytes: int | None = None
    content_type: str | None = None
    redirects: int = 0
    held_sec: float = 0.0
    """Seconds spent in hops that the server held, as Modal holds a call it has not finished."""
    reconnected: bool = False
    """Whether it took a second try to connect, before anything was sent: the connection kept from the call before was
    gone, or the host's name was not found at once. A warm time has the connect in it then; `phases` says how much."""
    client_busy: str | None = None
    """Why the client's machine may have made its times longer; null: it was not busy."""
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
