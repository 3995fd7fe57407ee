"""The answers that the edge sends to a client: an app's, a redirect, or one of Modal's own in plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_modal_bench.local.edge.pieces import Pieces


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    pieces: Pieces | None = None
    """Its body, where an app sends that bit by bit; None: it is whole."""


def text(status: int, line: str) -> Answer:
    """Make an answer of one line, as Modal's edge does."""
    return Answer(status, [("content-type", "text/plain; charset=utf-8")], f"{line}\n".encode())


def too_many(reason: str) -> Answer:
    """Refuse a request of which there are too many."""
    return text(429, f"modal-http: {reason}")


def see_other(location: str) -> Answer:
    """Redirect the client to another URL, with GET."""
    return Answer(303, [("location", location)], b"")


# Status and wording as seen in public code and issues of Modal's users.
INVALID_CALL = text(404, "modal-http: invalid function call")
BAD_REDIRECT_METHOD = text(400, "modal-http: bad redirect method")
INPUT_LOST = text(408, "Missing request, possibly due to expiry or cancellation")
TERMINATED = text(500, "modal-http: internal error: function was terminated by signal")
TIMED_OUT = text(500, "modal-http: internal error: function execution timed out")
INTERNAL_FAILURE = text(500, "modal-http: internal error: status InternalFailure: container unreachable")

# It is known that Modal refuses these, but not with which words: the wording is this project's.
REFUSED_HEADER = text(400, "modal-http: request header not allowed")
TOO_LARGE = text(413, "modal-http: request body too large")
