"""Routes that answer pictures inside JSON, or as files in an archive."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field

from pytest_modal_bench.local.app import codec, drawing
from pytest_modal_bench.local.app.faulty_answers import HTML, with_fault
from pytest_modal_bench.local.app.request_bodies import SEED
from pytest_modal_bench.local.app.shapes import kept_files
from pytest_modal_bench.local.app.shapes.forms import written
from pytest_modal_bench.local.app.shapes.route import JSON, Route
from pytest_modal_bench.local.workspace import shape_faults as faults
from pytest_modal_bench.local.workspace.faults import Blank, TruncateMedia, WrongSize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.local.workspace.faults import AnyFault

_ZIP = "application/zip"
_STORED_AT = 30
"""Bytes of a file's header in an archive, without its name (APPNOTE, section 4.3.7)."""
_OF_EACH = (Blank, WrongSize, TruncateMedia)
"""Faults of the pictures themselves."""

Side = Annotated[int, Field(ge=16, le=1024)]


class PicturesRequest(BaseModel):
    """A prompt for one or more pictures."""

    prompt: str
    width: Side = 512
    height: Side = 512
    seed: int = SEED
    n: Annotated[int, Field(ge=1, le=8)] = 1


class BatchRequest(PicturesRequest):
    """A prompt for several pictures, which some call a batch."""

    batch_size: Annotated[int, Field(ge=1, le=8)] = 1


def pictures(body: PicturesRequest, count: int, fault: AnyFault | None) -> list[bytes]:
    """Paint the pictures, each with a seed of its own, as the fault has them."""
    if isinstance(fault, faults.EmptyList):
        return []
    kept = count - 1 if isinstance(fault, faults.Fewer) else count
    size = (body.width, body.height)
    painted = [codec.png(drawing.paint(body.prompt, body.seed + number, size)) for number in range(kept)]
    if isinstance(fault, faults.HtmlInside):
        return [HTML.encode()] * kept
    return [with_fault(fault, each, None) for each in painted] if isinstance(fault, _OF_EACH) else painted


def encoded(picture: bytes, fault: AnyFault | None) -> str:
    """A picture as base64, as the fault has it."""
    text = base64.b64encode(picture).decode()
    # Not at a multiple of four letters: what is left is not even base64.
    return text[: len(text) // 2 // 4 * 4 + 1] if isinstance(fault, faults.CutBase64) else text


def add_base64_image(web: FastAPI, route: Route) -> None:
    """Add a route that answers `{"images": [{"data": …, "seed": …}]}`."""

    def wrap(body: PicturesRequest, each: Sequence[bytes]) -> dict[str, Any]:
        images = [
            {"data": encoded(picture, route.fault), "seed": body.seed + number}
            for number, picture in enumerate(each)
        ]
        return {"images": images, "prompt": body.prompt}

    async def generate(body: PicturesRequest) -> Response:
        return await _answered(route, "images", lambda: wrap(body, pictures(body, body.n, route.fault)))

    _add(web, route, generate, JSON)


def add_base64_batch(web: FastAPI, route: Route) -> None:
    """Add a route that answers `{"images": ["…", "…"], "info": …}`, as AUTOMATIC1111's web UI does."""

    def wrap(body: BatchRequest) -> dict[str, Any]:
        each = pictures(body, body.batch_size, route.fault)
        return {"images": [encoded(picture, route.fault) for picture in each], "info": f"seed {body.seed}"}

    async def generate(body: BatchRequest) -> Response:
        return await _answered(route, "images", lambda: wrap(body))

    _add(web, route, generate, JSON)


def add_data_uris(web: FastAPI, route: Route) -> None:
    """Add a route that answers `{"output": ["data:image/png;base64,…"]}`."""

    def wrap(body: PicturesRequest) -> dict[str, Any]:
        each = pictures(body, body.n, route.fault)
        return {"output": [f"data:image/png;base64,{encoded(picture, route.fault)}" for picture in each]}

    async def generate(body: PicturesRequest) -> Response:
        return await _answered(route, "output", lambda: wrap(body))

    _add(web, route, generate, JSON)


def add_image_urls(web: FastAPI, route: Route) -> None:
    """Add a route that answers `{"data": [{"url": …}]}`, as OpenAI's image API does; the app serves those itself."""
    files = kept_files.of(web)

    def wrap(body: PicturesRequest, request: Request) -> dict[str, Any]:
        each = [files.keep(request, picture) for picture in pictures(body, body.n, route.fault)]
        if isinstance(route.fault, faults.DeadUrl):
            each = [link.replace(".png", "-gone.png") for link in each]
        return {"created": 0, "data": [{"url": link} for link in each]}

    async def generate(body: PicturesRequest, request: Request) -> Response:
        return await _answered(route, "data", lambda: wrap(body, request))

    _add(web, route, generate, JSON)


def add_bundle(web: FastAPI, route: Route) -> None:
    """Add a route that answers an archive of pictures."""

    async def bundle(body: PicturesRequest) -> Response:
        return await route.answer(lambda: archive(body, route.fault), _ZIP)

    _add(web, route, bundle, _ZIP)


def archive(body: PicturesRequest, fault: AnyFault | None) -> bytes:
    """Pack the pictures into a ZIP, as the fault has it."""
    each = [] if isinstance(fault, faults.EmptyArchive) else pictures(body, body.n, None)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for number, picture in enumerate(each):
            file.writestr(f"{number}.png", picture)
    made = bytearray(buffer.getvalue())
    if isinstance(fault, faults.BadCrc):
        made[_STORED_AT + len("0.png") + len(each[0]) // 2] ^= 0xFF
    return bytes(made)


async def _answered(route: Route, name: str, wrap: Callable[[], dict[str, Any]]) -> Response:
    """Answer with what `wrap` makes; the pictures in it have the route's fault already."""

    def work() -> bytes:
        if isinstance(route.fault, faults.NullImage):
            return written({name: None, "error": route.fault.message})
        return written(wrap())

    sound = route._replace(fault=None) if isinstance(route.fault, _OF_EACH) else route
    return await sound.answer(work, JSON)


def _add(web: FastAPI, route: Route, call: Callable[..., Any], media_type: str) -> None:
    described: dict[int | str, dict[str, Any]] = {200: {"content": {media_type: {}}}}
    web.post(route.path, response_class=Response, responses=described)(call)
