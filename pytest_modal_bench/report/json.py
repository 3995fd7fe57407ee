"""The JSON report: a `Run` and nothing else, to be read back, rendered again, merged or compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.model.encoding import encode
from pytest_modal_bench.report import indented

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import Run


def render(run: Run) -> str:
    """Return `run` as indented JSON that ends with a newline."""
    return b"".join(pieces(run)).decode()


def pieces(run: Run) -> Iterator[bytes]:
    """Yield the same in pieces, a result each."""
    # Results are a run's last field.
    return indented.pieces(encode(structs.replace(run, results=[])), map(encode, run.results))
