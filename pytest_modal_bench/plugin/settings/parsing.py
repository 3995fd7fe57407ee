"""What the text of an option means, whatever source it comes from. Each raises ValueError that says what it expects."""

from __future__ import annotations

import math
from typing import get_args

from pytest_modal_bench.run.settings import Cold

_GENERATED = ("image", "video")
_LAST_PORT = 65535


def name(text: str) -> str:
    """The name of a workspace or of an environment."""
    if not text.strip() or not all(c.isalnum() or c in "-_." for c in text):
        raise ValueError(f"expected a name of letters, digits, '-', '_' and '.', got {text!r}")
    return text


def cold(text: str) -> Cold:
    """How cold starts are looked for."""
    for known in get_args(Cold):
        if text == known:
            return known  # type: ignore[no-any-return] # one of the literals
    raise ValueError(f"expected {', '.join(get_args(Cold))}, got {text!r}")


def count(text: str) -> int:
    """A whole number from 1 on."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError(f"expected a whole number from 1 on, got {text!r}")
    return number


def rounds(text: str) -> int | None:
    """A number of warm calls; None: as many as are enough."""
    if text == "auto":
        return None
    try:
        return count(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 'auto'") from None


def address(text: str) -> tuple[str, int]:
    """A host and a port."""
    host, _, port = text.rpartition(":")
    if not host.strip("[]") or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
        raise ValueError(f"expected HOST:PORT, such as 10.0.0.5:5557, got {text!r}")
    return host.strip("[]"), int(port)


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"expected a number above 0, got {text!r}")
    return number


def resources(text: str) -> tuple[str, ...]:
    """Names of test resources to generate, separated by commas."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in _GENERATED]
    if unknown:
        raise ValueError(f"can generate {' and '.join(_GENERATED)}, not {unknown[0]!r}")
    return names
