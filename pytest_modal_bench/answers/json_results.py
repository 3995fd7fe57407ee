"""What the fields of a JSON answer are called, and whether there is a result among them.

Nobody has agreed on names. These are the ones that web frameworks, model servers and queues use; case, `_`, `-` and
blanks make no difference.
"""

from __future__ import annotations

import re

from msgspec import UNSET

ENVELOPES = frozenset(
    (
        *(
            "result",
            "results",
            "data",
            "output",
            "outputs",
            "response",
            "responses",
            "body",
            "payload",
            "return",
        ),
        *("returnvalue", "value", "job", "task", "prediction", "predictions", "item", "items", "artifacts"),
        *("images", "videos", "status", "state"),
    )
)
"""Fields that hold the answer proper: what is said in there is said of the answer."""

MESSAGES = (
    *(
        "message",
        "msg",
        "errormessage",
        "errormsg",
        "detail",
        "details",
        "errordetail",
        "errordetails",
        "reason",
    ),
    *("failurereason", "errordescription", "description", "title"),
)
"""Fields whose text says what went wrong, the most telling first."""

_RESULTS = frozenset(
    (
        *("image", "images", "imageurl", "imageurls", "imagebase64", "imageb64", "img", "base64", "b64json"),
        *(
            "video",
            "videos",
            "videourl",
            "audio",
            "audios",
            "audiourl",
            "file",
            "files",
            "frames",
            "artifacts",
        ),
        *(
            "data",
            "result",
            "results",
            "output",
            "outputs",
            "prediction",
            "predictions",
            "response",
            "responses",
        ),
        *(
            "embedding",
            "embeddings",
            "vector",
            "vectors",
            "choices",
            "completion",
            "completions",
            "generatedtext",
        ),
        *("text", "transcript", "transcription", "translation", "caption", "captions", "summary", "answer"),
        *(
            "label",
            "labels",
            "score",
            "scores",
            "classes",
            "detections",
            "boxes",
            "mask",
            "masks",
            "segments",
        ),
    )
)
_SHORTEST_BLOB = 256
_BLANK_TEXTS = frozenset(("", "none", "null", "nil", "na", "nan", "undefined"))
_ODD = re.compile(r"[^a-z0-9]+")


def plain(name: str) -> str:
    """Return a name as it is compared: small letters and digits alone."""
    return _ODD.sub("", name.lower())


def plain_fields(value: dict[str, object]) -> dict[str, tuple[str, object]]:
    """Return the fields of an object by their plain names: as they are written, and what they hold."""
    return {plain(name): (name, held) for name, held in value.items()}


def get(value: object, key: str) -> object:
    """What stands at the key or, step by step, at the end of the dotted path; numbers index lists. UNSET: nothing."""
    if isinstance(value, dict) and key in value:
        return value[key]
    part, dot, rest = key.partition(".")
    if isinstance(value, list) and part.isdecimal() and len(part) < len(str(len(value))) + 1:
        below = value[int(part) : int(part) + 1]
    else:
        below = [value[part]] if isinstance(value, dict) and part in value else []
    if not below:
        return UNSET
    return get(below[0], rest) if dot else below[0]


def holds_result(value: dict[str, object]) -> bool:
    """Whether an object holds a result beside whatever else it says."""
    return any(
        (plain(name) in _RESULTS and is_something(held)) or _is_blob(held) for name, held in value.items()
    )


def is_something(value: object) -> bool:
    """Whether a value is more than null, `false`, and texts, lists and objects without anything in them."""
    if isinstance(value, str):
        return plain(value) not in _BLANK_TEXTS or bool(value.strip() and not value.isascii())
    if isinstance(value, dict):
        return any(map(is_something, value.values()))
    if isinstance(value, list):
        return any(map(is_something, value))
    return value is not None and value is not False


def _is_blob(value: object) -> bool:
    """Whether it is a file in a text: a data URI, or base64 without a blank."""
    return isinstance(value, str) and (
        value.startswith("data:")
        or (len(value) >= _SHORTEST_BLOB and not re.search(r"\s", value[:_SHORTEST_BLOB]))
    )
