"""How a median is marked that not all calls stand in: over those that were answered, or beyond their deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.model.series import Series


def survivors(calls: Series) -> str:
    """Return `, of the 4 of 10 that were answered`; nothing where all were."""
    return f", of the {calls.answered} of {calls.n} that were answered" if calls.partial else ""


def beyond(calls: Series) -> str | None:
    """Say why the median is not known where half of the calls timed out; None: they did not."""
    if calls.censored_at is None:
        return None
    return (
        f"the median is beyond {calls.censored_at:.3g} s: of {calls.n} calls {calls.answered} were answered,"
        " and half or more timed out"
    )
