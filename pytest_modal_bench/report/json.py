"""The JSON report: a `Run` and nothing else, to be read back, rendered again, merged or compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pytest_modal_bench.model.encoding import encode

if TYPE_CHECKING:
    from pytest_modal_bench.model import Run


def render(run: Run) -> str:
    """Return `run` as indented JSON that ends with a newline."""
    return msgspec.json.format(encode(run), indent=2).decode() + "\n"
