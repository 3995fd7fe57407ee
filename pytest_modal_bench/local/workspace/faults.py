"""The faults that a scenario can give a path; a fault holds for every call of the path.

A fault changes successful answers only: a container's own errors (a missing field, an unknown LoRA) stay as they are.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from pytest_modal_bench.local.workspace import shape_faults as shapes
from pytest_modal_bench.local.workspace.fault import Fault

Positive = Annotated[float, msgspec.Meta(gt=0)]


class RedirectLoop(Fault, frozen=True, tag="redirect_loop"):
    """Every call is answered at once with a 303 to the same URL."""


class HeldRedirects(Fault, frozen=True, tag="held_redirects"):
    """The call never finishes: each request is held, then answered with a 303, without end."""


class Hang(Fault, frozen=True, tag="hang"):
    """The call gets no answer and no redirect."""


class Kill(Fault, frozen=True, tag="kill"):
    """The container is killed (SIGKILL) while it loads the model, as when memory runs out."""

    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """The fault ends once so many containers of the app have died; None: it never ends."""


class InputLost(Fault, frozen=True, tag="input_lost"):
    """The edge answers 408: Modal lost the input."""


class EdgeAnswer(Fault, frozen=True, tag="edge"):
    """The edge itself answers, in plain text; no container gets the call."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)]
    body: str


class Drip(Fault, frozen=True, tag="drip"):
    """The answer never ends: its body is repeated, one byte every `interval` seconds (not scaled)."""

    interval: Positive = 0.05


class Truncate(Fault, frozen=True, tag="truncate"):
    """The connection is closed in the middle of the answer's body."""


class Large(Fault, frozen=True, tag="large"):
    """The answer's body is cut or filled up with zeros to `bytes`; the edge never holds all of it in memory."""

    size: Annotated[int, msgspec.Meta(ge=1)] = msgspec.field(name="bytes")


class Blank(Fault, frozen=True, tag="blank"):
    """The answer has the right kind and size, but is all black; sound is silent."""

    frames: Annotated[int, msgspec.Meta(ge=1, le=240)] | None = None
    """How many frames an animation or a video gets; None: as many as it should have."""


class Still(Fault, frozen=True, tag="still"):
    """The answer is a still image, the first frame of the animation or video that was asked for."""


class TruncateMedia(Fault, frozen=True, tag="truncate_media"):
    """The answer's file ends early; the HTTP transfer is complete."""

    keep: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    """The share of its bytes that is kept."""


class WrongSize(Fault, frozen=True, tag="wrong_size"):
    """The answer has half the width and half the height that was asked for."""


class Html(Fault, frozen=True, tag="html"):
    """The answer is an HTML error page, with status 200."""


class JsonError(Fault, frozen=True, tag="json_error"):
    """The answer is JSON that reports an error, with status 200."""


class Empty(Fault, frozen=True, tag="empty"):
    """The answer has no body, and status 200."""


class Bomb(Fault, frozen=True, tag="bomb"):
    """A decompression bomb: a PNG of some hundred kilobytes, whose `side` x `side` pixels take a gigabyte."""

    side: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 30_000


class Garbage(Fault, frozen=True, tag="garbage"):
    """The answer is random bytes, as many as it should have."""


class Echo(Fault, frozen=True, tag="echo"):
    """The answer is the image or video of the request, unchanged."""


class HostileText(Fault, frozen=True, tag="hostile_text"):
    """The answer is text, with status 500, that breaks tables, logs, terminals and pages that do not escape it."""

    size: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = msgspec.field(name="bytes", default=2_000)


class Cached(Fault, frozen=True, tag="cached"):
    """The route ignores the seed: ComfyUI answers a workflow it has just run from its cache."""


class Slow(Fault, frozen=True, tag="slow"):
    """The path takes `load` times as long to load its model, and `inference` times as long to answer."""

    load: Positive = 1.0
    inference: Positive = 1.0

    def __post_init__(self) -> None:
        """Refuse what changes nothing."""
        if self.load == self.inference == 1.0:
            raise ValueError("`slow` needs a factor other than 1 for `load` or `inference`")


class Costly(Fault, frozen=True, tag="costly"):
    """The path states `factor` times the cost of its GPU seconds."""

    factor: Positive


AnyFault = (
    RedirectLoop
    | HeldRedirects
    | Hang
    | Kill
    | InputLost
    | EdgeAnswer
    | Drip
    | Truncate
    | Large
    | Blank
    | Still
    | TruncateMedia
    | WrongSize
    | Html
    | JsonError
    | Empty
    | Bomb
    | Garbage
    | Echo
    | HostileText
    | Cached
    | Slow
    | Costly
    | shapes.ShapeFault
)
