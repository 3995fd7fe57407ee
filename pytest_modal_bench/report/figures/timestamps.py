"""When a run began, shown to people."""

from __future__ import annotations

from pytest_modal_bench.model.timestamps import moment
from pytest_modal_bench.report.escape import NAME_LIMIT, text

__all__ = ["moment", "shown"]


def shown(timestamp: str) -> str:
    """Return markdown: `2026-02-02 12:22:58 UTC`, or what there is instead."""
    read = moment(timestamp)
    return text(timestamp, NAME_LIMIT) if read is None else f"{read:%Y-%m-%d %H:%M:%S} UTC"
