"""What went wrong, in one line: exceptions and HTTP answers turned into a sample's error."""

from __future__ import annotations

import http
import re
import unicodedata
from typing import TYPE_CHECKING

import msgspec

from pytest_modal_bench.safety.text import inert

if TYPE_CHECKING:
    from pytest_modal_bench.model import Cause

TIMEOUT = "Timeout"
TOO_MANY_REDIRECTS = "Exceeded 30 redirects."
MAX_REDIRECTS = 30
"""What `requests` allows, and its message says."""

LONGEST = 2000
"""Characters of an answer's text that a message keeps."""

LARGEST_TEXT = 1 << 20
"""Bytes of an answer that are looked at for its message."""
_ESCAPE_SEQUENCE = re.compile(
    # ECMA-48: control sequences, then command strings up to their terminator, then two-character escapes.
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_SHOWN_AS = {"Cc": " ", "Cf": "", "Cn": "", "Co": "", "Cs": ""}
"""What stands for a character of a Unicode category that a terminal would obey, or not show."""
_OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+(?:\([^()]*\))?)(?: object)? at 0x[0-9a-fA-F]+>")


class CallError(Exception):
    """A call that ends without an answer; its text is the sample's error, secrets not yet taken out."""

    def __init__(self, text: str, cause: Cause | None = None) -> None:
        """`cause`, where it does not follow from the exception that this one comes from."""
        super().__init__(text)
        self.cause = cause


def of_exception(error: Exception) -> str:
    """Say what `error` says, in one line and without addresses in memory, which differ from run to run."""
    text = str(error)
    # As urllib3's: what happened, and the exception that says why.
    if len(error.args) > 1 and text == str(error.args):
        text = " ".join(map(str, error.args))
    return one_line(_OBJECT.sub(r"\1", text)) or type(error).__name__


def of_reading(error: Exception, received: int) -> str:
    """Say that the connection went away after `received` bytes of an answer's body, and how."""
    # urllib3 wraps the reason, and repeats it in its own text.
    reason = next((arg for arg in reversed(error.args) if isinstance(arg, Exception)), error)
    return f"connection lost after {received:,} bytes: {of_exception(reason)}"


def of_answer(status: int, reason: str, body: bytes, *, size: int | None = None) -> str:
    """Say what an answer with an error `status` says: its body's message or, without one, its `reason`.

    Of JSON only the message is kept: FastAPI's `detail`, or `error`. The text may be as long as `body`, which may be
    no more than the beginning of `size` bytes.
    """
    text = _message(body, len(body) if size is None else size)
    if text:
        return f"HTTP {status}: {text}"
    reason = one_line(reason) or (http.HTTPStatus(status).phrase if status in _KNOWN else "")
    return f"HTTP {status} {reason}".rstrip()


_KNOWN = frozenset(http.HTTPStatus)


def one_line(text: str) -> str:
    """Return `text` as one line that a terminal shows as it is: no control characters, blanks joined."""
    text = _ESCAPE_SEQUENCE.sub("", text)
    shown = {ord(c): _SHOWN_AS[kind] for c in set(text) if (kind := unicodedata.category(c)) in _SHOWN_AS}
    return inert(" ".join(text.translate(shown).split()))


def bounded(text: str) -> str:
    """Return `text`, cut after 2,000 characters with a note of how many there were."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters in all)"


def _message(body: bytes, size: int) -> str:
    if size <= LARGEST_TEXT:
        try:
            said = _said(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = ""
        if said:
            return one_line(said)
    if b"\0" in body[:1024]:
        return f"{size:,} bytes that are no text"
    text = one_line(body[:LARGEST_TEXT].decode("utf-8", "replace"))
    return text if size <= LARGEST_TEXT else f"{size:,} bytes that begin with {text}"


def _said(value: object) -> str:
    """Return the message in FastAPI's `{"detail": …}` or in `{"error": …, "type": …}`, or nothing."""
    if not isinstance(value, dict):
        return ""
    for key in ("detail", "error", "message", "msg"):
        match value.get(key):
            case str(text) if text.strip():
                return text
            case list(items) if items:
                return "; ".join(map(_item, items))
            case dict(inner) if inner:
                return _said(inner) or _json(inner)
    kind = value.get("type")
    return kind if isinstance(kind, str) and "error" in value else ""


def _item(value: object) -> str:
    """Return one of FastAPI's validation errors as `body.prompt: Field required`."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("msg"), str):
        where = value.get("loc")
        place = ".".join(map(str, where)) if isinstance(where, list) else ""
        return f"{place}: {value['msg']}" if place else str(value["msg"])
    return _json(value)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
