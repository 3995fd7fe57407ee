"""Lone surrogates, which a server's JSON can smuggle into a message and UTF-8 cannot hold."""

from __future__ import annotations

from typing import Any


def without_surrogates(value: Any) -> Any:
    """Return built-in types with `?` for each lone surrogate in their texts."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case list():
            return [without_surrogates(item) for item in value]
        case dict():
            return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value
