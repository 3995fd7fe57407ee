"""The forms in which a text is streamed, event by event: OpenAI's chunks, other server-sent events, and JSON lines."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Protocol

from pytest_modal_bench.local.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.local.workspace.shape_faults import StreamError

MODEL = "local-1"
"""The one model there is."""
SSE = "text/event-stream"
DONE = b"data: [DONE]\n\n"


class Form(Protocol):
    """How one answer is written. `tokens` are those of the answer, as many as it was cut to."""

    media_type: str

    def opening(self) -> Sequence[bytes]:
        """What comes before the first token."""

    def token(self, text: str) -> bytes:
        """One token."""

    def closing(self) -> Sequence[bytes]:
        """What says that the answer is complete."""

    def error(self, fault: StreamError) -> bytes:
        """An error in place of a token."""

    def whole(self) -> bytes:
        """The answer where it is not streamed."""


class Answer:
    """What every form writes of one answer."""

    def __init__(self, prompt_tokens: int, tokens: Sequence[str], finish_reason: str) -> None:
        self.tokens, self.finish_reason = tokens, finish_reason
        self.text = "".join(tokens)
        self.usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": len(tokens),
            "total_tokens": prompt_tokens + len(tokens),
        }


class Chunks:
    """OpenAI's chunks of a chat (API reference, *Chat completion chunk object*), as vLLM sends them."""

    media_type = SSE
    _id, _object, _whole = "chatcmpl", "chat.completion.chunk", "chat.completion"

    def __init__(self, answer: Answer, *, include_usage: bool) -> None:
        self._answer = answer
        self._include_usage = include_usage
        self._head = {"id": identifier(self._id), "created": int(time.time()), "model": MODEL}

    def opening(self) -> Sequence[bytes]:
        """See `Form`: the role."""
        return [self._event(self._choice({"role": "assistant", "content": ""}, None))]

    def token(self, text: str) -> bytes:
        """See `Form`."""
        return self._event(self._choice({"content": text}, None))

    def closing(self) -> Sequence[bytes]:
        """See `Form`: the finish reason, the usage if it was asked for, and `[DONE]`."""
        finish = self._event(self._choice({}, self._answer.finish_reason))
        usage = [self._event(None, usage=self._answer.usage)] if self._include_usage else []
        return [finish, *usage, DONE]

    def error(self, fault: StreamError) -> bytes:
        """See `Form`."""
        return sse_error(fault)

    def whole(self) -> bytes:
        """See `Form`."""
        message = {"role": "assistant", "content": self._answer.text}
        choice = {"index": 0, "message": message, "finish_reason": self._answer.finish_reason}
        return written(
            {**self._head, "object": self._whole, "choices": [choice], "usage": self._answer.usage}
        )

    def _choice(self, delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}

    def _event(self, choice: dict[str, Any] | None, usage: dict[str, int] | None = None) -> bytes:
        chunk = {**self._head, "object": self._object, "choices": [] if choice is None else [choice]}
        return sse_data(chunk | ({"usage": usage} if self._include_usage else {}))


class CompletionChunks(Chunks):
    """OpenAI's chunks of a completion (API reference, *Completion object*): no role, and `text` in place of `delta`."""

    _id, _object, _whole = "cmpl", "text_completion", "text_completion"

    def opening(self) -> Sequence[bytes]:
        """See `Form`."""
        return []

    def whole(self) -> bytes:
        """See `Form`."""
        choice = self._choice({"content": self._answer.text}, self._answer.finish_reason)
        return written(
            {**self._head, "object": self._whole, "choices": [choice], "usage": self._answer.usage}
        )

    def _choice(self, delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
        text = delta.get("content", "")
        return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}


class Events:
    """Server-sent events of this app's own making, with a comment that keeps the connection alive."""

    media_type = SSE

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def opening(self) -> Sequence[bytes]:
        """See `Form`."""
        return [b": connected\n\n", b"event: start\n" + sse_data({"model": MODEL})]

    def token(self, text: str) -> bytes:
        """See `Form`."""
        return sse_data({"text": text, "done": False})

    def closing(self) -> Sequence[bytes]:
        """See `Form`."""
        return [sse_data({"done": True, "usage": self._answer.usage})]

    def error(self, fault: StreamError) -> bytes:
        """See `Form`."""
        return sse_error(fault)

    def whole(self) -> bytes:
        """See `Form`."""
        return written({"text": self._answer.text, "usage": self._answer.usage})


class Lines:
    """JSON lines as Ollama sends them (its API documentation, *Generate a completion*)."""

    media_type = "application/x-ndjson"

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def opening(self) -> Sequence[bytes]:
        """See `Form`."""
        return []

    def token(self, text: str) -> bytes:
        """See `Form`."""
        return self._line({"response": text, "done": False})

    def closing(self) -> Sequence[bytes]:
        """See `Form`."""
        return [self._line({"response": "", **self._last()})]

    def error(self, fault: StreamError) -> bytes:
        """See `Form`: Ollama knows but one way."""
        return written({"error": fault.message}) + b"\n"

    def whole(self) -> bytes:
        """See `Form`."""
        return self._line({"response": self._answer.text, **self._last()})

    def _last(self) -> dict[str, Any]:
        usage = self._answer.usage
        counts = {"prompt_eval_count": usage["prompt_tokens"], "eval_count": usage["completion_tokens"]}
        return {"done": True, "done_reason": self._answer.finish_reason, **counts}

    def _line(self, fields: dict[str, Any]) -> bytes:
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return written({"model": MODEL, "created_at": made, **fields}) + b"\n"


def written(value: object) -> bytes:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def sse_data(value: object) -> bytes:
    """A server-sent event that holds a value as JSON."""
    return b"data: " + written(value) + b"\n\n"


def sse_error(fault: StreamError) -> bytes:
    """A server-sent event that reports an error, in one of the forms that are in use."""
    message = fault.message
    match fault.form:
        case "openai":
            return sse_data({"error": {"message": message, "type": "server_error", "code": 500}})
        case "vllm":  # its `ErrorResponse`, up to version 0.9
            return sse_data(
                {"object": "error", "message": message, "type": "InternalServerError", "code": 500}
            )
        case "event":
            return b"event: error\n" + sse_data({"message": message})
        case "detail":
            return sse_data({"detail": message})
        case "text":
            return f"data: {message}\n\n".encode()
