"""Files that an app has made, and serves under a path of their own for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Request, Response

from pytest_modal_bench.local.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_KEPT = 64
"""Files that are kept; older ones are gone."""
_FOLDER = "/files"


class KeptFiles:
    """The files of one container."""

    def __init__(self, web: FastAPI) -> None:
        """Serve them at `/files/…` of the app."""
        self._files: dict[str, bytes] = {}

        @web.get(f"{_FOLDER}/{{name}}", response_class=Response)
        async def file(name: str) -> Response:
            return Response(self._find(name), media_type="image/png")

    def keep(self, request: Request, data: bytes) -> str:
        """Keep a file, and return its address, at the host that `request` went to."""
        name = f"{identifier('img')}.png"
        self._files[name] = data
        if len(self._files) > MAX_KEPT:
            del self._files[next(iter(self._files))]
        return f"{request.base_url}{_FOLDER[1:]}/{name}"

    def _find(self, name: str) -> bytes:
        files: Mapping[str, bytes] = self._files
        if name not in files:
            raise HTTPException(404, "no such file")
        return files[name]


def of(web: FastAPI) -> KeptFiles:
    """The kept files of an app, which has them once, however many routes make some."""
    if not hasattr(web.state, "kept_files"):
        web.state.kept_files = KeptFiles(web)
    kept: KeptFiles = web.state.kept_files
    return kept
