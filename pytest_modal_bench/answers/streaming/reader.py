"""Reads an endpoint's streamed answers, once the clock has stopped: what they say, when that came, what is wrong."""

from __future__ import annotations

import mmap
import re
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from pytest_modal_bench.answers import expectation
from pytest_modal_bench.answers.json_results import plain
from pytest_modal_bench.answers.streaming import problems, sound
from pytest_modal_bench.answers.streaming.figures import figures
from pytest_modal_bench.answers.streaming.listening import listen
from pytest_modal_bench.model import Expect, Streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_modal_bench.answers.streaming.transcript import Transcript
    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.model import Endpoint, Media

LARGEST_BYTES = 32 << 20
"""A stream of events that is larger is not looked into, and so fails."""

_AT_LIMIT = frozenset(("length", "maxtokens", "maxoutputtokens", "modelcontextwindowexceeded"))
"""Why a stream ended that was long enough: noted, as a limit is mostly what was asked for."""
_SUCCESS = range(200, 300)
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")  # RFC 6838, section 4.2
_EVENTS = frozenset(("text/event-stream",))
_JSON_LINES = frozenset(
    (
        *("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"),
        *("application/jsonlines", "application/json-lines", "application/stream+json"),
    )
)
_SAYS_NOTHING = frozenset(("", "text/plain", "application/octet-stream", "binary/octet-stream"))


class Reading(NamedTuple):
    """What a streamed answer is."""

    streamed: Streamed
    is_of_events: bool
    """Whether it is judged here, whole; else it is a file in pieces, and one as any other that comes at once."""
    problem: str | None = None
    """What is wrong with it; several lines and secrets may be quoted. None: nothing."""
    notes: tuple[str, ...] = ()
    """What is to be told of it that is no failure, a line each."""
    unchecked: str | None = None
    """What could not be checked, and why, in one line; None: nothing, or any answer will do."""
    text: str = ""
    """What it says; secrets may be in it."""

    def cleaned(self, clean: Callable[[str], str]) -> Streamed:
        """Return its times and counts, its server's own words cleaned."""
        reason = self.streamed.finish_reason
        return structs.replace(self.streamed, finish_reason=None if reason is None else clean(reason))


class StreamReader:
    """Reads one endpoint's streamed answers, one after the other."""

    def __init__(self, endpoint: Endpoint) -> None:
        assert endpoint.stream is not None  # noqa: S101 - there is nothing to read otherwise
        self._form = endpoint.stream
        self._expect = endpoint.expect or Expect()
        self._ending: str | None = None
        """In which words an answer has said that it is complete; None: none has so far."""

    def read(self, answer: Answer, media: Media, content: object) -> Reading:
        """Return what an answer is. Raises OSError where its file can't be read.

        `media` is what its bytes are, `content` what they were decoded to if it is no stream, but JSON.
        """
        if self._form == "bytes":
            times = _of_pieces(answer)
            problem = None if times.chunks else "no output: not one byte behind the file's header"
            return Reading(times, is_of_events=False, problem=problem)
        problem = expectation.problem(media, structs.replace(self._expect, kind="any"), status=answer.status)
        if answer.size_bytes > LARGEST_BYTES:
            limit = f"{answer.size_bytes:,} bytes, of which at most {LARGEST_BYTES:,} are looked into"
            return Reading(Streamed(), is_of_events=True, problem=problem or f"a stream of {limit}")
        transcript = listen(_whole(answer.body), self._form)
        times = _of_events(transcript, answer)
        problem = problem or self._problem(transcript, media, content)
        if problem is not None:
            return Reading(times, is_of_events=True, problem=problem, text=transcript.text)
        self._ending = transcript.ending or self._ending
        return Reading(
            times,
            is_of_events=True,
            notes=tuple(self._notes(transcript, times, answer)),
            unchecked=None if self._expect.kind == "any" else _unchecked(transcript, answer),
            text=transcript.text,
        )

    def read_failed(self, answer: Answer) -> Reading | None:
        """Return the times of what came of an answer that has failed; None: nothing of a stream did."""
        if answer.status not in _SUCCESS or not answer.size_bytes:
            return None
        if self._form == "bytes":
            return Reading(_of_pieces(answer), is_of_events=False)
        if answer.size_bytes > LARGEST_BYTES:
            return None
        transcript = listen(_whole(answer.body), self._form)
        return Reading(_of_events(transcript, answer), is_of_events=True, text=transcript.text)

    def _problem(self, transcript: Transcript, media: Media, content: object) -> str | None:
        wanted = self._expect.kind
        if wanted not in (None, "any"):
            return f"a stream of events is no {wanted}; say expect.text or expect.min_tokens, not expect.kind"
        found = chain(
            problems.of_form(transcript, self._form, media, content),
            problems.of_end(transcript, self._form, self._ending),
            problems.of_words(transcript, self._form, self._expect),
        )
        return next(found, None)

    def _notes(self, transcript: Transcript, times: Streamed, answer: Answer) -> Iterator[str]:
        if plain(transcript.finish_reason or "") in _AT_LIMIT:
            yield f"ended with `{transcript.finish_reason}`: it was cut off at a limit of tokens"
        if times.chunks > 1 and times.itl_max_sec == 0:
            yield f"all {times.chunks:,} outputs arrived at once: something on their way holds them back"
        if answer.arrivals is not None and not answer.arrivals.complete:
            yield "too many pieces to keep when each arrived: the times between outputs are not known"
        if self._form == "openai" and transcript.output_tokens is None:
            yield f"tokens not known: the stream has no usage{problems.ASK_FOR_USAGE}"
        declared = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        usual, events = (
            (_JSON_LINES, "lines of JSON") if self._form == "ndjson" else (_EVENTS, "server-sent events")
        )
        if declared not in _SAYS_NOTHING | usual:
            said = declared if _MEDIA_TYPE.fullmatch(declared) else "something malformed"
            yield f"declared {said}, is a stream of {events}"


def _unchecked(transcript: Transcript, answer: Answer) -> str | None:
    """Say that nothing tells whether a stream is complete (RFC 9112, section 8: it counts as that then)."""
    if transcript.ending is not None or not {"content-length", "transfer-encoding"}.isdisjoint(
        answer.headers
    ):
        return None
    return "end not checked: no event says that it is the last one, and HTTP says no length"


def _of_pieces(answer: Answer) -> Streamed:
    """Times of the pieces of a file; of sound, of those that hold something behind its header."""
    with _mapped(answer.body) as data:
        start = sound.beginning(data)
    if answer.arrivals is None:
        return Streamed(chunks=int(start < answer.size_bytes))
    return figures(answer.arrivals.after(start), complete=answer.arrivals.complete)


def _of_events(transcript: Transcript, answer: Answer) -> Streamed:
    arrivals = answer.arrivals
    arrived_sec = [] if arrivals is None else [arrivals.at(end) for end in transcript.outputs]
    timed = figures(
        [seconds for seconds in arrived_sec if seconds is not None],
        output_tokens=transcript.output_tokens,
        complete=arrivals is None or arrivals.complete,
    )
    return structs.replace(
        timed,
        chunks=len(transcript.outputs),
        input_tokens=transcript.input_tokens,
        finish_reason=transcript.finish_reason,
        characters=transcript.characters,
    )


def _whole(body: bytes | Path) -> bytes:
    return body if isinstance(body, bytes) else body.read_bytes()


@contextmanager
def _mapped(body: bytes | Path) -> Iterator[bytes | mmap.mmap]:
    """Yield a body that can be sliced; a file is mapped, and not read."""
    if isinstance(body, bytes):
        yield body
        return
    with body.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data
