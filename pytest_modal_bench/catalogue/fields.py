"""The fields of one endpoint as written, in its own table or in `[defaults]`: read, checked, and merged."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from msgspec import UNSET, UnsetType

from pytest_modal_bench.catalogue import expectations, jobs, limits, placeholders, resources
from pytest_modal_bench.catalogue.errors import shown, way_out
from pytest_modal_bench.catalogue.tables import check_json, table
from pytest_modal_bench.model import Expect, Need, Poll, StreamForm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_modal_bench.catalogue.errors import Place

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

LONGEST_TIMEOUT_SEC = 86_400.0
"""A Modal function may run for a day at most (Modal's guide, "Timeouts")."""

MOST_WEIGHT = 1_000_000.0
"""How many times as often as another an endpoint may be called in a mix."""

_DATED = ("quarantine", "history")
"""Fields that may hold one of TOML's own dates."""

# A header's name is a token: RFC 9110, section 5.1.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class EndpointFields(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint's table may hold, each field at will."""

    path: str | UnsetType = UNSET
    app: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    method: str | UnsetType = UNSET
    timeout: float | UnsetType = UNSET
    payload: Any = UNSET
    form: dict[str, Any] | UnsetType = UNSET
    query: dict[str, Any] | UnsetType = UNSET
    headers: dict[str, Any] | UnsetType = UNSET
    expect: Expect | UnsetType = UNSET
    stream: StreamForm | UnsetType = UNSET
    poll: Poll | UnsetType = UNSET
    gpu: str | UnsetType = UNSET
    cold: bool | UnsetType = UNSET
    budget: Any = UNSET
    quarantine: Any = UNSET
    history: Any = UNSET
    load: str | UnsetType = UNSET
    load_weight: float | UnsetType = UNSET


def read(raw: object, place: Place, files: Collection[str] = placeholders.MEDIA) -> dict[str, Any]:
    """Return the fields given in the table `raw`. Raises CatalogueError for one that can't be used.

    `files` are the names of test resources that are files.
    """
    check_json({k: v for k, v in raw.items() if k not in _DATED} if isinstance(raw, dict) else raw, place)
    given = msgspec.structs.asdict(table(raw, EndpointFields, place))
    fields = {name: value for name, value in given.items() if value is not UNSET}
    _check_texts(fields, place)
    if "path" in fields:
        _check_path(fields["path"], place.at("path"))
    if "method" in fields:
        fields["method"] = _method(fields["method"], place.at("method"))
    _check_numbers(fields, place)
    _check_pairs(fields, place)
    if "budget" in fields:
        fields["budget"] = limits.budget(fields["budget"], place.at("budget"))
    if "quarantine" in fields:
        fields["quarantine"] = limits.quarantine(fields["quarantine"], place.at("quarantine"))
    if "history" in fields:
        fields["history"] = limits.history(fields["history"], place.at("history"))
    if "expect" in fields:
        expectations.check(fields["expect"], place.at("expect"))
        fields["expect"] = _one_of_its_kind(fields["expect"])
    if "poll" in fields:
        jobs.check(fields["poll"], place.at("poll"))
    for name in filter(fields.__contains__, get_args(placeholders.Field)):
        _check_placeholders(name, fields[name], place.at(name), files)
    _check_files(fields.get("form", {}), place.at("form"))
    _check_headers(fields.get("headers", {}), place.at("headers"))
    return fields


@functools.cache
def _one_of_its_kind(expect: Expect) -> Expect:
    """Return the first that was equal: the endpoints of a catalogue mostly expect the same."""
    return expect


def check_variables(headers: Mapping[str, str], place: Place, environ: Mapping[str, str]) -> None:
    """Raise CatalogueError unless `environ` has the variables that an endpoint's `headers` name."""
    # No message repeats a variable's value: it is a secret.
    for name, value in headers.items():
        for variable in _variables(value):
            secret = environ.get(variable, "").strip()
            if not secret:
                raise place.at(name).error(
                    f"the environment variable {variable} is not set; set it to the secret"
                )
            if not secret.isprintable():
                raise place.at(name).error(
                    f"the environment variable {variable} holds more than one line of text"
                )


def merged(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return an endpoint's `own` fields on top of the `defaults`.

    `headers` (their names in any case) and `query` are merged entry by entry, and `tags` are added to the
    defaults'; every other field is replaced whole. A body replaces a body, be it `payload` or `form`, and `stream` and
    `poll` replace each other.
    """
    both = {**defaults, **own}
    if "payload" in own:
        both.pop("form", None)
    if "form" in own:
        both.pop("payload", None)
    if "stream" in own:
        both.pop("poll", None)
    if "poll" in own:
        both.pop("stream", None)
    if "tags" in both:
        both["tags"] = tuple(dict.fromkeys((*defaults.get("tags", ()), *own.get("tags", ()))))
    if "query" in both:
        both["query"] = {**defaults.get("query", {}), **own.get("query", {})}
    if "headers" in both:
        names = {name.lower() for name in own.get("headers", {})}
        kept = {name: v for name, v in defaults.get("headers", {}).items() if name.lower() not in names}
        both["headers"] = {**kept, **own.get("headers", {})}
    return both


def needs(fields: Mapping[str, Any]) -> tuple[Need, ...]:
    """Return the test resources that placeholders in `fields` name: image, video, mask, lora, then as they come."""
    found = [
        each.name for name in get_args(placeholders.Field) for each in placeholders.find(fields.get(name))
    ]
    own = (name for name in found if name not in resources.USUAL and name not in placeholders.NO_FILES)
    return tuple(dict.fromkeys((*(need for need in resources.USUAL if need in found), *own)))


def check_line(text: str, place: Place) -> None:
    """Raise CatalogueError unless `text` is one line that says something."""
    if not text.strip():
        raise place.error("is empty")
    if not text.isprintable() and any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in text):
        raise place.error("expected one line without control characters")


def _check_texts(fields: Mapping[str, Any], place: Place) -> None:
    for name in ("app", "category", "name", "gpu", "load"):
        if name in fields:
            check_line(fields[name], place.at(name))
    for index, tag in enumerate(fields.get("tags", ())):
        check_line(tag, place.at(f"tags[{index}]"))
    if fields.get("description"):
        check_line(fields["description"], place.at("description"))


def _check_numbers(fields: Mapping[str, Any], place: Place) -> None:
    if "timeout" in fields and not 0 < fields["timeout"] <= LONGEST_TIMEOUT_SEC:
        raise place.at("timeout").error(f"expected seconds above 0 and up to {LONGEST_TIMEOUT_SEC:.0f}")
    if "load_weight" in fields and not 0 < fields["load_weight"] <= MOST_WEIGHT:
        raise place.at("load_weight").error(f"expected a number above 0 and up to {MOST_WEIGHT:.0f}")


def _check_pairs(fields: Mapping[str, Any], place: Place) -> None:
    if "payload" in fields and "form" in fields:
        raise place.at("form").error("a request has one body: give payload or form, not both")
    if "stream" in fields and "poll" in fields:
        raise place.at("poll").error(
            "an answer comes bit by bit, or is asked for: give stream or poll, not both"
        )


def _check_path(path: str, place: Place) -> None:
    if not path.startswith("/"):
        raise place.error("expected a path that begins with /")
    if any(c in "{}\\" or c.isspace() or not c.isprintable() for c in path):
        raise place.error("expected a path without spaces, braces and backslashes; nothing is filled in here")
    if "?" in path or "#" in path:
        raise place.error("expected a path without ? and #; put a query in the field query")


def _method(method: str, place: Place) -> str:
    if method.upper() not in METHODS:
        raise place.error(f"unknown method '{shown(method)}'; {way_out(method.upper(), METHODS)}")
    return method.upper()


def _check_placeholders(
    field: placeholders.Field, value: object, place: Place, files: Collection[str]
) -> None:
    for each in placeholders.find(value):
        try:
            placeholders.check(each, field, files)
        except placeholders.PlaceholderError as error:
            raise place.error(str(error)) from None


def _check_files(form: Mapping[str, Any], place: Place) -> None:
    # A file's bytes are a part of their own in a multipart body: nothing can stand around them.
    for name, value in form.items():
        for each in value if isinstance(value, list) else [value]:
            for found in placeholders.find(each):
                if found.encoding == "bytes" and each != str(found):
                    raise place.at(name).error(
                        f"{found} must be the whole field; nothing may stand beside it"
                    )


def _check_headers(headers: Mapping[str, Any], place: Place) -> None:
    # No message repeats a header's value: it may be a secret.
    seen: set[str] = set()
    for name, value in headers.items():
        here = place.at(name)
        if not _TOKEN.fullmatch(name):
            raise here.error("expected a header's name: letters, digits and '-'")
        if name.lower() in seen:
            raise here.error("given twice; the name of a header is the same in any case")
        seen.add(name.lower())
        if not isinstance(value, str):
            raise here.error("expected a string; put it in quotes")
        if not value.isprintable() or value != value.strip():
            raise here.error("expected one line without control characters, nor spaces at its ends")


def _variables(value: str) -> list[str]:
    return [each.encoding for each in placeholders.find(value) if each.name == "env" and each.encoding]
