"""What the catalogue says of an endpoint, and the test resources that it is sent."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any, Literal

import msgspec

from pytest_modal_bench.model.timestamps import moment

_fields = functools.cache(msgspec.structs.fields)

Need = str
"""Name of a test resource: `image`, `video`, `mask`, `lora`, or any of the catalogue's."""

StreamForm = Literal["openai", "sse", "ndjson", "bytes"]
"""How an answer that comes bit by bit is put together: OpenAI's chunks or any other server-sent events, JSON lines, or
pieces of one file."""


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a catalogue says of an endpoint's answer; sizes in pixels, durations in seconds."""

    kind: Literal["image", "video", "audio", "file", "json", "any"] | None = None
    at: str | None = None
    """Where in a JSON answer the media are that all else is asked of: dotted keys and indexes, `*` for each."""
    count: int | None = None
    """How many media there are at `at`; None: one or more."""
    width: int | None = None
    height: int | None = None
    min_frames: int | None = None
    min_duration: float | None = None
    sample_rate: int | None = None
    """Of sound, in hertz."""
    min_bytes: int | None = None
    max_bytes: int | None = None
    json: tuple[str, ...] = ()
    """Fields of a JSON answer, by dotted paths, that are there and neither null nor an empty text."""
    text: str | None = None
    """A regular expression that is found in what a stream says, or in an answer that is text or JSON."""
    min_tokens: int | None = None
    """Output tokens of a stream, as the server counts them."""
    distinct_from_input: bool = False
    status: int | None = None
    """The HTTP status, from 200 to 299; None: any of these but 202, which says that nothing is done yet."""
    deterministic: bool = False
    """Whether equal answers to different seeds are right, and no sign of a cache."""
    blank: bool = False
    """Whether an image or a video of one colour, or a silent sound, is right."""


class Poll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a job is asked for, once it is submitted, until it is done.

    Placeholders in `path` and `result` are dotted paths into the JSON that submitting was answered with, such as
    `{call_id}` or `{job.id}`.
    """

    path: str | None = None
    """What is asked; None: what the `Location` of the answer names."""
    every: float = 1.0
    """Seconds from one question to the next."""
    pending: dict[str, tuple[str, ...]] = {}
    """Values, by dotted paths into an answer, that say that the job goes on, as status 202 and the usual words do."""
    failed: dict[str, tuple[str, ...]] = {}
    """Values that say that it has failed, as the usual words do."""
    result: str | None = None
    """Where the result is once the job is done; None: in the answer that says so."""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """From where on a budget warns, and from where on it fails; None: it does not."""

    warn: float | None = None
    fail: float | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint may take: seconds, US dollars a warm call, and at least which share of successes.

    Of a stream: seconds to the first output, the 95th percentile of the seconds between outputs, and at least how
    many tokens a second, each the median of warm calls.

    Under load: seconds of the 95th percentile, which share of the calls may fail, the median of the seconds to the
    first output, and up to which step at least all of that is kept.
    """

    max_cold: Level | None = None
    max_warm: Level | None = None
    max_cost: Level | None = None
    max_ttft: Level | None = None
    max_itl: Level | None = None
    min_tokens_per_sec: Level | None = None
    min_success: Level | None = None
    max_p95: Level | None = None
    max_errors: Level | None = None
    min_knee: Level | None = None

    def under(self, specific: Budget) -> Budget:
        """Return this budget with what a more specific one says instead, metric by metric."""
        levels = ((name, getattr(specific, name) or getattr(self, name)) for name in self.__struct_fields__)
        return Budget(**dict(levels))

    def for_form(self, stream: StreamForm | None) -> Budget:
        """Return what of a budget for many endpoints one can be held against whose answer comes in this form.

        Only a stream has outputs that come one by one, and pieces of a file are no tokens.
        """
        if stream is None:
            return msgspec.structs.replace(self, max_ttft=None, max_itl=None, min_tokens_per_sec=None)
        return msgspec.structs.replace(self, min_tokens_per_sec=None) if stream == "bytes" else self


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """Why an endpoint is measured and reported, but cannot fail, and until which day (ISO 8601)."""

    reason: str
    until: str


class HistoryStart(msgspec.Struct, frozen=True, kw_only=True):
    """From when on an endpoint's runs are its history, and why: it was changed on purpose."""

    since: str
    """A day or a time in UTC, in ISO 8601. A day begins at midnight."""
    reason: str

    @property
    def moment(self) -> dt.datetime:
        """Return `since` in UTC. One that can't be read, in a report that others made, is before everything."""
        return moment(self.since) or dt.datetime.min.replace(tzinfo=dt.UTC)

    def __str__(self) -> str:
        """Return how reports say it."""
        return f"its history begins on {self.since}: {self.reason}"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One route of an app, as the catalogue describes it, with every default filled in.

    `payload`, `query`, `headers` and `form` still hold their placeholders: secrets and test resources are
    put in when a request is built, and never before.
    """

    id: str
    """Unique in its catalogue, fit for a test id: the path without its slash, with the app where two share it, and the
    case in brackets."""
    name: str
    path: str
    app: str
    """What the catalogue calls the app."""
    modal_app: str | None = None
    """What Modal calls it; None: the same."""
    case: str | None = None
    """Which of the cases of its route it is; None: none of them."""
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
    """Test resources named by placeholders: image, video, mask and lora first, then the others as they come."""
    stream: StreamForm | None = None
    """How its answer comes bit by bit; None: it is not looked at before it is whole."""
    poll: Poll | None = None
    """How its result is asked for; None: its answer is the result."""
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
    load: str | None = None
    """The load that it is put under, as written; None: none but what the run asks for."""
    load_weight: float = 1.0
    """How often it is called in a mix, beside the others."""
    history: HistoryStart | None = None
    """From when on earlier runs are compared with: the latest of what the catalogue says of it; None: always."""

    @property
    def deployed_app(self) -> str:
        """What Modal calls its app."""
        return self.modal_app or self.app

    def __repr__(self) -> str:
        """Show what differs from the defaults, but no header's value: it may be a secret, written out."""
        shown = []
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if field.name == "headers" and value:
                shown.append(f"headers={{{', '.join(f'{name!r}: ***' for name in value)}}}")
            elif field.required or (value != field.default and value not in ({}, Budget())):
                shown.append(f"{field.name}={value!r}")
        return f"Endpoint({', '.join(shown)})"


class Resource(msgspec.Struct, frozen=True):
    """A test resource that is a file: its bytes and media type, such as `image/png`."""

    data: bytes
    media_type: str
    name: str
    """File name, for multipart bodies."""
