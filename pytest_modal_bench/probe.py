"""Asks the workspace, once a session, whether the test LoRA exists."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_modal_bench.measure import protocol
from pytest_modal_bench.measure.request import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.measure.client import Client
    from pytest_modal_bench.model import Endpoint, Resource, Sample
    from pytest_modal_bench.settings import Settings


def probed_endpoint(catalogue: Catalogue) -> Endpoint | None:
    """The endpoint that the catalogue names for asking."""
    lora = catalogue.resources.lora
    if lora is None or lora.probe is None:
        return None
    return next(endpoint for endpoint in catalogue.endpoints if endpoint.path == lora.probe)


def probe_lora(
    endpoint: Endpoint,
    *,
    client: Client,
    found: Mapping[str, Resource | str],
    environ: Mapping[str, str],
    settings: Settings,
) -> Sample | None:
    """Make the first call of `endpoint`, which needs the LoRA; None if it can't be built.

    An id that the server does not know is answered with 404 before any GPU work. If it does know it, the call is the
    first one that this endpoint, and so its pool, gets in the session: it is timed as such, so that it is not made
    for this alone.
    """
    if any(need not in found for need in endpoint.needs):
        return None
    samples: list[Sample] = []
    with suppress(protocol.CallFailed, RequestError):
        protocol.measure(
            endpoint,
            protocol.plan(pool_called=False, answered=False, quick=settings.quick, rounds=1)[:1],
            client=client,
            recorder=protocol.PlainRecorder(),
            resources=found,
            environ=environ,
            deadline_sec=settings.deadline_sec(endpoint.timeout),
            samples=samples,
        )
    return samples[0] if samples else None


def says_missing(sample: Sample) -> bool:
    """Whether the answer is the app's own 404. One of Modal's edge says that the app is missing, not the LoRA."""
    return sample.http_status == 404 and not (sample.error or "").startswith("HTTP 404: modal-http:")  # noqa: PLR2004
