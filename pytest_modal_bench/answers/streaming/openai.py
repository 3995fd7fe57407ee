"""OpenAI's chunks of chats and completions, and the events of its Responses API, as its API reference has them.

Fields that vLLM, SGLang, llama.cpp, OpenRouter and Mistral add count, too: reasoning is output, though not a part of
what the answer says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.answers.streaming.transcript import Transcript

DONE = "[DONE]"
"""The data of the last event."""

_SAID = ("content", "text", "refusal")
_CALLS = ("tool_calls", "function_call")
_CARRIED = (*_SAID, *_CALLS, "reasoning_content", "reasoning", "reasoning_details", "thinking", "audio")
"""Fields of a `delta` whose content is output."""
_RESPONSES = "response."
_SPOKEN = tuple(
    f"{_RESPONSES}{kind}.delta"
    for kind in (
        "output_text",
        "refusal",
        "function_call_arguments",
        "mcp_call_arguments",
        "custom_tool_call_input",
        "code_interpreter_call_code",
        "output_audio_transcript",
        "audio.transcript",
    )
)
_PICTURE = f"{_RESPONSES}image_generation_call.partial_image"
_COMPLETED, _INCOMPLETE = f"{_RESPONSES}completed", f"{_RESPONSES}incomplete"
_REASON = re.compile(r"[A-Za-z][\w.-]{0,63}")


def is_chunk(value: dict[str, object]) -> bool:
    """Whether an event is a chunk of a chat or a completion."""
    return isinstance(value.get("choices"), list)


def is_of_responses(value: dict[str, object]) -> bool:
    """Whether an event is one of the Responses API."""
    kind = value.get("type")
    return isinstance(kind, str) and kind.startswith(_RESPONSES)


def read_chunk(value: dict[str, object], end: int, transcript: Transcript) -> None:
    """Take in a chunk that ends at `end`: each choice's delta, and whether it is finished."""
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        index = choice.get("index")
        number = index if isinstance(index, int) else 0
        delta = choice.get("delta") or choice.get("message") or choice
        if isinstance(delta, dict) and any(holds(delta.get(name)) for name in _CARRIED):
            transcript.add_output(end, _text(delta), number)
            transcript.choices[number] = False
        transcript.choices.setdefault(number, False)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            transcript.choices[number] = True
            transcript.finish_reason = as_reason(reason) or transcript.finish_reason


def read_response(value: dict[str, object], end: int, transcript: Transcript) -> None:
    """Take in an event of the Responses API that ends at `end`."""
    kind = str(value.get("type"))
    transcript.awaited = f"`{_COMPLETED}`"
    if (kind.endswith(".delta") and holds(value.get("delta"))) or kind == _PICTURE:
        delta = value.get("delta")
        transcript.add_output(end, delta if isinstance(delta, str) and kind in _SPOKEN else "")
    response = value.get("response")
    table = response if isinstance(response, dict) else {}
    if kind in (_COMPLETED, _INCOMPLETE):
        details = table.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else table.get("status")
        transcript.end = f"`{kind}`"
        transcript.finish_reason = as_reason(reason) or kind.removeprefix(_RESPONSES)


def holds(value: object) -> bool:
    """Whether there is a text in a value that is not empty; a blank is a token like any other."""
    if isinstance(value, dict):
        return any(map(holds, value.values()))
    if isinstance(value, list):
        return any(map(holds, value))
    return isinstance(value, str) and bool(value)


def as_reason(value: object) -> str | None:
    """Return the word for why a stream ended; None: it is none."""
    return value if isinstance(value, str) and _REASON.fullmatch(value) else None


def _text(delta: dict[str, object]) -> str:
    """What a delta says: content, a refusal, names and arguments of functions; reasoning is left out."""
    parts = [_of_parts(delta.get(name)) for name in _SAID]
    for name in _CALLS:
        calls = delta.get(name)
        for call in calls if isinstance(calls, list) else (calls,):
            table = call.get("function", call) if isinstance(call, dict) else None
            if isinstance(table, dict):
                parts += [str(table.get(part) or "") for part in ("name", "arguments")]
    return "".join(parts)


def _of_parts(content: object) -> str:
    """A text, or the texts among the parts that Mistral makes of one."""
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""
