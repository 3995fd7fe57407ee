"""Answers that come bit by bit, at the pace of a simulated model, and what a fault makes of them."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Literal, NamedTuple

from fastapi import Response
from fastapi.responses import StreamingResponse

from pytest_modal_bench.local.app.faulty_answers import replacement, with_fault
from pytest_modal_bench.local.workspace import shape_faults as faults
from pytest_modal_bench.local.workspace.faults import Empty, Garbage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pytest_modal_bench.local.app.shapes.forms import Form
    from pytest_modal_bench.local.app.shapes.route import Route
    from pytest_modal_bench.local.workspace.faults import AnyFault

GRACE_SEC = 0.05
"""How long what was sent before a container dies has to leave it."""


class Part(NamedTuple):
    """One piece of a stream. An output is one that takes a step of the GPU."""

    body: bytes
    is_output: bool = False
    then: Literal["stall", "die"] | None = None
    """What happens once it was sent, instead of what would follow."""


def streamed(route: Route, parts: Sequence[Part], media_type: str) -> Response:
    """Answer with a stream of these parts, or with what the route's fault puts in its place."""
    if text := replacement(route.fault):
        return Response(text.body, text.status, media_type=text.media_type)
    if isinstance(route.fault, Empty | Garbage):
        body = with_fault(route.fault, b"".join(part.body for part in parts), None)
        return Response(body, media_type=media_type)
    return StreamingResponse(_paced(route, parts), media_type=media_type)


async def _paced(route: Route, parts: Sequence[Part]) -> AsyncIterator[bytes]:
    """Yield what comes before the first output at once, that one after the route's `inference`, then one a step."""
    first = next((number for number, part in enumerate(parts) if part.is_output), len(parts))
    for part in parts[:first]:
        yield part.body
        await _end_early(part)
    async with route.gpu.reserved(route.path):
        await route.gpu.infer(route.path)
        for number, part in enumerate(parts[first:]):
            if number and part.is_output:
                await route.gpu.step(route.path)
            yield part.body
            await _end_early(part)


async def _end_early(part: Part) -> None:
    match part.then:
        case "stall":
            await asyncio.Event().wait()
        case "die":
            await asyncio.sleep(GRACE_SEC)
            os.kill(os.getpid(), signal.SIGKILL)


def parts_of_text(form: Form, tokens: Sequence[str], fault: AnyFault | None) -> list[Part]:
    """Return a text's stream, as the fault has it."""
    opening = [Part(body) for body in form.opening()]
    outputs = [Part(form.token(token), is_output=True) for token in tokens]
    closing = [Part(body) for body in form.closing()]
    match fault:
        case faults.StreamError(at=at):
            kept = outputs[: {"start": 0, "middle": len(outputs) // 2, "end": len(outputs)}[at]]
            # The error takes a token's place; what ends the stream follows, so that nothing else is wrong with it.
            return [*opening, *kept, Part(form.error(fault), is_output=True), *closing]
        case faults.Unfinished():
            return [*opening, *outputs]
        case faults.CutEvent():
            *kept, last = outputs[: len(outputs) // 2]
            return [*opening, *kept, last._replace(body=last.body[: len(last.body) // 2])]
        case faults.NoOutput():
            return [*opening, *closing]
    return [*opening, *_interrupted(outputs, fault), *closing]


def parts_of_file(header: bytes, pieces: Sequence[bytes], fault: AnyFault | None) -> list[Part]:
    """Return the stream of a file that is sent while it is made, as the fault has it."""
    outputs = [] if isinstance(fault, faults.NoOutput) else [Part(piece, is_output=True) for piece in pieces]
    return [Part(header), *_interrupted(outputs, fault)]


def _interrupted(outputs: list[Part], fault: AnyFault | None) -> list[Part]:
    """Have the stream stop in its middle, if the fault wants that."""
    middle = len(outputs) // 2
    match fault:
        case faults.Stall():
            return [part._replace(then="stall") if n == middle else part for n, part in enumerate(outputs)]
        case faults.Dies():
            return [part._replace(then="die") if n == middle else part for n, part in enumerate(outputs)]
    return outputs
