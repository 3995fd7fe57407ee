"""Which fields of a request hold an image, a video, a sound or a document, and how they want it written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.catalogue import placeholders
from pytest_modal_bench.init.openapi.references import text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pytest_modal_bench.init.openapi.references import Schema

_KINDS: dict[str, frozenset[str]] = {
    "mask": frozenset({"mask", "masks"}),
    "image": frozenset({"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos"}),
    "video": frozenset({"video", "videos", "clip", "clips", "movie"}),
    "voice": frozenset(
        {"audio", "audios", "wav", "recording", "voice", "voices", "speech", "speaker", "sound"}
    ),
    "document": frozenset({"pdf", "document", "documents"}),
}
"""What a field's last word may be, by the test resource that is put there."""
_NAMES_TOO = frozenset({"voice", "voices", "speech", "speaker", "sound", "document", "documents"})
"""Words that are as often the name of something, such as one of a model's voices: they need another sign."""
_CARRIERS = frozenset(
    {
        "url",
        "urls",
        "uri",
        "base64",
        "b64",
        "json",
        "data",
        "bytes",
        "file",
        "files",
        "upload",
        "src",
        "content",
    }
)
"""Words that say how a file comes, not what it is."""
_BASE64 = frozenset({"base64", "b64"})
_BINARY = frozenset({"binary", "byte", "base64", "data-url"})
"""Formats of a string that holds bytes."""
_TASKS: dict[str, frozenset[str]] = {
    "image": _KINDS["image"] | {"resize", "upscale", "caption", "inpaint", "segment", "ocr"},
    "video": _KINDS["video"],
    "voice": _KINDS["voice"]
    | {"transcribe", "transcription", "transcriptions", "stt", "asr", "translations"},
    "document": _KINDS["document"] | {"docx"},
}
"""Words of a route that say what kind of file it takes."""
_READ = 500
"""Characters of a description that are read."""
_DATA_URI = re.compile(r"data:(\w+)/")
_ENCODED = re.compile(r"[A-Za-z0-9+/_=-]{100,}")
_LORA = frozenset({"lora", "id", "name", "path", "url"})
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
_OF_TYPES = {"image": "image", "video": "video", "audio": "voice", "application": None, "text": None}


class Where(NamedTuple):
    """What a field is in."""

    form: bool
    """Whether that is a form: only there can a file be sent as the bytes that it is."""
    words: Collection[str] = ()
    """What the route calls itself, in lower case."""


def words(name: str) -> list[str]:
    """Return the words of a name, in lower case: `initImage_url` is init, image, url."""
    return [word.lower() for word in _WORD.findall(name[:_READ])]


def placeholder(names: Sequence[str], schema: Schema, where: Where) -> str | None:
    """Return what stands for a test resource in the field `names[-1]` of a schema; None: it holds something else."""
    if schema.get("type", "string") != "string" or "enum" in schema or "const" in schema:
        return None
    own = _words_of_field(names)
    example = _example(schema)
    if _names_lora(own):
        return "{lora}" if schema.get("type") == "string" else None
    binary = _is_binary(schema)
    described = text(schema.get("description"))[:_READ].lower()
    sign = binary or bool(_CARRIERS.intersection(own)) or "base64" in described or "data ur" in described
    kind = (
        _kind(own, sign=sign) or _kind_of_data(example) or (_kind_of_bytes(schema, where) if binary else None)
    )
    if kind is None or not (binary or _may_stand_for_bytes(example)):
        return None
    # Only a field of the form itself can be a file: what is further in is written as JSON.
    as_file = where.form and len(names) == 1
    return f"{{{kind}{_encoding(own, schema, described, as_file=as_file)}}}"


def is_file(value: str) -> bool:
    """Whether a value is a placeholder for a file."""
    return any(each.name not in placeholders.NO_FILES for each in placeholders.find(value))


def kind_in_answer(names: Sequence[str], schema: Schema) -> str | None:
    """Return `image`, `video` or `audio` for a field of an answer that holds one; None: it holds something else."""
    if schema.get("type") != "string" or "enum" in schema:
        return None
    kind = _kind(_words_of_field(names), sign=True) or _kind_of_data(_example(schema))
    return {"image": "image", "mask": "image", "video": "video", "voice": "audio"}.get(kind or "")


def _is_binary(schema: Schema) -> bool:
    declared = text(schema.get("contentMediaType")) or "application/json"
    return (
        text(schema.get("format")) in _BINARY
        or "contentEncoding" in schema
        or not declared.startswith(("application/json", "text/"))
    )


def _words_of_field(names: Sequence[str]) -> list[str]:
    """The words of a field's name; where it says only how a file comes, with those of what it is in."""
    own: list[str] = []
    for name in reversed(names):
        own = [*words(name), *own]
        if not _CARRIERS.issuperset(own):
            break
    return own


def _names_lora(own: list[str]) -> bool:
    return "lora" in own and own[-1] in _LORA


def _kind(own: list[str], *, sign: bool) -> str | None:
    stem = [*own]
    while stem and stem[-1] in _CARRIERS:
        stem.pop()
    if not stem:
        return None
    for kind, names in _KINDS.items():
        if stem[-1] in names and (sign or stem[-1] not in _NAMES_TOO):
            return "mask" if kind == "image" and _KINDS["mask"].intersection(stem) else kind
    return None


def _kind_of_data(example: str) -> str | None:
    found = _DATA_URI.match(example)
    return _OF_TYPES.get(found[1]) if found else None


def _kind_of_bytes(schema: Schema, where: Where) -> str:
    declared = text(schema.get("contentMediaType")).partition("/")
    if declared[0] in _OF_TYPES and (kind := _OF_TYPES[declared[0]]):
        return kind
    if declared[2] == "pdf":
        return "document"
    return next((kind for kind, names in _TASKS.items() if names.intersection(where.words)), "file")


def _example(schema: Schema) -> str:
    examples = schema.get("examples")
    given = [*(examples if isinstance(examples, list) else []), schema.get("example"), schema.get("default")]
    return next((each for each in given if isinstance(each, str)), "")


def _may_stand_for_bytes(example: str) -> bool:
    return (
        not example
        or example.startswith(("data:", "http://", "https://"))
        or bool(_ENCODED.fullmatch(example[: 10 * _READ]))
    )


def _encoding(own: list[str], schema: Schema, described: str, *, as_file: bool) -> str:
    as_text = schema.get("contentEncoding") or schema.get("format") in ("byte", "base64", "data-url")
    if as_file and not as_text and ("contentMediaType" in schema or schema.get("format") == "binary"):
        return ":bytes"
    if _example(schema).startswith("data:") or "data ur" in described or schema.get("format") == "data-url":
        return ""
    if as_text or _BASE64.intersection(own) or "base64" in described:
        return ":base64"
    return ""
