"""Signs that an answer came from a cache: the same bytes for another seed, or a time that no work takes."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Sample

IMPLAUSIBLE = 0.25
"""A warm call in less than this share of its fellows' median did not do their work: warm times of one endpoint vary by
some per cent, a cache answers in a hundredth."""

_FELLOWS = 2
"""So many others are needed to say what is plausible."""
_SEEDED = frozenset({"image", "video", "json", "other"})
"""Kinds of answers that follow from a seed; a text such as `ok` may well be the same each time."""


def suspicion(samples: Sequence[Sample]) -> str | None:
    """Say why `samples`, each sent with a seed of its own, look as if a cache had answered; None: they don't."""
    answered = [sample for sample in samples if sample.ok]
    hashes = [s.media.sha256 for s in answered if s.media is not None and s.media.kind in _SEEDED]
    repeated = len(hashes) - len(set(hashes))
    if repeated:
        return f"{counted(repeated + 1, 'answer')} of {len(hashes)} with the same bytes, though each had a new seed"
    warm = [sample.elapsed_sec for sample in answered if sample.start == "warm"]
    for index, elapsed_sec in enumerate(warm):
        others = warm[:index] + warm[index + 1 :]
        if len(others) >= _FELLOWS and elapsed_sec < IMPLAUSIBLE * median(others):
            return f"a warm call took {elapsed_sec:.3g} s where the others took {median(others):.3g} s"
    return None
