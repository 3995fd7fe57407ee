"""Holds what an answer is against what the catalogue expects of it, and against what no answer may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_modal_bench.answers.decoding import formats

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pytest_modal_bench.model import Expect, Media

# What stands beside an `error` or a `detail` without being a result (FastAPI, Starlette, RFC 9457, Modal's own).
_BESIDE_ERROR = {
    *("error", "errors", "detail", "details", "message", "msg", "type", "title", "status", "status_code"),
    *("code", "success", "ok", "instance", "traceback", "trace", "request_id", "id", "path", "timestamp"),
}
_SAYS_NOTHING = frozenset(("application/octet-stream", "binary/octet-stream", "application/x-binary", "*/*"))
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")  # RFC 6838, section 4.2
_NAMES = {"json": "JSON", "html": "an HTML page", "text": "text", "empty": "nothing"}
_MEDIA = ("image", "video")
# WebM and WebP count in milliseconds, and cut off what is left.
_CLOCK_TICK_SEC = 0.001


def problem(
    media: Media,
    expect: Expect | None,
    *,
    inputs: Collection[str] = (),
    json_body: object = None,
    declared: str | None = None,
) -> str | None:
    """What is wrong with an answer of status 200, in one line; None: nothing that can be told.

    `inputs` are the SHA-256 of the test resources sent; `json_body` is what JSON was decoded to, or None if it
    was too large for that; `declared`, the Content-Type, is only quoted. Where `expect` has the kind `any`, an
    answer may be a page or an error in JSON, but no broken, blank or empty one. What could not be checked is no
    problem: `unchecked_fields` names it.
    """
    found = _never_right(media, expect, json_body)
    if found is None and expect is not None:
        found = next(_unmet(media, expect, inputs, json_body), None)
    lie = note(media, declared)
    return f"{found} ({lie})" if found is not None and lie is not None else found


def unchecked_fields(media: Media, expect: Expect | None) -> list[str]:
    """Names of the fields of `expect` that nothing can be said of, as the answer could not be decoded."""
    if expect is None or media.checked:
        return []
    unknown = {
        "kind": expect.kind == "video" and media.kind == "image" and media.frames is None,
        "width": expect.width is not None and media.width is None,
        "height": expect.height is not None and media.height is None,
        "min_frames": expect.min_frames is not None and media.frames is None,
        "min_duration": expect.min_duration is not None and media.duration_sec is None,
    }
    return [name for name, is_unknown in unknown.items() if is_unknown]


def note(media: Media, declared: str | None) -> str | None:
    """How the Content-Type `declared` differs from what the bytes are, in a few words; None: it does not."""
    media_type = (declared or "").partition(";")[0].strip().lower()
    if not media_type or media_type in _SAYS_NOTHING or media.kind in ("empty", "other"):
        return None
    if _may_be_called(media, media_type):
        return None
    said = media_type if _MEDIA_TYPE.fullmatch(media_type) else "something malformed"
    return f"declared {said}, is {media.format or media.kind}"


def _never_right(media: Media, expect: Expect | None, json_body: object) -> str | None:
    if media.kind == "empty":
        return "empty: not one byte"
    if media.problem is not None:
        return media.problem
    if media.blank:
        frames = f"all {media.frames} frames" if media.frames != 1 else "it"
        return f"blank: every pixel of {frames} is (almost) the same colour"
    if expect is not None and expect.kind == "any":
        return None
    if media.kind == "html":
        return "an HTML page, not a result"
    as_ordered = (
        expect is not None and expect.kind == "json" and expect.json and not _missing(expect, json_body)
    )
    return _json_error(json_body) if media.kind == "json" and not as_ordered else None


def _json_error(json_body: object) -> str | None:
    """Whether JSON says that something went wrong, and has nothing else to say."""
    if not isinstance(json_body, dict):
        return None
    says = next((key for key in ("error", "detail") if json_body.get(key)), None)
    if says is None or any(value for key, value in json_body.items() if key not in _BESIDE_ERROR):
        return None
    return f"an error under status 200: JSON with `{says}` and without a result"


def _unmet(media: Media, expect: Expect, inputs: Collection[str], json_body: object) -> Iterator[str]:
    """Every expectation that the answer is known not to meet."""
    yield from _wrong_kind(media, expect)
    for name, wanted, got in (("width", expect.width, media.width), ("height", expect.height, media.height)):
        if wanted is not None and (got not in (None, wanted) or _has_none(media, got)):
            yield f"expected a {name} of {wanted} pixels, got {got or _what(media)}"
    if expect.min_frames is not None and _falls_short(media, media.frames, expect.min_frames):
        yield f"expected at least {expect.min_frames} frames, got {media.frames or _what(media)}"
    if expect.min_duration is not None and _falls_short(
        media, media.duration_sec, expect.min_duration - _CLOCK_TICK_SEC
    ):
        got_sec = _what(media) if media.duration_sec is None else f"{media.duration_sec:.4g} s"
        yield f"expected a duration of at least {expect.min_duration:g} s, got {got_sec}"
    if expect.max_bytes is not None and media.size_bytes > expect.max_bytes:
        yield f"expected at most {expect.max_bytes} bytes, got {media.size_bytes}"
    yield from _missing_keys(media, expect, json_body)
    if expect.distinct_from_input and media.sha256 in inputs:
        yield "the answer is the input, byte for byte"


def _wrong_kind(media: Media, expect: Expect) -> Iterator[str]:
    animated = media.kind == "image" and media.frames is not None and media.frames > 1
    if expect.kind == "image" and (media.kind != "image" or animated):
        yield f"expected an image, got {_what(media)}"
    elif expect.kind == "video" and not (
        media.kind == "video" or animated or (media.kind == "image" and media.frames is None)
    ):
        yield f"expected a video, got {_what(media)}"
    elif expect.kind == "json" and media.kind != "json":
        yield f"expected JSON, got {_what(media)}"


def _missing_keys(media: Media, expect: Expect, json_body: object) -> Iterator[str]:
    if not expect.json:
        return
    if media.kind != "json":
        yield f"expected JSON, got {_what(media)}"
    missing = _missing(expect, json_body)
    if missing:
        lacks = "which it does not have" if json_body is not None else "got null, or too much of it to decode"
        yield f"expected JSON with the key {missing[0]}, {lacks}"


def _missing(expect: Expect, json_body: object) -> list[str]:
    return [key for key in expect.json if not _has(json_body, key)]


def _has(value: object, key: str) -> bool:
    """Whether `value` has the key, or, step by step, the parts of the dotted path; numbers index lists."""
    if isinstance(value, dict) and key in value:
        return True
    part, dot, rest = key.partition(".")
    if isinstance(value, list) and part.isdecimal() and len(part) < len(str(len(value))) + 1:
        below = value[int(part) : int(part) + 1]
    else:
        below = [value[part]] if isinstance(value, dict) and part in value else []
    return bool(below) and (not dot or _has(below[0], rest))


def _has_none(media: Media, got: float | None) -> bool:
    """Whether what is not known is not there at all, in an answer that was decoded whole."""
    return got is None and media.checked


def _falls_short(media: Media, got: float | None, wanted: float) -> bool:
    return _has_none(media, got) or (got is not None and got < wanted)


def _what(media: Media) -> str:
    """The answer in two or three words."""
    if media.kind == "other":
        return "bytes of no known format" if media.format is None else f"{media.format} without pictures"
    if media.kind not in _MEDIA:
        return _NAMES[media.kind]
    if media.kind == "video":
        return f"a video ({media.format})"
    if media.frames is None:
        return f"an image ({media.format})"
    what = "a still image" if media.frames == 1 else f"an animation of {media.frames} frames"
    return f"{what} ({media.format})"


def _may_be_called(media: Media, media_type: str) -> bool:
    if media.kind in _MEDIA:
        return any(media_type in form.media_types for form in formats.ALL if form.name == media.format)
    top = media_type.partition("/")[0]
    if media.kind == "html":
        return media_type in ("text/html", "application/xhtml+xml")
    if media.kind == "json":
        return media_type in ("application/json", "text/json", "text/plain") or media_type.endswith("+json")
    # Text has a hundred names; what it can't be is what would have been known by its bytes.
    return top not in (*_MEDIA, "audio") and media_type != "application/json"
