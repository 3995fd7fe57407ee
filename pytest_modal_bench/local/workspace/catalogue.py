"""The catalogue of the local workspace's own endpoints, for where a user has none. Needs no extra."""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).with_name("endpoints.toml")
_CHECKOUT = Path(__file__).parents[3] / "tests" / "endpoints" / "endpoints.toml"


def own_catalogue() -> Path:
    """Return its path: in the installed package, or in a checkout, which has it where its own benchmark is."""
    return _INSTALLED if _INSTALLED.is_file() else _CHECKOUT
