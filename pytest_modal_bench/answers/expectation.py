"""Holds what an answer is against what the catalogue expects of it, and against what no answer may be."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec import UNSET

from pytest_modal_bench.answers import accepted_work, around_media, reported_failures
from pytest_modal_bench.answers.json_results import get
from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pytest_modal_bench.model import Expect, Media

_SAYS_NOTHING = frozenset(("application/octet-stream", "binary/octet-stream", "application/x-binary", "*/*"))
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")  # RFC 6838, section 4.2
_NAMES = {
    "video": "a video ({})",
    "audio": "sound ({})",
    "file": "a {} file",
    "json": "JSON",
    "html": "an HTML page",
    "text": "text",
    "empty": "nothing",
    "other": "{} without pictures or sound",
}
_SEEN_OR_HEARD = ("image", "video", "audio")
_MAY_BE_SOUND = (formats.MP4.name, formats.MOV.name, formats.WEBM.name, formats.MATROSKA.name)
"""Containers of videos that hold sound alone at times."""
_ACCEPTED = "accepted, not done"
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT)
# WebM and WebP count in milliseconds, and cut off what is left.
_CLOCK_TICK_SEC = 0.001


def problem(  # noqa: PLR0913 - all but the first two are named where it is called
    media: Media,
    expect: Expect | None,
    *,
    inputs: Collection[str] = (),
    content: object = UNSET,
    declared: str | None = None,
    status: int | None = 200,
) -> str | None:
    """What is wrong with an answer of a `status` from 200 to 299; None: nothing that can be told.

    `inputs` are the SHA-256 of the test resources sent; `content` is what JSON was decoded to, or a text, or UNSET if
    nobody looked into it; `declared`, the Content-Type, is only quoted. So is what a server says of its
    failure: it may hold several lines, and secrets. Where `expect` has the kind `any`, an answer may be a page or say
    whatever it likes in JSON, but be no broken, blank or empty one. What could not be checked is no problem:
    `unchecked_fields` names it. Where `expect` has a place `at` for media, this is about the JSON around them.
    """
    found = _wrong_status(expect, status) or _never_right(media, expect, content, status)
    if found is None and expect is not None:
        found = next(_unmet(media, expect, inputs, content), None)
    lie = note(media, declared)
    return f"{found} ({lie})" if found is not None and lie is not None else found


def unchecked_fields(media: Media, expect: Expect | None, content: object = UNSET) -> list[str]:
    """Names of the fields of `expect` that nothing can be said of, as the answer could not be looked into."""
    if expect is None:
        return []
    undecoded = not media.checked
    unknown = {
        "kind": (undecoded and expect.kind == "video" and media.kind == "image" and media.frames is None)
        or (expect.kind == "audio" and _may_be_sound(media)),
        "width": undecoded and expect.width is not None and media.width is None,
        "height": undecoded and expect.height is not None and media.height is None,
        "min_frames": undecoded and expect.min_frames is not None and media.frames is None,
        "min_duration": undecoded and expect.min_duration is not None and media.duration_sec is None,
        "sample_rate": undecoded and expect.sample_rate is not None and media.sample_rate is None,
        "json": bool(expect.json) and media.kind == "json" and content is UNSET,
    }
    return [name for name, is_unknown in unknown.items() if is_unknown]


def unchecked(
    media: Media, expect: Expect | None, content: object = UNSET, *, subject: str = "answer"
) -> str | None:
    """Say in one line what could not be checked, and why; `subject` is what is called so. None: there is nothing."""
    reason = media.unchecked
    if reason is None and media.kind == "json" and content is UNSET:
        reason = f"JSON of {media.size_bytes:,} bytes is too much to look into"
    fields = unchecked_fields(media, expect, content)
    if fields:
        return f"expect: {', '.join(fields)} not checked: {reason}"
    return None if reason is None else f"{subject} not checked: {reason}"


def note(media: Media, declared: str | None) -> str | None:
    """How the Content-Type `declared` differs from what the bytes are, in a few words; None: it does not."""
    media_type = (declared or "").partition(";")[0].strip().lower()
    if not media_type or media_type in _SAYS_NOTHING or media.kind in ("empty", "other"):
        return None
    if _may_be_called(media, media_type):
        return None
    said = media_type if _MEDIA_TYPE.fullmatch(media_type) else "something malformed"
    return f"declared {said}, is {media.format or media.kind}"


def _wrong_status(expect: Expect | None, status: int | None) -> str | None:
    wanted = None if expect is None else expect.status
    if wanted is not None and status != wanted:
        return f"expected status {wanted}, got {status}"
    if wanted is None and status == HTTPStatus.ACCEPTED:
        return f"{_ACCEPTED}: status 202; if that is all it should answer, say expect.status = 202"
    return None


def _never_right(media: Media, expect: Expect | None, content: object, status: int | None) -> str | None:
    if media.kind == "empty":
        return None if expect is not None and expect.status in _BODILESS else "empty: not one byte"
    if media.problem is not None:
        return media.problem
    if media.blank and not (expect is not None and expect.blank):
        return _blank(media)
    if expect is not None and expect.kind == "any":
        return None
    if media.kind == "html":
        return "an HTML page, not a result"
    return _said(media, expect, content, status) if media.kind in ("json", "text") else None


def _blank(media: Media) -> str:
    if media.kind == "audio":
        return "blank: silent from its beginning to its end"
    frames = f"all {media.frames} frames" if media.frames != 1 else "it"
    return f"blank: every pixel of {frames} is (almost) the same colour"


def _said(media: Media, expect: Expect | None, content: object, status: int | None) -> str | None:
    """What an answer says of itself that is no result: that it failed, that it is null, or that work goes on."""
    ordered = () if expect is None else tuple(key.partition(".")[0] for key in expect.json)
    at = None if expect is None else expect.at
    failure = reported_failures.find(content, ordered)
    if failure is None and at is not None:
        failure = around_media.find_failure(content, at, ordered)
    name = _NAMES[media.kind]
    if failure is not None:
        where = f" with `{failure.where}`" if failure.where else ""
        return f"an error under status {status}: {name}{where}" + (
            f": {failure.words}" if failure.words else ""
        )
    if content is None:
        return "JSON null, not a result"
    # Beside media an id is no ticket; where there are none, whoever looked for them says so.
    is_expected = at is not None or (expect is not None and expect.status == HTTPStatus.ACCEPTED)
    if not is_expected and accepted_work.is_accepted_only(content, ordered):
        says = f"{name} under status {status} that only names a job or says that it goes on"
        return f'{_ACCEPTED}: {says}; if that is all it should answer, say expect.kind = "any"'
    return None


def _unmet(media: Media, expect: Expect, inputs: Collection[str], content: object) -> Iterator[str]:
    """Every expectation that the answer is known not to meet."""
    yield from _wrong_kind(media, expect)
    for name, wanted, got in (("width", expect.width, media.width), ("height", expect.height, media.height)):
        if wanted is not None and (got not in (None, wanted) or _has_none(media, got)):
            yield f"expected a {name} of {wanted} pixels, got {got or described(media)}"
    if expect.min_frames is not None and _falls_short(media, media.frames, expect.min_frames):
        yield f"expected at least {expect.min_frames} frames, got {media.frames or described(media)}"
    if expect.min_duration is not None and _falls_short(
        media, media.duration_sec, expect.min_duration - _CLOCK_TICK_SEC
    ):
        got_sec = described(media) if media.duration_sec is None else f"{media.duration_sec:.4g} s"
        yield f"expected a duration of at least {expect.min_duration:g} s, got {got_sec}"
    if expect.sample_rate is not None and (
        media.sample_rate not in (None, expect.sample_rate) or _has_none(media, media.sample_rate)
    ):
        got_rate = described(media) if media.sample_rate is None else f"{media.sample_rate} Hz"
        yield f"expected a sample rate of {expect.sample_rate} Hz, got {got_rate}"
    if expect.min_bytes is not None and media.size_bytes < expect.min_bytes:
        yield f"expected at least {expect.min_bytes} bytes, got {media.size_bytes}"
    if expect.max_bytes is not None and media.size_bytes > expect.max_bytes:
        yield f"expected at most {expect.max_bytes} bytes, got {media.size_bytes}"
    yield from _missing_keys(media, expect, content)
    if expect.distinct_from_input and media.sha256 in inputs:
        yield "the answer is the input, byte for byte"


def _wrong_kind(media: Media, expect: Expect) -> Iterator[str]:
    animated = media.kind == "image" and media.frames is not None and media.frames > 1
    if expect.kind == "image" and (media.kind != "image" or animated):
        yield f"expected an image, got {described(media)}"
    elif expect.kind == "video" and not (
        media.kind == "video" or animated or (media.kind == "image" and media.frames is None)
    ):
        yield f"expected a video, got {described(media)}"
    elif expect.kind == "audio" and media.kind != "audio" and not _may_be_sound(media):
        yield f"expected sound, got {described(media)}"
    elif expect.kind == "json" and media.kind != "json":
        yield f"expected JSON, got {described(media)}"
    if expect.at is not None and media.kind != "json":
        yield f"expected JSON with media at {expect.at}, got {described(media)}"


def _missing_keys(media: Media, expect: Expect, content: object) -> Iterator[str]:
    if not expect.json:
        return
    if media.kind != "json":
        yield f"expected JSON, got {described(media)}"
    elif content is not UNSET:
        for key in expect.json:
            held = get(content, key)
            if held is UNSET:
                yield f"expected JSON with the key {key}, which it does not have"
            elif held is None:
                yield f"expected JSON with the key {key}, which is null"
            elif isinstance(held, str) and not held.strip():
                yield f"expected JSON with the key {key}, which is an empty text"


def _has_none(media: Media, got: float | None) -> bool:
    """Whether what is not known is not there at all, in an answer that was decoded whole."""
    return got is None and media.checked


def _falls_short(media: Media, got: float | None, wanted: float) -> bool:
    return _has_none(media, got) or (got is not None and got < wanted)


def _may_be_sound(media: Media) -> bool:
    """Whether it may be a video or sound alone, as nobody could look into it."""
    return media.kind == "video" and not media.checked and media.format in _MAY_BE_SOUND


def described(media: Media) -> str:
    """The answer in two or three words."""
    if media.kind == "image":
        still = "a still image" if media.frames == 1 else "an image"
        what = still if (media.frames or 1) == 1 else f"an animation of {media.frames} frames"
        return f"{what} ({media.format})"
    if media.kind == "other" and media.format is None:
        return "bytes of no known format"
    return _NAMES[media.kind].format(media.format)


def _may_be_called(media: Media, media_type: str) -> bool:
    if media.kind in _SEEN_OR_HEARD:
        return any(media_type in form.media_types for form in formats.ALL if form.name == media.format)
    top = media_type.partition("/")[0]
    if media.kind == "html":
        return media_type in ("text/html", "application/xhtml+xml")
    if media.kind == "json":
        return media_type in ("application/json", "text/json", "text/plain") or media_type.endswith("+json")
    # Text has a hundred names, and so have the formats that are ZIP; what it can't be is what would have been known by
    # its bytes.
    is_named_text = media.kind == "file" and top == "text"
    return top not in _SEEN_OR_HEARD and media_type != "application/json" and not is_named_text
