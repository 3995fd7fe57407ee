"""Events of servers' own making: which carry output, what they say, and how they say that nothing follows.

Nobody has agreed on names. These are those of Anthropic, Ollama, text-generation-inference, llama.cpp, SGLang, Gemini,
Cohere, Vercel's AI SDK, LangServe and Replicate, and what people write by hand; case, `_` and `-` make no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from pytest_modal_bench.answers.json_results import plain
from pytest_modal_bench.answers.streaming import openai
from pytest_modal_bench.answers.streaming.framing import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.answers.streaming.framing import Event
    from pytest_modal_bench.answers.streaming.transcript import Transcript

_TEXTS = (
    *("text", "content", "delta", "textdelta", "token", "partialjson", "response", "output", "answer"),
    *("completion", "generatedtext", "transcript", "translation", "caption", "summary", "chunk", "result"),
    *("message", "data", "candidates", "parts", "outputs", "generations"),
)
"""Fields that hold what is said, the most telling first: only one of them is read, or the same would be read twice."""
_OBJECTS_ONLY = frozenset(("message", "candidates", "parts", "generations"))
"""Those of them whose texts are a status, such as `Loading the model`."""
_SILENT = (
    "thinking",
    "reasoning",
    "reasoningcontent",
    "audio",
    "image",
    "images",
    "b64json",
    "video",
    "frame",
)
"""Fields whose content is output, but not said."""
_BESIDE = frozenset(
    (
        *(
            "id",
            "type",
            "event",
            "object",
            "kind",
            "model",
            "name",
            "role",
            "index",
            "version",
            "seed",
            "usage",
        ),
        *("created", "createdat", "timestamp", "time", "date", "eta", "status", "state", "phase", "stage"),
        *("progress", "percent", "step", "steps", "total", "position", "queueposition", "message", "msg"),
        *("requestid", "jobid", "callid", "traceid", "logs", "log", "info", "detail", "metadata", "meta"),
        *("input", "prompt", "elapsed", "duration", "timings", "sequencenumber", "seq", "heartbeat", "ping"),
    )
)
"""Fields that say something of the work, and hold nothing of the answer."""
_NO_OUTPUT = frozenset(
    (
        *("ping", "heartbeat", "keepalive", "status", "progress", "start", "open", "ready", "connected"),
        *("metadata", "usage", "init", "log", "queue", "queued", "info"),
    )
)
"""Names and types of events that hold nothing of the answer."""
_ENDS = frozenset(
    (
        *("done", "end", "complete", "completed", "finish", "finished", "messagestop", "messageend", "stop"),
        *("close", "closed", "eos", "endofstream", "streamend", "final", "runcompleted"),
    )
)
"""Names and types of the last event."""
_BEGINS = {"messagestart": "an event `message_stop`"}
"""Types of a first event, and what must be the last one where there was such."""
_FLAGS = frozenset(
    (
        *("done", "finished", "isfinished", "isfinal", "final", "complete", "completed", "iscomplete"),
        *("isdone", "stop", "eos", "last", "islast", "end", "isend"),
    )
)
_REASONS = frozenset(("finishreason", "stopreason", "donereason", "completionreason"))
_LAST_TEXT = "generatedtext"
"""Null until the end, in text-generation-inference."""
_STATUS = frozenset(("status", "state"))
_OVER = frozenset(("done", "completed", "complete", "succeeded", "success", "finished"))
_GOES_ON = frozenset(("running", "processing", "inprogress", "starting", "queued", "pending", "generating"))
_AROUND = frozenset(("delta", "message", "candidates", "details", "metainfo"))
"""Fields in which reasons stand."""
_OF_SGLANG = "meta_info"
"""A field of SGLang's own events, each of which has all the text so far."""
_NEVER_OUTPUT = _BESIDE | _FLAGS | _REASONS
_DEEPEST = 6


def read(event: Event, value: object, transcript: Transcript) -> None:
    """Take in an event, whose data were decoded to `value`, or are a text."""
    if isinstance(value, dict) and openai.is_chunk(value):
        openai.read_chunk(value, event.end, transcript)
    elif isinstance(value, dict) and openai.is_of_responses(value):
        openai.read_response(value, event.end, transcript)
    elif isinstance(value, dict):
        _read_object(event, value, transcript)
    else:
        _read_text(event, value, transcript)


def content(data: str) -> object:
    """Return what an event's data are: an object, a list or a text of JSON, or else the text that they are."""
    value = decoded(data) if data.lstrip()[:1] in ("{", "[", '"') else UNSET
    return data if value is UNSET else value


def _read_text(event: Event, value: object, transcript: Transcript) -> None:
    """Take in an event that is a text; of a list or a number nobody knows what it is."""
    name = plain(event.name)
    if isinstance(value, str) and value and name not in _NO_OUTPUT | _ENDS:
        transcript.add_output(event.end, value)
    elif not isinstance(value, str | bool) and value and name not in _NO_OUTPUT:
        transcript.add_unnamed(event.end, event.data)
    if name in _ENDS:
        transcript.end = f"an event `{event.name}`"


def _read_object(event: Event, value: dict[str, object], transcript: Transcript) -> None:
    kind = value.get("type", value.get("event_type", value.get("event")))
    names = {plain(event.name), plain(kind) if isinstance(kind, str) else ""}
    end = _end(event, value, names)
    _look_for_promise(value, names, transcript)
    text = _text(value, 0)
    if text is not None and _OF_SGLANG in value:
        text = _without_earlier(text, transcript) or None
    if not (names & _NO_OUTPUT or (end is not None and _repeats(text, transcript))):
        if text is not None or _carries_silently(value, 0):
            transcript.add_output(event.end, text or "")
        elif end is None and any(plain(name) not in _NEVER_OUTPUT and held for name, held in value.items()):
            transcript.add_unnamed(event.end, event.data)
    if end is not None:
        transcript.end = end
    for name, held in _reasons(value, 0):
        if isinstance(held, str) and held:
            transcript.end = f"a `{name}`"
            transcript.finish_reason = openai.as_reason(held) or transcript.finish_reason


def _text(value: object, depth: int) -> str | None:
    """What is said under one of the usual names; None: nothing is."""
    if isinstance(value, str):
        return value or None
    if depth > _DEEPEST:
        return None
    if isinstance(value, list):
        texts = [text for item in value if (text := _text(item, depth + 1)) is not None]
        return "".join(texts) or None
    if isinstance(value, dict):
        fields = {plain(name): held for name, held in value.items()}
        for name in _TEXTS:
            held = fields.get(name)
            if isinstance(held, str) and name in _OBJECTS_ONLY:
                continue
            text = _text(held, depth + 1)
            if text is not None:
                return text
    return None


def _carries_silently(value: object, depth: int) -> bool:
    if isinstance(value, list):
        return depth <= _DEEPEST and any(_carries_silently(item, depth + 1) for item in value)
    if not isinstance(value, dict) or depth > _DEEPEST:
        return False
    fields = {plain(name): held for name, held in value.items()}
    return any(openai.holds(fields.get(name)) for name in (*_SILENT, "toolcalls")) or any(
        _carries_silently(fields.get(name), depth + 1) for name in ("delta", "message")
    )


def _repeats(text: str | None, transcript: Transcript) -> bool:
    """Whether a last event says again what all the others have said."""
    # Compared only where it may be the same: each time is as long as all that was said.
    is_as_long = text is not None and 0 < transcript.characters <= len(text)
    return is_as_long and text is not None and text.strip() == transcript.text.strip()


def _without_earlier(text: str, transcript: Transcript) -> str:
    """Return what a text adds to all that was said before, if it says that again."""
    # Compared only where it may be the same, as in `_repeats`.
    return text.removeprefix(transcript.text) if transcript.characters <= len(text) else text


def _end(event: Event, value: dict[str, object], names: set[str]) -> str | None:
    """In which words an event says that nothing follows; None: it does not."""
    kind = value.get("type")
    if names & _ENDS:
        return f"an event `{event.name or kind or value.get('event_type') or value.get('event')}`"
    if isinstance(kind, str) and kind.rpartition(".")[1:] in ((".", "done"), (".", "completed")):
        return f"an event `{kind}`"
    for name, held in value.items():
        if (
            (plain(name) in _FLAGS and held is True)
            or (plain(name) == _LAST_TEXT and isinstance(held, str) and "token" in value)
            or (plain(name) in _STATUS and isinstance(held, str) and plain(held) in _OVER)
        ):
            return f"`{name}`"
    return None


def _look_for_promise(value: dict[str, object], names: set[str], transcript: Transcript) -> None:
    """Find what shows that this stream says it when nothing follows: a word for that, with no as its value."""
    for name in names & _BEGINS.keys():
        transcript.awaited = _BEGINS[name]
    for name, held in value.items():
        word = plain(name)
        if (
            (word in _FLAGS and held is False)
            or (word == _LAST_TEXT and held is None)
            or (word in _STATUS and isinstance(held, str) and plain(held) in _GOES_ON)
        ):
            transcript.awaited = transcript.awaited or f"`{name}`"
    for name, held in _reasons(value, 0):
        if held is None:
            transcript.awaited = transcript.awaited or f"a `{name}`"


def _reasons(value: object, depth: int) -> Iterator[tuple[str, object]]:
    """Yield fields for why a stream ended, with what they hold; of an object, as SGLang has it, its type."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _reasons(item, depth + 1)
    elif isinstance(value, dict):
        for name, held in value.items():
            if plain(name) in _REASONS:
                yield name, held.get("type", "") if isinstance(held, dict) else held
            elif plain(name) in _AROUND:
                yield from _reasons(held, depth + 1)
