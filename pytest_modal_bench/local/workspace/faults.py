"""Kinds of faults: what can be wrong with every call of a path, as a scenario says it.

Where a container does the work, errors that it would answer with (a missing field, an unknown LoRA) stay as
they are: what is spoiled is success.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]


class Fault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """What goes wrong whenever a path is called."""


class RedirectLoop(Fault, frozen=True, tag="redirect_loop"):
    """303 to itself, at once, for ever."""


class HeldRedirects(Fault, frozen=True, tag="held_redirects"):
    """A call that never finishes: a 303 chain with each hop held, for ever."""


class Hang(Fault, frozen=True, tag="hang"):
    """No answer, ever, and no redirect either."""


class Kill(Fault, frozen=True, tag="kill"):
    """The container dies of SIGKILL while it loads the model, as it does when memory runs out."""

    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Not any more in containers started after so many of the app's died; None: always."""


class InputLost(Fault, frozen=True, tag="input_lost"):
    """408: Modal lost the input."""


class EdgeAnswer(Fault, frozen=True, tag="edge"):
    """The edge answers by itself, in plain text."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)]
    body: str


class Drip(Fault, frozen=True, tag="drip"):
    """The answer's head, then its body over and over, one byte every `interval` seconds (not scaled)."""

    interval: Positive = 0.05


class Truncate(Fault, frozen=True, tag="truncate"):
    """The connection is lost in the middle of the answer's body."""


class Large(Fault, frozen=True, tag="large"):
    """The answer's body, filled up with zeros to `bytes`, which nobody on the way holds at once."""

    size: Annotated[int, msgspec.Meta(ge=1)] = msgspec.field(name="bytes")


class Blank(Fault, frozen=True, tag="blank"):
    """The work is done, and the answer is of the same kind and size, but all black."""

    frames: Annotated[int, msgspec.Meta(ge=1, le=240)] | None = None
    """How many of them an animation or a video has; None: as many as it should."""


class Still(Fault, frozen=True, tag="still"):
    """A still picture, the first frame, where an animation or a video belongs."""


class TruncateMedia(Fault, frozen=True, tag="truncate_media"):
    """A file that ends early, in a transfer that is whole."""

    keep: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    """The share of its bytes that is left."""


class WrongSize(Fault, frozen=True, tag="wrong_size"):
    """The same kind of answer, of half the width and half the height."""


class Html(Fault, frozen=True, tag="html"):
    """200, and an error page."""


class JsonError(Fault, frozen=True, tag="json_error"):
    """200, and JSON that tells of an error."""


class Empty(Fault, frozen=True, tag="empty"):
    """200, and no body."""


class Bomb(Fault, frozen=True, tag="bomb"):
    """A PNG of `side` x `side` pixels in some hundred kilobytes, whose pixels take a gigabyte."""

    side: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 30_000


class Garbage(Fault, frozen=True, tag="garbage"):
    """As many random bytes as the answer had."""


class Echo(Fault, frozen=True, tag="echo"):
    """The image or video of the request, as it came."""


class HostileText(Fault, frozen=True, tag="hostile_text"):
    """500, and text that breaks tables, logs, terminals and pages that do not escape it."""

    size: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = msgspec.field(name="bytes", default=2_000)


class Cached(Fault, frozen=True, tag="cached"):
    """The route ignores the seed: ComfyUI answers a workflow it has just run from its cache."""


class Slow(Fault, frozen=True, tag="slow"):
    """The path takes that many times as long to load its model, or to answer."""

    load: Positive = 1.0
    inference: Positive = 1.0

    def __post_init__(self) -> None:
        """Refuse what changes nothing."""
        if self.load == self.inference == 1.0:
            raise ValueError("`slow` needs a factor other than 1 for `load` or `inference`")


class Costly(Fault, frozen=True, tag="costly"):
    """The path says that it cost `factor` times what its GPU seconds do."""

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
)
