"""Why a figure of an endpoint's streams is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import Sample, Streamed

_TWO = 2


def why_unknown(name: Name, samples: Sequence[Sample]) -> str:
    """Say why no call among `samples` says anything of a figure of streams."""
    answered = [sample for sample in samples if sample.ok]
    if not answered:
        return "no warm call counts"
    streams = [sample.stream for sample in answered if sample.stream is not None]
    if not streams:
        return "its answer is no stream: if it should be, `stream` in the catalogue says how it comes"
    match name:
        case "tokens_per_sec":
            return _no_pace(streams)
        case "itl" if all(stream.chunks < _TWO for stream in streams):
            return "no call had a second output"
    return "when its outputs arrived is not known"


def _no_pace(streams: Sequence[Streamed]) -> str:
    counts = [stream.output_tokens for stream in streams if stream.output_tokens is not None]
    if not counts:
        return "the server sends no usage, so tokens are not known"
    if max(counts) < _TWO:
        return "no call had a second token"
    return "its outputs arrived all at once, or when they did is not known"
