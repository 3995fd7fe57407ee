"""What one route of a shape works with, and how it answers whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastapi import Response

from pytest_modal_bench.local.app.faulty_answers import replacement, with_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.local.app.gpu import Gpu
    from pytest_modal_bench.local.workspace.apps import Endpoint
    from pytest_modal_bench.local.workspace.faults import AnyFault

JSON = "application/json"


class Route(NamedTuple):
    """One route: where it is, what it takes, and what goes wrong with it."""

    path: str
    endpoint: Endpoint
    gpu: Gpu
    fault: AnyFault | None

    async def answer(self, work: Callable[[], bytes], media_type: str, *, steps: int = 0) -> Response:
        """Do the work on the GPU, and answer with what it makes, or with what the fault makes of that.

        `steps` is as in `Gpu.run`. Nothing is cached.
        """
        job = await self.gpu.run(self.path, None, lambda: with_fault(self.fault, work(), None), steps=steps)
        if text := replacement(self.fault):
            return Response(text.body, text.status, media_type=text.media_type)
        return Response(job.body, media_type=media_type, headers=job.headers)
