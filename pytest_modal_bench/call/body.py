"""An answer's body: read piece by piece as it arrives or, if it is a redirect's, read past."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import urllib3

from pytest_modal_bench.call import failures

if TYPE_CHECKING:
    from pytest_modal_bench.call.arrivals import Arrivals
    from pytest_modal_bench.call.spool import Spool
    from pytest_modal_bench.call.trace import Trace

_PIECE_BYTES = 1 << 18
"""So much is received at once, if it is there: with 64 KiB, asking often would be a third of the time of 2 MiB."""
_REDIRECT_BODY_BYTES = 1 << 16
"""What is read of a redirect's body so that its connection can be kept."""


def read(
    raw: urllib3.HTTPResponse, spool: Spool, trace: Trace, arrivals: Arrivals | None, *, max_bytes: int
) -> None:
    """Read an answer's body into `spool`. Raises CallError where it ends too early, or has more than `max_bytes`."""
    # urllib3 copies what it decodes, even where there is nothing to decode.
    encoded = "content-encoding" in raw.headers
    fully, head_bytes = False, 0
    try:
        while piece := (raw.read if fully else raw.read1)(_PIECE_BYTES, decode_content=encoded):
            # TLS hands on 16 KiB at once: of a large body that is put together below urllib3, unless each counts.
            if not fully:  # nothing has been received that was not handed on
                head_bytes = trace.received_bytes - raw.tell()
            fully = not encoded and arrivals is None and (raw.length_remaining or 0) >= _PIECE_BYTES
            if arrivals is not None:
                arrivals.add(spool.size + len(piece), trace.received_sec)
            spool.write(piece)
            if spool.size > max_bytes:
                raise failures.CallError(f"answer larger than {max_bytes:,} bytes", "invalid_output")
            if trace.over:
                return
    except urllib3.exceptions.DecodeError as error:
        raise failures.CallError(failures.of_exception(error)) from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        received = trace.received_bytes - head_bytes if fully else raw.tell()
        raise failures.CallError(failures.of_reading(error, received)) from None


def drain(raw: urllib3.HTTPResponse) -> None:
    """Read a redirect's body, so that its connection can be kept; how it ends is of no interest."""
    left = _REDIRECT_BODY_BYTES
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        while left > 0 and (piece := raw.read1(left, decode_content=False)):
            left -= len(piece)
