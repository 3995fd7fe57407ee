"""Files written whole or not at all: nobody reads half of one, and a killed process leaves the one before."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by `data`; make parent directories. Raises OSError as it comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `tempfile`: its files are readable by their owner only, and so would be the one that is kept.
    temporary = path.with_name(f".modal-bench-{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
