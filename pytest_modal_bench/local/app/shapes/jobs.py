"""Routes whose work is submitted, and then asked for until it is done, as Modal's `spawn` and `FunctionCall.get` do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from pytest_modal_bench.local.app import codec, drawing
from pytest_modal_bench.local.app.faulty_answers import replacement, with_fault
from pytest_modal_bench.local.app.request_bodies import SEED
from pytest_modal_bench.local.app.shapes import kept_files
from pytest_modal_bench.local.identifiers import identifier
from pytest_modal_bench.local.workspace import shape_faults as faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.local.app.shapes.route import Route

MAX_KEPT = 64
"""Jobs that are kept; older ones are forgotten."""
ACCEPTED = 202
CREATED = 201
_IMAGE = "image/png"
_VIDEO = "video/mp4"

Side = Annotated[int, Field(ge=16, le=1024)]


class JobRequest(BaseModel):
    """A prompt for an image or a video."""

    prompt: str
    width: Side = 512
    height: Side = 512
    seed: int = SEED


class VideoRequest(JobRequest):
    """A prompt for a video."""

    length: Annotated[int, Field(ge=1, le=120)] = 17
    fps: Annotated[int, Field(ge=1, le=60)] = 16


class Job:
    """One job: what it is called, how far it is, and what came of it."""

    def __init__(self) -> None:
        self.id = identifier("fc")
        self.status = "queued"
        self.result: bytes | None = None
        self.task: asyncio.Task[None] | None = None


class Jobs:
    """The jobs of one route, as its fault has them."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._kept: dict[str, Job] = {}

    def submit(self, work: Callable[[], bytes]) -> Job:
        """Accept a job, which begins once the GPU is free."""
        job = Job()
        if isinstance(self._route.fault, faults.Expired):
            return job
        self._kept[job.id] = job
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        if not isinstance(self._route.fault, faults.Stuck):
            job.task = asyncio.create_task(self._run(job, work))
        return job

    def ask(self, job_id: str) -> Job:
        """Return the job as it is now; an unknown one is a 404."""
        if isinstance(self._route.fault, faults.AskingFails):
            raise HTTPException(500, "connection to the job queue lost")
        if job_id not in self._kept:
            raise HTTPException(404, "no such job, or it has expired")
        return self._kept[job_id]

    async def _run(self, job: Job, work: Callable[[], bytes]) -> None:
        route, fault = self._route, self._route.fault
        async with route.gpu.reserved(route.path):
            job.status = "running"
            await route.gpu.infer(route.path)
            if isinstance(fault, faults.JobFails):
                job.status = fault.word
                return
            job.result = await asyncio.to_thread(lambda: with_fault(fault, work(), None))
        job.status = "succeeded"


def add_job(web: FastAPI, route: Route) -> None:
    """Add Modal's own pattern: `call_id`, then 202 until the image is there."""
    jobs = Jobs(route)

    @web.post(route.path, status_code=ACCEPTED)
    async def submit(body: JobRequest) -> dict[str, Any]:
        job = jobs.submit(lambda: image(body))
        return {"call_id": None if isinstance(route.fault, faults.NoId) else job.id}

    @web.get("/result/{call_id}", response_class=Response)
    async def result(call_id: str) -> Response:
        return delivered(route, jobs.ask(call_id), _IMAGE)


def add_located_job(web: FastAPI, route: Route) -> None:
    """Add a route that names the job's address in its `Location`."""
    jobs = Jobs(route)

    @web.post(route.path, status_code=ACCEPTED)
    async def submit(body: VideoRequest, response: Response) -> dict[str, str]:
        job = jobs.submit(lambda: video(body))
        if not isinstance(route.fault, faults.NoId):
            response.headers["Location"] = f"{route.path}/{job.id}"
        return {"message": "accepted"}

    @web.get(f"{route.path}/{{job_id}}", response_class=Response)
    async def result(job_id: str) -> Response:
        return delivered(route, jobs.ask(job_id), _VIDEO)


def add_prediction(web: FastAPI, route: Route) -> None:
    """Add a route whose jobs have a status, and in the end an address of their image beside it."""
    jobs, files = Jobs(route), kept_files.of(web)

    @web.post(route.path, status_code=CREATED)
    async def submit(body: JobRequest) -> dict[str, Any]:
        job = jobs.submit(lambda: image(body))
        return described(route, job, None)

    @web.get(f"{route.path}/{{job_id}}")
    async def status(job_id: str, request: Request) -> dict[str, Any]:
        job = jobs.ask(job_id)
        link = None if job.result is None else files.keep(request, job.result)
        if link is not None and isinstance(route.fault, faults.DeadUrl):
            link = link.replace(".png", "-gone.png")
        return described(route, job, None if link is None else [link])


def add_task(web: FastAPI, route: Route) -> None:
    """Add a route whose jobs have a status, and their image at an address of its own."""
    jobs = Jobs(route)

    @web.post(route.path)
    async def submit(body: JobRequest) -> dict[str, Any]:
        job = jobs.submit(lambda: image(body))
        return {"task": described(route, job, None)}

    @web.get(f"{route.path}/{{job_id}}")
    async def status(job_id: str) -> dict[str, Any]:
        return described(route, jobs.ask(job_id), None)

    @web.get(f"{route.path}/{{job_id}}/image", response_class=Response)
    async def result(job_id: str) -> Response:
        job = jobs.ask(job_id)
        if job.result is None:
            raise HTTPException(409, f"the job is {job.status}")
        return delivered(route, job, _IMAGE)


def described(route: Route, job: Job, output: list[str] | None) -> dict[str, Any]:
    """A job with its status, in JSON."""
    failed = isinstance(route.fault, faults.JobFails) and job.status == route.fault.word
    return {
        "id": None if isinstance(route.fault, faults.NoId) else job.id,
        "status": job.status,
        "output": output,
        "error": route.fault.message if failed and isinstance(route.fault, faults.JobFails) else None,
    }


def delivered(route: Route, job: Job, media_type: str) -> Response:
    """A job's result, or 202 where it is not done."""
    if job.result is None:
        return JSONResponse({}, ACCEPTED)
    if isinstance(route.fault, faults.NullResult):
        return JSONResponse(None)
    if text := replacement(route.fault):
        return Response(text.body, text.status, media_type=text.media_type)
    return Response(job.result, media_type=media_type)


def image(body: JobRequest) -> bytes:
    """Paint what the prompt asks for."""
    return codec.png(drawing.paint(body.prompt, body.seed, (body.width, body.height)))


def video(body: VideoRequest) -> bytes:
    """Film what the prompt asks for."""
    size = (body.width, body.height)
    frames = drawing.animate(drawing.paint(body.prompt, body.seed, size), body.length)
    return codec.mp4(frames, size, body.fps)
