"""When a run began, read from what its report holds, and shown to people."""

from __future__ import annotations

from datetime import UTC, datetime

from pytest_modal_bench.report.escape import NAME_LIMIT, text


def moment(timestamp: str) -> datetime | None:
    """Return a time in UTC; one without an offset is in UTC already. None: it cannot be read."""
    try:
        read = datetime.fromisoformat(timestamp)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def shown(timestamp: str) -> str:
    """Return markdown: `2026-02-02 12:22:58 UTC`, or what there is instead."""
    read = moment(timestamp)
    return text(timestamp, NAME_LIMIT) if read is None else f"{read:%Y-%m-%d %H:%M:%S} UTC"
