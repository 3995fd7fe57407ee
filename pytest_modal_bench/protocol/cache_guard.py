"""Signs that an answer came from a cache: the same bytes for another seed.

A short time is none. Some requests take a model a fifth of the others' time, for what they ask.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

from pytest_modal_bench.catalogue import placeholders
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Endpoint, Media, Sample

_SEEDED = frozenset({"image", "video", "audio", "file", "json", "other"})
"""Kinds of answers that follow from a seed; a text such as `ok` may well be the same each time."""


def suspicion(endpoint: Endpoint, samples: Sequence[Sample]) -> str | None:
    """Say why `samples` look as if a cache had answered; None: they don't, or equal answers may be right.

    Nothing is said where the request holds no `{seed}`, and where the catalogue expects equal answers.
    """
    if not _sends_seed(endpoint) or (endpoint.expect is not None and endpoint.expect.deterministic):
        return None
    seeds: dict[str, set[int]] = {}
    hashes: Counter[str] = Counter()
    for sample in samples:
        media = sample.media
        if sample.ok and sample.seed is not None and media is not None and _differs_by_seed(endpoint, media):
            # The JSON around media may hold the time of day.
            sha256 = " ".join(part.sha256 for part in sample.parts) or media.sha256
            hashes[sha256] += 1
            seeds.setdefault(sha256, set()).add(sample.seed)
    repeated = sum(count for sha256, count in hashes.items() if len(seeds[sha256]) > 1)
    if not repeated:
        return None
    return (
        f"{counted(repeated, 'answer')} of {hashes.total()} with the same bytes, though each had a new seed"
    )


def _differs_by_seed(endpoint: Endpoint, media: Media) -> bool:
    """Whether answers to two seeds differ unless a cache gave them.

    What a stream says may be the same each time. OpenAI's chunks name the answer that they belong to: of two answers
    with the same bytes, one repeats the other.
    """
    if endpoint.stream is None or endpoint.stream == "bytes":
        return media.kind in _SEEDED
    return endpoint.stream == "openai"


def _sends_seed(endpoint: Endpoint) -> bool:
    """Whether a seed stands in what the endpoint is sent."""
    sent = [getattr(endpoint, name) for name in get_args(placeholders.Field)]
    return any(each.name == "seed" for each in placeholders.find(sent))
