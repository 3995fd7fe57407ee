"""What a load is asked for in, such as `users=1,2,4 duration=30`, `rate=0.5,1 duration=60`, `burst=20`, `ramp=20`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from pytest_modal_bench.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator

Arrivals = Literal["even", "poisson"]
"""How calls at a rate are spread: at equal distances, or each independent of all others, as those of many people."""

DURATION_SEC = 30.0
"""Of a step of which nothing else is said."""

_LONGEST_SEC = 86_400.0
_MOST = 10_000.0
_MOST_STEPS = 100
_FORM = "write it as users=1,2,4 duration=30, rate=0.5,1 duration=60 arrivals=poisson, burst=20 or ramp=20 duration=60"


class SpecError(ValueError):
    """A load that is not one; the message is one line that says what is wrong and how to write it."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step: so much load, for so long."""

    kind: StepKind
    value: float
    """Users, calls a second, or calls at once."""
    duration_sec: float | None = None
    """None of a burst."""
    arrivals: Arrivals = "even"

    def __str__(self) -> str:
        """Return how people write it: `users=4`."""
        return f"{self.kind}={self.value:g}"


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A load: its steps, one after the other."""

    text: str
    """As it was asked for."""
    steps: tuple[Step, ...]


def parse(*texts: str) -> Spec:
    """Read loads, which are made one after the other. Raises SpecError."""
    steps = tuple(step for text in texts for step in _steps(text))
    if len(steps) > _MOST_STEPS:
        raise SpecError(f"{len(steps)} steps are too many: at most {_MOST_STEPS}")
    return Spec(text="; ".join(" ".join(text.split()) for text in texts), steps=steps)


def _steps(text: str) -> Iterator[Step]:
    said: dict[str, str] = {}
    for word in text.split():
        name, sign, value = word.partition("=")
        if not sign or not value:
            raise SpecError(f"{word!r}: {_FORM}")
        if name in said:
            raise SpecError(f"{name} is said twice in {text!r}; give a load of its own for each")
        said[name] = value
    kinds = [kind for kind in get_args(StepKind) if kind in said]
    if len(kinds) != 1:
        raise SpecError(f"{text!r} names {' and '.join(kinds) or 'no load'}: {_FORM}")
    kind = kinds[0]
    values = [_number(kind, value, _MOST, whole=kind != "rate") for value in said.pop(kind).split(",")]
    duration_sec = _number("duration", said.pop("duration", f"{DURATION_SEC}"), _LONGEST_SEC)
    if kind == "burst" and "duration=" in text:
        raise SpecError(f"{text!r}: a burst has no duration; its calls all begin at once")
    arrivals = said.pop("arrivals", "even")
    if arrivals not in get_args(Arrivals) or (kind != "rate" and "arrivals=" in text):
        raise SpecError(f"{text!r}: arrivals is {' or '.join(get_args(Arrivals))}, and only a rate has them")
    if said:
        raise SpecError(f"{next(iter(said))!r} is unknown: {_FORM}")
    for number in values:
        yield Step(
            kind=kind,
            value=number,
            duration_sec=None if kind == "burst" else duration_sec,
            arrivals="poisson" if arrivals == "poisson" else "even",
        )


def _number(name: str, text: str, most: float, *, whole: bool = False) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= most or (whole and number != int(number)):
        kind = "a whole number from 1" if whole else "a number above 0 and"
        raise SpecError(f"{name}={text}: {text!r} is not {kind} up to {most:g}")
    return number
