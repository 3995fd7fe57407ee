"""Routes of a language model: OpenAI's chats, completions and models, server-sent events, and Ollama's JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from pytest_modal_bench.local.app.request_bodies import SEED
from pytest_modal_bench.local.app.shapes import text
from pytest_modal_bench.local.app.shapes.forms import (
    MODEL,
    SSE,
    Answer,
    Chunks,
    CompletionChunks,
    Events,
    Form,
    Lines,
)
from pytest_modal_bench.local.app.shapes.route import JSON, Route
from pytest_modal_bench.local.app.shapes.streams import parts_of_text, streamed
from pytest_modal_bench.local.workspace.shape_faults import FewTokens, Unstreamed, WrongText

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.local.workspace.faults import AnyFault

MAX_TOKENS = 128
"""What an answer is cut to if the request sets no limit."""
_PER_MESSAGE = 3
"""Tokens that stand around each message of a chat."""

MaxTokens = Annotated[int, Field(ge=1, le=4096)]


class StreamOptions(BaseModel):
    """Options of a stream."""

    include_usage: bool = False


class Message(BaseModel):
    """One message of a chat."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict[str, Any]]

    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, str):
            return self.content
        return " ".join(str(part.get("text", "")) for part in self.content)


class TextRequest(BaseModel):
    """What every request for a text may hold."""

    model: str = MODEL
    max_tokens: MaxTokens = MAX_TOKENS
    temperature: float = 1.0
    seed: int = SEED
    stream: bool = False
    stream_options: StreamOptions | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream is to say how many tokens it had."""
        return self.stream_options is not None and self.stream_options.include_usage


class ChatRequest(TextRequest):
    """A chat."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: MaxTokens | None = None


class CompletionRequest(TextRequest):
    """A text that is to be continued."""

    prompt: str


class EventsRequest(BaseModel):
    """A prompt for a stream of events."""

    prompt: str
    seed: int = SEED


class GenerateRequest(BaseModel):
    """A prompt, as Ollama takes it: streamed unless told otherwise."""

    model: str = MODEL
    prompt: str
    stream: bool = True
    seed: int = SEED


def add_chat(web: FastAPI, route: Route) -> None:
    """Add OpenAI's chats."""

    async def chat(body: ChatRequest) -> Response:
        if refusal := unknown_model(body.model):
            return refusal
        prompt = " ".join(message.text() for message in body.messages)
        counted = sum(len(text.tokens(message.text())) + _PER_MESSAGE for message in body.messages)
        limit = body.max_completion_tokens or body.max_tokens
        answer = write(prompt, body.seed, limit, counted, route.fault if body.stream else None)
        form = Chunks(answer, include_usage=body.include_usage)
        return await answered(route, form, answer, stream=body.stream)

    _add(web, route, chat, SSE)


def add_completion(web: FastAPI, route: Route) -> None:
    """Add OpenAI's completions."""

    async def completion(body: CompletionRequest) -> Response:
        if refusal := unknown_model(body.model):
            return refusal
        counted = len(text.tokens(body.prompt))
        answer = write(body.prompt, body.seed, body.max_tokens, counted, route.fault if body.stream else None)
        form = CompletionChunks(answer, include_usage=body.include_usage)
        return await answered(route, form, answer, stream=body.stream)

    _add(web, route, completion, SSE)


def add_models(web: FastAPI, route: Route) -> None:
    """Add OpenAI's list of models."""

    @web.get(route.path)
    async def models() -> dict[str, Any]:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "local-workspace"}
        return {"object": "list", "data": [model]}


def add_events(web: FastAPI, route: Route) -> None:
    """Add a route that always streams, in events of its own making."""

    async def events(body: EventsRequest) -> Response:
        answer = write(body.prompt, body.seed, MAX_TOKENS, len(text.tokens(body.prompt)), route.fault)
        return await answered(route, Events(answer), answer, stream=True)

    _add(web, route, events, SSE)


def add_lines(web: FastAPI, route: Route) -> None:
    """Add Ollama's way to generate."""

    async def generate(body: GenerateRequest) -> Response:
        if refusal := unknown_model(body.model):
            return refusal
        fault = route.fault if body.stream else None
        answer = write(body.prompt, body.seed, MAX_TOKENS, len(text.tokens(body.prompt)), fault)
        return await answered(route, Lines(answer), answer, stream=body.stream)

    _add(web, route, generate, Lines.media_type)


def unknown_model(name: str) -> Response | None:
    """Refuse a model that there is not, in the shape of OpenAI's errors; None: it is the one there is."""
    if name == MODEL:
        return None
    error = {
        "message": f"The model `{name[:80]}` does not exist; there is {MODEL}",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }
    return JSONResponse({"error": error}, 404)


def write(prompt: str, seed: int, limit: int, prompt_tokens: int, fault: AnyFault | None) -> Answer:
    """Write the answer to a prompt, cut to `limit` tokens."""
    said = text.REFUSAL if isinstance(fault, WrongText) else text.reply(prompt, seed)
    tokens = text.tokens(said)
    kept: Sequence[str] = tokens[:limit]
    if isinstance(fault, FewTokens):
        kept, tokens = tokens[: fault.tokens], tokens[: fault.tokens]
    return Answer(prompt_tokens, kept, "stop" if len(kept) == len(tokens) else "length")


async def answered(route: Route, form: Form, answer: Answer, *, stream: bool) -> Response:
    """Answer in that form: streamed, with the route's fault, or whole and without."""
    if stream and not isinstance(route.fault, Unstreamed):
        return streamed(route, parts_of_text(form, answer.tokens, route.fault), form.media_type)
    sound = route._replace(fault=None)
    return await sound.answer(form.whole, JSON, steps=len(answer.tokens))


def _add(web: FastAPI, route: Route, call: Callable[..., Any], media_type: str) -> None:
    described: dict[int | str, dict[str, Any]] = {200: {"content": {media_type: {}, JSON: {}}}}
    web.post(route.path, response_class=Response, responses=described)(call)
