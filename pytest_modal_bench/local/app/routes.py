"""The FastAPI app that a container serves: the routes of one app, in the manner of ComfyUI apps on Modal."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse

from pytest_modal_bench.local.app.codec import BadInputError
from pytest_modal_bench.local.app.forms import FORMS, SEED, Form, MissingFieldError
from pytest_modal_bench.local.app.gpu import GPU_TYPE, Gpu
from pytest_modal_bench.local.app.spoiling import excuse, spoil
from pytest_modal_bench.local.workspace.faults import AnyFault, Cached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from fastapi import Request

    from pytest_modal_bench.local.workspace.apps import App, Endpoint

SOUND: Mapping[str, AnyFault] = {}


def build(
    name: str, app: App, gpu: Gpu, loras: Collection[str], faults: Mapping[str, AnyFault] = SOUND
) -> FastAPI:
    """Build the web app `name`, whose LoRA volume holds `loras`; `faults` are by path."""
    web = FastAPI(title=name, docs_url=None, redoc_url=None)
    web.add_exception_handler(MissingFieldError, workflow_failed)

    @web.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy", "app": name}

    @web.get("/loras")
    async def list_loras() -> dict[str, list[str]]:
        return {"loras": sorted(loras)}

    for path, endpoint in app.endpoints.items():
        web.post(path, response_class=Response)(
            route(path, endpoint, gpu, loras, faults.get(path)),
        )
    return web


def route(
    path: str,
    endpoint: Endpoint,
    gpu: Gpu,
    loras: Collection[str],
    fault: AnyFault | None,
) -> Callable[..., Awaitable[Response]]:
    """Make the function behind one route: inputs are checked before the GPU is touched."""

    async def call(body: Form) -> Response:
        if body.lora is not None and body.lora not in loras:
            raise HTTPException(404, f"LoRA not found: {body.lora[:80]}")
        if isinstance(fault, Cached):
            body.seed = SEED
        try:
            work = body.prepare()
        except BadInputError as error:
            raise HTTPException(400, str(error)) from error
        job = await gpu.run(path, body.model_dump_json(), lambda: spoil(fault, work(), body.source))
        if said := excuse(fault):
            return Response(said.body, said.status, media_type=said.media_type)
        headers = {
            "X-Cost-USD": f"{job.cost_usd:.6f}",
            "X-Execution-Time-Sec": f"{job.seconds:.3f}",
            "X-GPU-Type": GPU_TYPE,
        }
        return Response(job.body, media_type=endpoint.declares, headers=headers)

    # FastAPI reads a body's type from the signature, and this one is only known here.
    call.__annotations__["body"] = FORMS[endpoint.form]
    return call


def workflow_failed(_request: Request, error: Exception) -> JSONResponse:
    """Answer 500 in the shape of the reference apps: message, traceback, type."""
    answer = {
        "error": str(error),
        "details": "".join(traceback.format_exception(error)),
        "type": type(error).__name__,
    }
    return JSONResponse(answer, status_code=500)
