"""When a run began: read from the ISO 8601 text that its report holds."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(timestamp: str) -> datetime | None:
    """Return a time in UTC; one without an offset is in UTC already. None: it cannot be read."""
    try:
        read = datetime.fromisoformat(timestamp)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
