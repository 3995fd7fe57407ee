"""What came of a call: the record that a client returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_modal_bench.call.arrivals import Arrivals
    from pytest_modal_bench.model import Cause, Phases


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a call."""

    ok: bool
    status: int | None
    """Of the last hop; None: it was not answered."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case; secrets taken out."""
    body: bytes | Path = field(repr=False)
    """Its bytes or, if it is large, the file that holds it until the client's next call."""
    size_bytes: int
    """Of the body."""
    elapsed_sec: float
    """From the beginning of the connect, or of the send, to the last byte; or until the call failed. What this program
    does itself before and between is left out as long as no server works for it: it is the sum of `phases`."""
    started_at: str
    """ISO 8601, UTC."""
    phases: Phases
    redirects: int
    held_sec: float
    error: str | None
    """One line, secrets taken out; None if and only if `ok`."""
    cause: Cause | None
    """Why it failed; None if and only if `ok`."""
    url: str
    """Of the last hop, secrets taken out."""
    reconnected: bool = False
    """Whether it took a second try to connect, before anything was sent: the kept connection was gone, or the host's
    name was not found at once. Its time is in `elapsed_sec` and `phases`."""
    client_busy: str | None = None
    """Why its time may be too long: this machine was busy meanwhile; None: it was not."""
    began: float
    """As `time.monotonic` has it: `elapsed_sec` later its last byte had come, or it had failed."""
    here: str = field(default="", repr=False)
    """URL of the last hop as it was asked, secrets and all: what addresses in the answer are relative to."""
    location: str | None = field(default=None, repr=False)
    """Its `Location`, secrets and all; None: it has none."""
    public: bool = False
    """Whether the last hop's host is one of the public internet."""
    arrivals: Arrivals | None = field(default=None, repr=False)
    """When each piece of `body` was read; None: nobody asked."""
