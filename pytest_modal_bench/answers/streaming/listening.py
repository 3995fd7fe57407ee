"""Goes through a stream's events, once: what they say, and where each output ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from pytest_modal_bench.answers import wording
from pytest_modal_bench.answers.streaming import errors, openai, other_events
from pytest_modal_bench.answers.streaming.framing import JsonLines, ServerSentEvents, decoded
from pytest_modal_bench.answers.streaming.transcript import Transcript

if TYPE_CHECKING:
    from pytest_modal_bench.answers.streaming.framing import Event
    from pytest_modal_bench.model import StreamForm

MOST_EVENTS = 1 << 18
"""After so many events, the others are not looked into."""


def listen(body: bytes, form: StreamForm) -> Transcript:
    """Return what a body of events says; `form` is one of those that have events."""
    transcript = Transcript()
    events = JsonLines(body) if form == "ndjson" else ServerSentEvents(body)
    for event in events:
        if transcript.events == MOST_EVENTS:
            transcript.is_cut_short = True
            break
        transcript.events += 1
        if event.data.strip() == openai.DONE:
            transcript.is_done = True
            break
        _read(event, form, transcript)
    rest = events.unfinished
    if rest is not None and rest.data.strip() == openai.DONE:
        # Nothing can follow, and no client misses the empty line.
        transcript.is_done = True
    else:
        transcript.unfinished = rest
    if isinstance(events, ServerSentEvents) and transcript.events and transcript.failure is None:
        transcript.failure = _failure_between(events.strays)
    if form != "openai":
        transcript.settle()
    return transcript


def _failure_between(lines: list[str]) -> str | None:
    """Return what lines that are no part of an event say of a failure, such as a traceback; None: nothing."""
    for index, line in enumerate(lines):
        if errors.in_event("", other_events.content(line), line) or errors.in_text(line, line):
            return "\n".join(lines[index:])[: errors.LONGEST_QUOTE]
    return None


def _read(event: Event, form: StreamForm, transcript: Transcript) -> None:
    value = other_events.content(event.data) if form == "sse" else decoded(event.data)
    failure = errors.in_event(event.name, value, event.data)
    if failure is not None:
        transcript.failure = failure if transcript.failure is None else transcript.failure
        return
    if value is UNSET or (form == "openai" and not isinstance(value, dict)):
        if event.data and transcript.foreign is None:
            transcript.foreign, transcript.foreign_at = event, transcript.events
        return
    other_events.read(event, value, transcript)
    counted = wording.tokens(value)
    transcript.input_tokens = counted.input or transcript.input_tokens
    transcript.output_tokens = counted.output or transcript.output_tokens
