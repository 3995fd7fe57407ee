"""The JSON report: a `Run` and nothing else, to be read back, rendered again, merged or compared."""

from __future__ import annotations

from typing import Any

import msgspec

from pytest_modal_bench.model import SCHEMA, Run


class _Version(msgspec.Struct):
    schema: int


def render(run: Run) -> str:
    """Return `run` as indented JSON that ends with a newline."""
    try:
        encoded = msgspec.json.encode(run)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_encodable(msgspec.to_builtins(run)))
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def load(text: str | bytes) -> Run:
    """Return the run that `render` wrote.

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
