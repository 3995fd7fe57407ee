"""Keeps each endpoint's last answer in a directory, whole or not at all; of JSON around media these, as they are."""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.model import Media

_SUFFIXES = {"json": ".json", "html": ".html.txt", "text": ".txt", "empty": ".empty", "other": ".bin"}
"""By kind, where there is no format; a page is kept as text, so that nobody opens a server's script by a click."""
_FORMATS = {"JPEG": ".jpg", "MATROSKA": ".mkv", "TIFF": ".tif", "GZIP": ".gz"}


class Outputs:
    """A directory of answers, one an endpoint, or one a part."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(
        self, endpoint_id: str, body: bytes | Path, media: Media, *, part: int | None = None
    ) -> str | None:
        """Keep `body` as the endpoint's last answer, named by its id and by what it is. Returns what went wrong.

        `part`: which of several media in one answer it is, from 1 on; None: the only one, or the answer itself.
        """
        number = "" if part is None else f"-{part}"
        path = self._directory / f"{_safe(endpoint_id)}{number}{suffix(media)}"
        temporary = path.with_name(f".modal-bench-{secrets.token_hex(8)}.tmp")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            if isinstance(body, Path):
                shutil.copyfile(body, temporary)
            else:
                temporary.write_bytes(body)
            temporary.replace(path)
        except OSError as error:
            return f"answer not kept: {path.name}: {error.strerror}"
        finally:
            # Where the directory can't be used, this fails as well, and has nothing to add.
            with suppress(OSError):
                temporary.unlink()
        return None


def suffix(media: Media) -> str:
    """Return the file suffix of what `media` is."""
    if media.kind != "html" and media.format is not None and media.format.isalnum():
        return _FORMATS.get(media.format.upper(), f".{media.format.lower()}")
    return _SUFFIXES.get(media.kind, ".bin")


def _safe(endpoint_id: str) -> str:
    """An id is made of letters, digits, `.`, `_`, `-`, and brackets around its case.

    That leaves dots at its beginning, and no `+` in another.
    """
    return f"+{endpoint_id}" if endpoint_id.startswith(".") else endpoint_id
