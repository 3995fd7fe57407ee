"""Faults of streams, sound, jobs, media inside JSON, and files: each is a small piece of what an app does.

On a route that answers streams and whole texts, these faults change the streams alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pytest_modal_bench.local.workspace.fault import Fault

# Streams


class StreamError(Fault, frozen=True, tag="stream_error"):
    """One event of the stream reports an error; then the stream ends as it should."""

    form: Literal["openai", "vllm", "event", "detail", "text"] = "openai"
    """How it is written: `{"error": {…}}`; `{"object": "error", …}`; `event: error`; `{"detail": …}`; plain text."""
    at: Literal["start", "middle", "end"] = "middle"
    message: str = "CUDA out of memory. Tried to allocate 2.25 GiB"


class Unfinished(Fault, frozen=True, tag="unfinished"):
    """The stream ends without the event that ends it: no finish reason, no `[DONE]`, no `done`."""


class CutEvent(Fault, frozen=True, tag="cut_event"):
    """The stream ends in the middle of an event; the HTTP transfer is complete."""


class Reset(Fault, frozen=True, tag="reset"):
    """The edge resets the connection in the middle of the stream."""


class Dies(Fault, frozen=True, tag="dies"):
    """The container is killed (SIGKILL) in the middle of its answer, as by a GPU that fails."""


class NoOutput(Fault, frozen=True, tag="no_output"):
    """The stream begins and ends as it should, and has no output: only a role, or a file's header."""


class Unstreamed(Fault, frozen=True, tag="unstreamed"):
    """The answer comes whole, as JSON, though a stream was asked for."""


class Stall(Fault, frozen=True, tag="stall"):
    """The stream stops in the middle, and stays open."""


class WrongText(Fault, frozen=True, tag="wrong_text"):
    """The text has nothing to do with the prompt."""


class FewTokens(Fault, frozen=True, tag="few_tokens"):
    """The stream ends as it should, after a few tokens."""

    tokens: Annotated[int, msgspec.Meta(ge=1)] = 2


# Sound


class WrongRate(Fault, frozen=True, tag="wrong_rate"):
    """The sound has half the sample rate that it should have."""


# Jobs


class Stuck(Fault, frozen=True, tag="stuck"):
    """The job stays in the queue for ever."""


class JobFails(Fault, frozen=True, tag="job_fails"):
    """The job fails; whoever asks gets status 200, this word and a message."""

    word: str = "failed"
    message: str = "CUDA out of memory. Tried to allocate 2.25 GiB"


class NoId(Fault, frozen=True, tag="no_id"):
    """The job is accepted, but the answer does not say how to ask for it."""


class Expired(Fault, frozen=True, tag="expired"):
    """The job is forgotten at once: whoever asks for it gets a 404."""


class AskingFails(Fault, frozen=True, tag="asking_fails"):
    """Asking for the job is answered with a 500."""


class NullResult(Fault, frozen=True, tag="null_result"):
    """The job is done, and its result is the JSON value null."""


class Accepted(Fault, frozen=True, tag="accepted"):
    """The route answers 202 and a call's id in place of the result, though nothing says how to ask for that."""


# Media inside JSON, and files


class CutBase64(Fault, frozen=True, tag="cut_base64"):
    """The encoded images end early."""


class EmptyList(Fault, frozen=True, tag="empty_list"):
    """The list of images is empty."""


class Fewer(Fault, frozen=True, tag="fewer"):
    """There is one image less than was asked for."""


class HtmlInside(Fault, frozen=True, tag="html_inside"):
    """What is encoded is not an image, but an HTML error page."""


class DeadUrl(Fault, frozen=True, tag="dead_url"):
    """The URLs that the answer names lead to a 404."""


class NullImage(Fault, frozen=True, tag="null_image"):
    """There is null in place of the images, and an error beside it, with status 200."""

    message: str = "CUDA out of memory. Tried to allocate 2.25 GiB"


class BadCrc(Fault, frozen=True, tag="bad_crc"):
    """One byte of a file in the archive is wrong, so that its checksum does not fit."""


class EmptyArchive(Fault, frozen=True, tag="empty_archive"):
    """The archive is intact, and has no files."""


ShapeFault = (
    StreamError
    | Unfinished
    | CutEvent
    | Reset
    | Dies
    | NoOutput
    | Unstreamed
    | Stall
    | WrongText
    | FewTokens
    | WrongRate
    | Stuck
    | JobFails
    | NoId
    | Expired
    | AskingFails
    | NullResult
    | Accepted
    | CutBase64
    | EmptyList
    | Fewer
    | HtmlInside
    | DeadUrl
    | NullImage
    | BadCrc
    | EmptyArchive
)
