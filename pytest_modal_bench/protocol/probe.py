"""Asks the workspace, once a session, whether the test LoRA exists."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_modal_bench.call.request import RequestError
from pytest_modal_bench.call.spool import SpoolError
from pytest_modal_bench.protocol import measurement as protocol
from pytest_modal_bench.protocol.recording import PlainRecorder

if TYPE_CHECKING:
    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.model import Endpoint, Sample


def probed_endpoint(catalogue: Catalogue) -> Endpoint | None:
    """The endpoint that the catalogue names for asking."""
    lora = catalogue.resources.lora
    if lora is None or lora.probe is None:
        return None
    return next(endpoint for endpoint in catalogue.endpoints if endpoint.path == lora.probe)


def probe_lora(endpoint: Endpoint, conditions: protocol.Conditions, *, cold: bool) -> Sample | None:
    """Make the first call of `endpoint`, which needs the LoRA; None if it can't be built.

    An id that the server does not know is answered with 404 before any GPU work. If it does know it, the call is the
    first one that this endpoint, and so its pool, gets in the session: it is timed as such (`cold`: as one that may
    have met no container), so that it is not made for this alone.
    """
    if any(need not in conditions.resources for need in endpoint.needs):
        return None
    measurement = protocol.Measurement(endpoint, conditions, PlainRecorder())
    with suppress(protocol.CallFailed, RequestError, SpoolError):
        measurement.make(protocol.plan(cold_rounds=int(cold), answered=False, rounds=1)[:1])
    return measurement.samples[0] if measurement.samples else None


def says_missing(sample: Sample) -> bool:
    """Whether the answer is the app's own 404. One of Modal's edge says that the app is missing, not the LoRA."""
    return sample.http_status == 404 and not (sample.error or "").startswith("HTTP 404: modal-http:")  # noqa: PLR2004
