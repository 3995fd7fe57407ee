"""What is wrong with a stream of events, most telling first: its server's own word, its form, its end, what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.answers import reported_failures, wording
from pytest_modal_bench.answers.json_results import plain
from pytest_modal_bench.answers.streaming import errors
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.answers.streaming.transcript import Transcript
    from pytest_modal_bench.model import Expect, Media, StreamForm

ASK_FOR_USAGE = "; ask for it with `stream_options = { include_usage = true }` in the payload"
NAMES: dict[StreamForm, str] = {
    "openai": "server-sent event",
    "sse": "server-sent event",
    "ndjson": "line of JSON",
}
"""What an event of each form is called."""

_WITHHELD = frozenset(("contentfilter", "safety", "recitation", "blocklist", "prohibitedcontent", "refusal"))
"""Why a stream ended of which a filter has taken a part: that is no answer, and its time is that of none."""
_BROKEN_OFF = frozenset(
    ("error", "errored", "errortoxic", "abort", "aborted", "cancelled", "canceled", "failed", "timeout")
)


def of_form(transcript: Transcript, form: StreamForm, media: Media, content: object) -> Iterator[str]:
    """Yield what is wrong with a stream whatever is expected of it. What a server says is only quoted.

    `content` is what the answer was decoded to if it is no stream, but JSON.
    """
    after = f"after {counted(len(transcript.outputs), 'output')}"
    if transcript.failure is not None:
        yield f"an error in the stream, {after}: {transcript.failure}"
    if not _has_events(transcript, form):
        yield _something_else(transcript, form, media, content)
    if transcript.foreign is not None:
        data = transcript.foreign.data[: errors.LONGEST_QUOTE]
        yield f"event {transcript.foreign_at:,} is no JSON object: {data}"
    if transcript.unfinished is not None:
        where = after if transcript.ending is None else f"behind {transcript.ending}"
        yield f"incomplete: ends inside an event, {where}"
    if transcript.is_cut_short:
        yield f"more than the {transcript.events:,} events that are looked into"
    if not transcript.outputs:
        yield f"no output in {counted(transcript.events, 'event')}"


def of_end(transcript: Transcript, form: StreamForm, earlier_ending: str | None) -> Iterator[str]:
    """Yield what is wrong with how a stream ends; `earlier_ending`: how another answer of the same endpoint did."""
    missing = None
    if form == "openai":
        missing = "`[DONE]` or a `finish_reason`"
    elif transcript.choices:
        missing = "a `finish_reason`"
    elif transcript.awaited is not None:
        missing = f"{transcript.awaited}, which its events announce"
    elif earlier_ending is not None:
        missing = f"{earlier_ending}, as another answer had it"
    if transcript.ending is None and missing is not None:
        yield f"incomplete: ends after {counted(len(transcript.outputs), 'output')} without {missing}"
    reason = plain(transcript.finish_reason or "")
    if reason in _WITHHELD:
        yield f"ended with `{transcript.finish_reason}`: a filter has taken some of the answer"
    if reason in _BROKEN_OFF:
        yield f"ended with `{transcript.finish_reason}`: its server broke it off"


def of_words(transcript: Transcript, form: StreamForm, expect: Expect) -> Iterator[str]:
    """Yield what a stream says that is no answer, and what it does not say though the catalogue asks for it."""
    text = transcript.text
    bad = None if expect.kind == "any" else errors.in_text(text, transcript.latest)
    if bad is not None:
        yield f'it says that it failed; if that is right, say expect.kind = "any": {bad}'
    missing = None if expect.text is None else wording.missing_text(expect.text, text)
    if missing is not None:
        yield missing
    if expect.min_tokens is not None:
        remedy = ASK_FOR_USAGE if form == "openai" else ""
        too_few = wording.too_few(expect.min_tokens, transcript.output_tokens, remedy)
        if too_few is not None:
            yield too_few


def _has_events(transcript: Transcript, form: StreamForm) -> bool:
    """Whether there is anything of a stream in it, and be it half an event."""
    if form == "ndjson":
        return transcript.foreign_at != 1 and transcript.events > 0
    rest = transcript.unfinished
    return transcript.events > 0 or transcript.is_done or (rest is not None and bool(rest.name or rest.data))


def _something_else(transcript: Transcript, form: StreamForm, media: Media, content: object) -> str:
    """Say what an answer is that is no stream."""
    if media.kind == "html":
        return "an HTML page, not a stream"
    if media.kind == "json":
        failure = reported_failures.find(content)
        if failure is not None:
            words = failure.words or f"`{failure.where}`"
            return f"an error instead of a stream: {words[: errors.LONGEST_QUOTE]}"
        return "one JSON answer instead of a stream; does the payload ask for one, as with `stream = true`?"
    begins = transcript.foreign or transcript.unfinished
    said = f": {begins.data[: errors.LONGEST_QUOTE]}" if begins is not None and begins.data else ""
    return f"not a stream: {media.format or media.kind} without a {NAMES[form]}{said}"
