"""What endpoints were sent: told apart by a hash, and shown to people."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec import json

from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.model import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modal_bench.model import Endpoint, EndpointResult, Preview

MOST_SHOWN = 200
"""Endpoints of a run up to which people are shown answers and inputs: of more, a page would be too large."""
_LARGEST_SHOWN_BYTES = 32 << 20
"""Of a test resource that is decoded for its preview: nobody waits for more at the end of a run."""


def payload_sha256(endpoint: Endpoint, found: Mapping[str, Resource | str]) -> str:
    """Tells one request from another, test resources included, seed and secrets left out."""
    sent = [found.get(need) for need in endpoint.needs]
    files = [hashlib.sha256(each.data).hexdigest() if isinstance(each, Resource) else each for each in sent]
    content = (endpoint.method, endpoint.path, endpoint.payload, endpoint.form, endpoint.query, files)
    return hashlib.sha256(json.encode(content, order="deterministic")).hexdigest()


def previews(
    results: Iterable[EndpointResult],
    found: Mapping[str, Resource | str],
    inspector: Inspector | None = None,
) -> dict[str, Preview]:
    """Return what people are shown of the test resources that were sent, by name.

    They are looked at with `inspector`; None: with one that is made for it.
    """
    results = list(results)
    sent = {need for result in results if result.samples for need in result.needs}
    files = {
        name: file.data
        for name, file in found.items()
        if name in sent and isinstance(file, Resource) and len(file.data) <= _LARGEST_SHOWN_BYTES
    }
    if not files or len(results) > MOST_SHOWN:
        return {}
    with ExitStack() as stack:
        inspects = inspector or stack.enter_context(Inspector())
        shown = {name: inspects.inspect_with_preview(data)[1] for name, data in files.items()}
    return {name: preview for name, preview in shown.items() if preview is not None}
