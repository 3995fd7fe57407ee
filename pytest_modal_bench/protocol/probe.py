"""Asks the workspace, once a run, whether the test LoRA exists."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from pytest_modal_bench.protocol.measurement import Conditions, Measurement
from pytest_modal_bench.protocol.plan import plan

if TYPE_CHECKING:
    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.model import Endpoint, Sample


def probed_endpoint(catalogue: Catalogue) -> Endpoint | None:
    """The endpoint that the catalogue names for asking."""
    lora = catalogue.resources.lora
    if lora is None or lora.probe is None:
        return None
    return next(endpoint for endpoint in catalogue.endpoints if endpoint.path == lora.probe)


def probe_lora(endpoint: Endpoint, conditions: Conditions, *, cold: bool) -> Measurement | None:
    """Make the first call of `endpoint`, which needs the LoRA; None if it can't be built.

    An id that the server does not know is answered with 404 before any GPU work. If it does know it, the call is the
    first one that this endpoint, and so its pool, gets in the run: it is timed as such (`cold`: as one that may
    have met no container), so that it is not made for this alone.
    """
    if any(need not in conditions.resources for need in endpoint.needs):
        return None
    measurement = Measurement(endpoint, conditions)
    measurement.make(plan(cold_rounds=int(cold), answered=False, rounds=1)[:1])
    return measurement


def says_missing(sample: Sample) -> bool:
    """Whether the answer is the app's own 404. One of Modal's edge says that the app is missing, not the LoRA."""
    edge = (sample.error or "").startswith("HTTP 404: modal-http:")
    return sample.http_status == HTTPStatus.NOT_FOUND and not edge
