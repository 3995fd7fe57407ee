"""Seconds, dollars and percentages as a report prints them: nothing measured as zero, `-` for the unknown."""

from __future__ import annotations

import math

UNKNOWN = "-"


def seconds(value: float | None) -> str:
    """Return seconds: one decimal from 1 s on, two significant digits below."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.1f}" if abs(value) >= 1 or value == 0 else _two_digits(value)


def dollars(value: float | None) -> str:
    """Return US dollars without a sign: four decimals, or two significant digits where they would read 0."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    rounded = f"{value:.4f}"
    return _two_digits(value) if value and not float(rounded) else rounded


def cost(value: float | None, basis: str | None) -> str:
    """Return `dollars(value)`, marked with `~` where it is an estimate."""
    shown = dollars(value)
    return f"~{shown}" if basis == "estimated" and shown != UNKNOWN else shown


def savings(cold: float | None, warm: float | None) -> str:
    """Return by how much `warm` is faster than `cold`, in per cent of `cold`; negative where it is slower."""
    if cold is None or warm is None or cold <= 0:
        return UNKNOWN
    percent = 100 * (cold - warm) / cold
    return f"{round(percent)}%" if math.isfinite(percent) else UNKNOWN


def _two_digits(value: float) -> str:
    exponent = int(f"{value:.1e}".partition("e")[2])
    return f"{value:.{1 - exponent}f}"
