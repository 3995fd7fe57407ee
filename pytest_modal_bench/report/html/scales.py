"""Where a value lies on an axis, in per cent of the axis's length, and which round numbers stand along it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.figures.units import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

_SMALLEST, _LARGEST = 1e-9, 1e9
"""An axis reaches no further down than the one; values from the other on are no times or prices, and in no chart."""
_LOGARITHMIC_FROM = 30
"""From which ratio of the largest to the smallest value on an axis is logarithmic: below, a linear one shows both."""
_TICKS = 5
_POWERS = 8
"""Powers of ten that stand along an axis at most."""
_BETWEEN = ((2, (1.0, 2.0, 5.0)), (4, (1.0, 3.0)))
"""Of how many powers of ten there is room for which multiples."""
_STEPS = (1.0, 2.0, 5.0, 10.0)
_DECIMALS = 12
"""Digits to which ticks are rounded, since 3 * 0.1 is not 0.3."""


class Tick(NamedTuple):
    """A round number on an axis."""

    at: str
    """Per cent of the axis."""
    label: str


class Scale(NamedTuple):
    """An axis from `low` to `high`, both in the unit of its values."""

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def of(cls, values: Iterable[float | None], *, logarithmic: bool | None = None) -> Scale:
        """Return the axis for `values`: from zero, or logarithmic where they are too far apart for that.

        `logarithmic` settles it; without it, the values do.
        """
        known = [value for value in values if plottable(value) and value is not None]
        positive = [max(value, _SMALLEST) for value in known if value > 0]
        high = max(positive, default=1.0)
        low = min(positive, default=high)
        if logarithmic is None:
            logarithmic = len(positive) == len(known) and high >= _LOGARITHMIC_FROM * low
        if not logarithmic:
            step = _step(high)
            return cls(0.0, math.ceil(high / step - 1e-9) * step)
        bottom, top = _round_down(low), _round_up(high)
        return cls(bottom, top if top > bottom else 10 * bottom, logarithmic=True)

    def at(self, value: float) -> float:
        """Return where `value` lies, in per cent; one beyond an end lies at that end."""
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return 100 * min(max(share, 0.0), 1.0)

    def ticks(self) -> list[Tick]:
        """Return round numbers along the axis."""
        return [Tick(percent(self.at(value)), _label(value)) for value in self._round_values()]

    def _round_values(self) -> list[float]:
        if not self.logarithmic:
            step = _step(self.high)
            return [round(number * step, _DECIMALS) for number in range(round(self.high / step) + 1)]
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        # Few powers of ten leave room for what lies between them; many have none for each.
        shown = exponents[:: math.ceil(len(exponents) / _POWERS)]
        steps = next((steps for most, steps in _BETWEEN if len(exponents) <= most), (1.0,))
        found = {round(step * 10.0**exponent, _DECIMALS) for exponent in shown for step in steps}
        return sorted(value for value in found if self.low <= value <= self.high)


def plottable(value: float | None) -> bool:
    """Whether a value can stand in a chart: a number, not negative, and none out of all bounds."""
    return value is not None and math.isfinite(value) and 0 <= value < _LARGEST


def percent(value: float) -> str:
    """Return a place or a length on an axis as an SVG attribute has it."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def _step(high: float) -> float:
    """Return a round distance of ticks, so that about `_TICKS` of them reach `high`."""
    magnitude = 10.0 ** math.floor(math.log10(high / _TICKS))
    return next((step for each in _STEPS if (step := each * magnitude) * _TICKS >= high), 10 * magnitude)


def _round_down(value: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(value))
    return max(step * magnitude for step in (1.0, 2.0, 5.0) if step * magnitude <= value * (1 + 1e-9))


def _round_up(value: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(value))
    return min(step * magnitude for step in _STEPS if step * magnitude >= value * (1 - 1e-9))


def _label(value: float) -> str:
    """Return a round number in few characters."""
    shown = seconds(value)
    return shown.rstrip("0").rstrip(".") if "." in shown and "e" not in shown else shown
