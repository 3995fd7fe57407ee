"""The FastAPI app that a container serves: the routes of one app, built like ComfyUI apps on Modal, or of a shape."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse

from pytest_modal_bench.local.app.codec import BadInputError
from pytest_modal_bench.local.app.faulty_answers import replacement, with_fault
from pytest_modal_bench.local.app.request_bodies import BODIES, SEED, MissingFieldError, RequestBody
from pytest_modal_bench.local.app.shapes.route import Route
from pytest_modal_bench.local.app.shapes.routes import add_shape
from pytest_modal_bench.local.workspace.faults import AnyFault, Cached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from fastapi import Request

    from pytest_modal_bench.local.app.gpu import Gpu
    from pytest_modal_bench.local.workspace.apps import App, Endpoint

NO_FAULTS: Mapping[str, AnyFault] = {}


def build(
    name: str, app: App, gpu: Gpu, loras: Collection[str], faults: Mapping[str, AnyFault] = NO_FAULTS
) -> FastAPI:
    """Build the web app `name`, which has the LoRAs `loras`; `faults` are by path."""
    web = FastAPI(title=name, docs_url=None, redoc_url=None)
    web.add_exception_handler(MissingFieldError, workflow_failed)

    @web.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy", "app": name}

    @web.get("/loras")
    async def list_loras() -> dict[str, list[str]]:
        return {"loras": sorted(loras)}

    for path, endpoint in app.endpoints.items():
        fault = faults.get(path)
        if endpoint.body in BODIES:
            web.post(path, response_class=Response)(route(path, endpoint, gpu, loras, fault))
        else:
            add_shape(web, Route(path, endpoint, gpu, fault))
    return web


def route(
    path: str,
    endpoint: Endpoint,
    gpu: Gpu,
    loras: Collection[str],
    fault: AnyFault | None,
) -> Callable[..., Awaitable[Response]]:
    """Make the function behind one route; it checks its inputs before it uses the GPU."""

    async def call(body: RequestBody) -> Response:
        if body.lora is not None and body.lora not in loras:
            raise HTTPException(404, f"LoRA not found: {body.lora[:80]}")
        if isinstance(fault, Cached):
            body.seed = SEED
        try:
            work = body.prepare()
        except BadInputError as error:
            raise HTTPException(400, str(error)) from error
        job = await gpu.run(path, body.model_dump_json(), lambda: with_fault(fault, work(), body.source))
        if text := replacement(fault):
            return Response(text.body, text.status, media_type=text.media_type)
        return Response(job.body, media_type=endpoint.content_type, headers=job.headers)

    # FastAPI reads a body's type from the signature, and this one is only known here.
    call.__annotations__["body"] = BODIES[endpoint.body]
    return call


def workflow_failed(_request: Request, error: Exception) -> JSONResponse:
    """Answer 500 in the shape of the reference apps: message, traceback, type."""
    answer = {
        "error": str(error),
        "details": "".join(traceback.format_exception(error)),
        "type": type(error).__name__,
    }
    return JSONResponse(answer, status_code=500)
