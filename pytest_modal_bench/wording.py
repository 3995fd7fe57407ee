"""Words for counts, as reports and messages print them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return `1 endpoint`, `3 endpoints`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
