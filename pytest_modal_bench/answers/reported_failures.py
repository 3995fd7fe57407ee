"""Finds in a JSON answer, whatever its status, that the server says it failed, and what it says of that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pytest_modal_bench.answers.json_results import (
    ENVELOPES,
    MESSAGES,
    holds_result,
    is_something,
    plain,
    plain_fields,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    Fields = dict[str, tuple[str, object]]
    """By plain name: a field's name as it is written, and what it holds."""

_DEEPEST = 6
_MOST_ITEMS = 10_000
"""Of a list: 8 MiB of JSON hold millions of empty objects, which would take minutes."""
_ERRORS = (
    *(
        "error",
        "errors",
        "err",
        "errormessage",
        "errormsg",
        "exception",
        "exceptions",
        "traceback",
        "stacktrace",
    ),
    *("errordetail", "errordetails", "errordescription", "errortype", "errorcode", "errno", "nodeerrors"),
    *("failure", "failures", "failurereason", "failreason", "fault", "exc", "excinfo"),
)
_SUCCESS = ("ok", "success", "succeeded", "successful", "issuccess", "issuccessful", "isok")
_FAILED = (
    "failed",
    "iserror",
    "haserror",
    "haserrors",
    "errored",
    "cancelled",
    "canceled",
    "timedout",
    "crashed",
)
_STATUS = (
    *(
        "status",
        "state",
        "statusstr",
        "statustext",
        "jobstatus",
        "jobstate",
        "taskstatus",
        "taskstate",
        "phase",
    ),
    *("outcome", "result"),
)
_HTTP_STATUS = ("statuscode", "httpstatus", "httpstatuscode", "httpcode", "status", "code")
_ERROR_STATUS = range(400, 600)
# What stands beside a `detail` or a `message` without being a result (FastAPI, Starlette, RFC 9457, Modal's own).
_BESIDE_MESSAGE = frozenset(
    (
        *MESSAGES,
        *("errortype", "type", "info"),
        *(
            "error",
            "errors",
            "status",
            "statuscode",
            "code",
            "success",
            "ok",
            "instance",
            "traceback",
            "trace",
        ),
        *(
            "requestid",
            "id",
            "path",
            "url",
            "method",
            "timestamp",
            "time",
            "version",
            "loc",
            "ctx",
            "input",
            "object",
            "param",
        ),
    )
)
_FAILED_WORDS = frozenset(
    (
        *(
            "failed",
            "failure",
            "failing",
            "fail",
            "error",
            "errored",
            "errors",
            "exception",
            "cancelled",
            "canceled",
        ),
        *("aborted", "crashed", "timeout", "timedout", "rejected", "expired", "killed", "terminated", "oom"),
        *("unsuccessful", "invalid", "denied", "preempted", "revoked"),
    )
)
_DENIALS = frozenset(("no", "not", "non", "without", "zero", "never"))
_LAST_RESORT = ("content", "text", "errortype", "type", "info")
"""Fields that say what went wrong where another says that something did."""
_LONGEST_STATUS = 64
_SAYS_NOTHING = frozenset(
    (
        "",
        "none",
        "null",
        "nil",
        "no",
        "noerror",
        "noerrors",
        "false",
        "0",
        "ok",
        "success",
        "na",
        "nan",
        "undefined",
    )
)
_SOUNDS_BAD = re.compile(
    r"\b(?:errors?|failed|failure|exceptions?|traceback|out of memory|not found|forbidden|unauthori[sz]ed|timed out"
    r"|unavailable|denied)\b",
    re.IGNORECASE,
)
_BARE_ERROR = re.compile(
    r"\s*(?:internal server error\b|traceback \(most recent call last\)"
    r"|(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception)\s*[:(]|(?:error|failed|failure)\s*:)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z]+")
_TUPLE = (2, 3)
"""Items of Flask's `(body, status)` and `(body, status, headers)`."""


class Failure(NamedTuple):
    """Where an answer says that it failed, and in which words; none: it gives no reason."""

    where: str
    words: str


def find(value: object, ordered: Collection[str] = ()) -> Failure | None:
    """Return what a decoded JSON answer says of its failure; None: it does not say that it failed.

    `ordered` are the fields that the catalogue asks for. One of them that would be a message of an error is a result if
    there is something in it; that does not hold for one that says outright whether the call succeeded.
    """
    return _find(value, "", frozenset(ordered), 0)


def _find(value: object, path: str, ordered: frozenset[str], depth: int) -> Failure | None:
    if depth > _DEEPEST:
        return None
    if isinstance(value, str):
        return _in_text(value, path, ordered, depth)
    if isinstance(value, list):
        return _in_list(value, path, depth)
    if isinstance(value, dict):
        return _in_object(value, path, ordered, depth)
    return None


def _in_text(text: str, path: str, ordered: frozenset[str], depth: int) -> Failure | None:
    """JSON inside a text, or a text that is nothing but an error's."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _find(msgspec.json.decode(text), path, ordered, depth + 1)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return None
    return Failure(path, text) if _BARE_ERROR.match(text) else None


def _in_list(items: list[object], path: str, depth: int) -> Failure | None:
    if len(items) in _TUPLE and _is_error_status(items[1]) and not isinstance(items[1], bool):
        first = items[0]
        if isinstance(first, dict) or first is None or (isinstance(first, str) and _SOUNDS_BAD.search(first)):
            words = first if isinstance(first, str) else _reason(plain_fields(first or {}))
            return Failure(_at(path, "1"), words or f"{items[1]}")
    objects = [item for item in items if isinstance(item, dict)]
    # A list of jobs may name one that was cancelled. A list that holds nothing else is the answer's own failure.
    all_failed = bool(objects) and all(
        _failed_status(plain_fields(item)) and not holds_result(item) for item in objects
    )
    for index, item in enumerate(items[:_MOST_ITEMS]):
        if not isinstance(item, dict):
            continue
        found = _in_object(item, _at(path, str(index)), frozenset(), depth + 1, bare_status=all_failed)
        if found is not None:
            return found
    return None


def _in_object(
    value: dict[str, object],
    path: str,
    ordered: frozenset[str],
    depth: int,
    *,
    bare_status: bool = True,
) -> Failure | None:
    fields = plain_fields(value)
    for found in _signs(value, fields, ordered, bare_status=bare_status):
        return Failure(_at(path, found.where), found.words)
    for name, (written, held) in fields.items():
        wraps = name in ENVELOPES or len(fields) == 1
        if wraps and isinstance(held, dict | list):
            inner = _find(held, _at(path, written), frozenset(), depth + 1)
            if inner is not None:
                return inner
    return None


def _signs(
    value: dict[str, object], fields: Fields, ordered: frozenset[str], *, bare_status: bool
) -> Iterator[Failure]:
    """What this object itself says of a failure, the plainest first."""
    has_result = holds_result(value)
    for name in _ERRORS:
        written, held = fields.get(name, ("", None))
        words = _words(held, code=name not in ("errors", "exceptions", "failures"))
        if words and written not in ordered and (held is True or not has_result):
            yield Failure(written, _joined(words, _reason(fields)))
    for name in _SUCCESS:
        written, held = fields.get(name, ("", None))
        if written and (
            held is False or held == 0 or (isinstance(held, str) and plain(held) in ("false", "no"))
        ):
            yield Failure(written, _reason(fields))
    for name in _FAILED:
        written, held = fields.get(name, ("", None))
        if held is True:
            yield Failure(written, _reason(fields))
    reason = _reason(fields)
    status = _failed_status(fields)
    if status is not None and (bare_status or reason):
        yield Failure(status, _joined(str(value[status]), reason))
    for name in _HTTP_STATUS:
        written, held = fields.get(name, ("", None))
        if _is_error_status(held) and not has_result and (reason or name != "code"):
            yield Failure(written, _joined(str(held), reason))
    yield from _messages(value, fields, ordered)


def _messages(value: dict[str, object], fields: Fields, ordered: frozenset[str]) -> Iterator[Failure]:
    """A message that is all that there is."""
    if any(is_something(held) for name, (_, held) in fields.items() if name not in _BESIDE_MESSAGE):
        return
    for name in ("detail", "message", "msg", "reason", "title"):
        written, held = fields.get(name, ("", None))
        words = _words(held, code=False) if name == "detail" or isinstance(held, str) else ""
        if words and written not in ordered and (name == "detail" or _sounds_bad(words)):
            yield Failure(written, words)
    kind = fields.get("type", fields.get("object", ("", None)))
    if kind[1] == "error" and "error" not in value:
        yield Failure(kind[0], _reason(fields))


def _failed_status(fields: Fields) -> str | None:
    """The field that says in a word, such as `FAILED`, that it went wrong; None: none does."""
    for name in _STATUS:
        written, held = fields.get(name, ("", None))
        if not isinstance(held, str) or len(held) > _LONGEST_STATUS:
            continue
        words = set(_WORD.findall(held.lower()))
        bad = bool(words & _FAILED_WORDS) or plain(held) in _FAILED_WORDS or {"timed", "out"} <= words
        # A classifier may call what it sees an error; said of the answer, there is a reason beside it.
        if name == "result" and (plain(held) not in _FAILED_WORDS or not _reason(fields)):
            continue
        if (bad and not words & _DENIALS) or _is_error_status(held[:3]):
            return written
    return None


def _is_error_status(value: object) -> bool:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == len("500"):
        value = int(value)
    return isinstance(value, int) and value in _ERROR_STATUS


def _sounds_bad(text: str) -> bool:
    found = _SOUNDS_BAD.search(text)
    return found is not None and not set(_WORD.findall(text[: found.start()].lower())[-1:]) & _DENIALS


def _reason(fields: Fields) -> str:
    """What the object says of its reasons, in its own words."""
    for name in (*_ERRORS, *MESSAGES, *_LAST_RESORT):
        words = _words(fields.get(name, ("", None))[1], code=False)
        if words and words != "true":
            return words
    return ""


def _joined(first: str, second: str) -> str:
    """Two texts of which one may hold the other."""
    if first in second or first == "true":
        return second or first
    return first if second in first else f"{first}: {second}"


def _words(value: object, *, code: bool) -> str:
    """What a field for errors says; nothing: there was no error. A number is an error's only where it is a `code`."""
    if isinstance(value, str):
        return "" if plain(value) in _SAYS_NOTHING and value.isascii() else value
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, int):
        return str(value) if code and value else ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, code=False) for item in value)))
    if isinstance(value, dict):
        return _words_of_object(value)
    return ""


def _words_of_object(value: dict[str, object]) -> str:
    fields = plain_fields(value)
    told = (*_ERRORS, *MESSAGES, *_LAST_RESORT)
    found = [
        words
        for name in told
        if (words := _words(fields.get(name, ("", None))[1], code=False)) and words != "true"
    ]
    if found:
        where = fields.get("loc", ("", None))[1]
        place = ".".join(map(str, where)) if isinstance(where, list) else ""
        return f"{place}: {found[0]}" if place else found[0]
    numbers = [fields[name][1] for name in ("code", "status", "statuscode") if name in fields]
    if any(
        isinstance(each, int | str) and each and plain(str(each)) not in _SAYS_NOTHING for each in numbers
    ):
        return msgspec.json.encode(value).decode()
    inner = [(name, _words(held, code=False)) for name, held in value.items()]
    return "; ".join(f"{name}: {words}" for name, words in inner if words)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
