"""What the catalogue says of an endpoint, and the test resources that it is sent."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

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
    """Fields of a JSON answer, by dotted paths, that are there and neither null nor an empty text."""
    distinct_from_input: bool = False
    status: int | None = None
    """The HTTP status, from 200 to 299; None: any of these but 202, which says that nothing is done yet."""
    deterministic: bool = False
    """Whether equal answers to different seeds are right, and no sign of a cache."""
    blank: bool = False
    """Whether an image or a video of one colour is right."""


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

    def __repr__(self) -> str:
        """Show what differs from the defaults, but no header's value: it may be a secret, written out."""
        shown = []
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            if field.name == "headers" and value:
                shown.append(f"headers={{{', '.join(f'{name!r}: ***' for name in value)}}}")
            elif field.required or (value != field.default and value not in ({}, Budget())):
                shown.append(f"{field.name}={value!r}")
        return f"Endpoint({', '.join(shown)})"


class Resource(msgspec.Struct, frozen=True):
    """A test image, video or mask: its bytes and media type, such as `image/png`."""

    data: bytes
    media_type: str
    name: str
    """File name, for multipart bodies."""
