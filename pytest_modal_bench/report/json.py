"""The JSON report: a `Run` and nothing else, to be read back, rendered again, merged or compared."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from pytest_modal_bench.model.encoding import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import Run

_NO_RESULTS = b"[]\n}"
"""How a run without results ends: they are its last field."""


def render(run: Run) -> str:
    """Return `run` as indented JSON that ends with a newline."""
    return b"".join(pieces(run)).decode()


def pieces(run: Run) -> Iterator[bytes]:
    """Yield the same in pieces, a result each: the whole of a large run would be in memory several times."""
    head = _indented(structs.replace(run, results=[]))
    if not run.results:
        yield head
    else:
        yield head.removesuffix(_NO_RESULTS)
        for before, result in zip(chain([b"["], repeat(b",")), run.results, strict=False):
            yield before + b"\n    "
            yield _indented(result).replace(b"\n", b"\n    ")  # no text in JSON holds one
        yield b"\n  ]\n}"
    yield b"\n"


def _indented(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(encode(value), indent=2)
