"""A run as JSON, and back: the JSON report, and what the journal holds."""

from __future__ import annotations

from typing import Any

import msgspec

from pytest_modal_bench.model.run import SCHEMA, Run

LARGEST_BYTES = 256 * 2**20
"""Of a report that is read; a run of a thousand endpoints has about ten MiB."""


class _Version(msgspec.Struct):
    schema: int


def encode(value: msgspec.Struct) -> bytes:
    """Return `value` as JSON on one line; a lone surrogate, which UTF-8 cannot hold, becomes `?`."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_encodable(msgspec.to_builtins(value)))


def load(text: str | bytes) -> Run:
    """Return the run of a JSON report.

    Raises ValueError, in one line, if `text` is not JSON, not a run, or of an unknown schema.
    """
    try:
        version = msgspec.json.decode(text, type=_Version).schema
        if version != SCHEMA:
            raise ValueError(
                f"not a report this version can read: its schema is {version}, known is {SCHEMA}"
            )
        return msgspec.json.decode(text, type=Run)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ValueError(f"not a report of pytest-modal-bench: {error}") from error


def _encodable(value: Any) -> Any:
    """Put `?` for lone surrogates, which a server's JSON can smuggle into a message and UTF-8 cannot hold."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case list():
            return [_encodable(item) for item in value]
        case dict():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value
