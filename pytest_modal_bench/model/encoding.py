"""A run as JSON, and back: the JSON report, and what the journal holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pytest_modal_bench.model.packed import PackedSamples
from pytest_modal_bench.model.run import SCHEMA, Run
from pytest_modal_bench.model.surrogates import without_surrogates

if TYPE_CHECKING:
    from pytest_modal_bench.model.sample import Sample

LARGEST_BYTES = 256 * 2**20
"""Of a report that is read; a run of a thousand endpoints has about ten MiB."""


class _Version(msgspec.Struct):
    schema: int


def encode(value: msgspec.Struct) -> bytes:
    """Return `value` as JSON on one line; a lone surrogate, which UTF-8 cannot hold, becomes `?`."""
    try:
        return msgspec.json.encode(value, enc_hook=_listed)
    except UnicodeEncodeError:
        return msgspec.json.encode(without_surrogates(msgspec.to_builtins(value, enc_hook=_listed)))


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


def _listed(value: object) -> list[Sample]:
    """Return samples as a list; nothing else in a run is foreign to msgspec."""
    if isinstance(value, PackedSamples):
        return list(value)
    raise NotImplementedError(f"a run holds no {type(value).__name__}")
