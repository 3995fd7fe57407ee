"""Seconds, dollars and percentages as a report prints them: nothing measured as zero, `-` for the unknown."""

from __future__ import annotations

import math

UNKNOWN = "-"

_SMALL, _LARGE = 1e-9, 1e9
"""Below the one and from the other on a number has an exponent: 1e300 would be 301 digits, and widen its column."""


def seconds(value: float | None) -> str:
    """Return seconds: one decimal from 1 s on, two significant digits below."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.1f}" if 1 <= abs(value) < _LARGE or value == 0 else _two_digits(value)


def rate(value: float | None) -> str:
    """Return how many there are in a second, in as many digits as seconds have."""
    return seconds(value)


def count(value: float | None) -> str:
    """Return the median of whole numbers: whole, or with a half."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) >= _LARGE:
        return _two_digits(value)
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def dollars(value: float | None) -> str:
    """Return US dollars without a sign: four decimals, or two significant digits where they would read 0."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    rounded = f"{value:.4f}"
    return rounded if (float(rounded) and abs(value) < _LARGE) or value == 0 else _two_digits(value)


def cost(value: float | None, basis: str | None) -> str:
    """Return `dollars(value)`, marked with `~` where it is an estimate."""
    shown = dollars(value)
    return f"~{shown}" if basis == "estimated" and shown != UNKNOWN else shown


def savings(cold: float | None, warm: float | None) -> str:
    """Return by how much `warm` is faster than `cold`, in per cent of `cold`; negative where it is slower."""
    if cold is None or warm is None or cold <= 0:
        return UNKNOWN
    percent = 100 * (cold - warm) / cold
    if not math.isfinite(percent):
        return UNKNOWN
    return f"{round(percent)}%" if abs(percent) < _LARGE else f"{_two_digits(percent)}%"


def doubted(shown: str, *, proven: bool | None) -> str:
    """Return `shown` with a question mark where it is, or was computed from, a cold start that nothing proves."""
    return shown if shown == UNKNOWN or proven else f"{shown}?"


def _two_digits(value: float) -> str:
    scientific = f"{value:.1e}"
    if not _SMALL <= abs(value) < _LARGE:
        return scientific
    return f"{value:.{1 - int(scientific.partition('e')[2])}f}"
