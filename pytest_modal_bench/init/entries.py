"""A route as an endpoint of a catalogue: what is known of it, what is not, and whether it can be called as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from pytest_modal_bench.catalogue import CatalogueError, fields
from pytest_modal_bench.catalogue import jobs as polls
from pytest_modal_bench.catalogue.errors import Place
from pytest_modal_bench.init import answers, headers, openai_routes
from pytest_modal_bench.init.draft import Entry
from pytest_modal_bench.init.openapi import media
from pytest_modal_bench.init.openapi.examples import Example, example_beside, given
from pytest_modal_bench.init.openapi.media import Where
from pytest_modal_bench.init.openapi.references import Schema, table, texts
from pytest_modal_bench.init.openapi.routes import FORMS
from pytest_modal_bench.init.openapi.values import NOTHING, encodable
from pytest_modal_bench.model import Poll
from pytest_modal_bench.report.escape import line

if TYPE_CHECKING:
    from pytest_modal_bench.init.openapi.jobs import Asking
    from pytest_modal_bench.init.openapi.references import References
    from pytest_modal_bench.init.openapi.routes import Body, Route

_CHANGES = {"DELETE": "deletes", "PUT": "replaces", "PATCH": "changes"}
_LONGEST = 100
_EVERY_SEC = 1.0
_DOTS = (".", "..")
"""Segments that stand for others (RFC 3986, section 5.2.4)."""
_LARGEST_BYTES = 20_000
"""Of an endpoint's fields, as JSON."""
_NAMED = 8
_PLACE = Place(("init",))
_SHOWN = 40


def entry(
    route: Route, app: str, references: References, asking: Asking | None, security: list[Schema]
) -> Entry:
    """Return a route as an endpoint. `asking`: how its job is asked for; `security`: the schemes that it needs."""
    made = Entry(
        app=app,
        method=route.method,
        path=route.path,
        category=next(filter(None, (line(tag, _LONGEST) for tag in route.tags)), app),
        description=line(route.summary, _LONGEST) if len(route.summary) <= _LONGEST else "",
    )
    if route.method in _CHANGES:
        made.off = (
            f"{route.method} {_CHANGES[route.method]} what is there, and a benchmark calls it again and again"
        )
    elif route.deprecated:
        made.off = "the app calls it deprecated"
    _fill_path(made, route, references)
    _add_query(made, route, references)
    headers.add(made, route, references, security)
    if route.body is not None:
        _add_body(made, route, route.body, references)
    elif route.method == "POST" and (known := openai_routes.known(route.path)):
        _add_openai(made, known, {}, {}, [])
    elif route.method == "POST" and not made.fields and not route.path_parameters:
        made.unknown.append("payload or form: the app does not say that it takes anything")
    asked_for = asking is not None and "stream" not in made.fields
    result = _add_poll(made, asking) if asking is not None and asked_for else route
    answers.add(made, result, references)
    _check(made)
    return made


def _check(made: Entry) -> None:
    """Leave out what the catalogue's own reader would refuse; it says why."""
    if len(msgspec.json.encode(made.fields)) > _LARGEST_BYTES:
        made.off = made.off or "its example is too long for a catalogue"
        made.fields.clear()
        made.unknown.clear()
    table = {
        "path": made.path,
        "app": made.app,
        "category": made.category,
        "description": made.description,
        **made.fields,
    }
    try:
        fields.read(table, _PLACE)
    except CatalogueError as error:
        made.off = made.off or str(error).removeprefix(f"{_PLACE.parts[0]}: ")


def _fill_path(made: Entry, route: Route, references: References) -> None:
    """Put examples into the path; without one the route can't be called."""
    described = {str(each["name"]): each for each in route.parameters if each["in"] == "path"}
    path = route.path
    for name in route.path_parameters:
        value = given(described.get(name, {}), references)
        if value is None or value in _DOTS:
            made.off = made.off or f"its path takes {line(name, _SHOWN)}, and the app gives no example of it"
            return
        path = path.replace(f"{{{name}}}", quote(value, safe=":,;=@!$&'()*+~"))
    made.path = path


def _add_query(made: Entry, route: Route, references: References) -> None:
    for parameter in route.parameters:
        name = str(parameter["name"])
        if parameter["in"] != "query" or not encodable(name):
            continue
        # A file in a query would make the address longer than servers take: no field is one.
        schema = {"type": "object", "properties": {name: parameter.get("schema", {})}}
        if parameter.get("required") is True:
            schema["required"] = [name]
        beside = example_beside(parameter)
        found = Example(references, schema, Where(form=False), None if beside is None else {name: beside})
        value, unknown = table(found.value).get(name, NOTHING), found.unknown
        if isinstance(value, str) and media.is_file(value):
            if parameter.get("required") is not True:
                continue
            value, unknown = "text", [name]
        if value is not NOTHING and value != {}:
            made.fields.setdefault("query", {})[name] = value
            _note_unknown(made, "query", unknown)


def _add_body(made: Entry, route: Route, body: Body, references: References) -> None:
    if body.kind is None:
        if body.required or route.method == "POST":
            made.off = made.off or f"it takes {line(body.media_type, _SHOWN)}, which no catalogue can send"
        return
    where = Where(form=body.kind == "form", words=route.words)
    found = Example(references, body.schema, where, body.example)
    plain = references.plain(body.schema)
    known = openai_routes.known(route.path) if route.method == "POST" and body.kind == "payload" else None
    if known is not None and body.example is None:
        _add_openai(made, known, table(found.value), plain, found.unknown)
        return
    if found.value is NOTHING or (body.kind == "form" and not isinstance(found.value, dict)):
        if body.required:
            made.off = made.off or "the app does not say what its body is"
        return
    made.fields[body.kind] = found.value
    _note_unknown(made, body.kind, found.unknown)
    if body.kind == "form" and body.media_type == FORMS[0] and not _has_file(found.value):
        made.unknown.append(
            "the app wants multipart/form-data, which init writes where a field is a file; here none is"
        )


def _add_openai(
    made: Entry, known: openai_routes.Known, described: Schema, plain: Schema, unknown: list[str]
) -> None:
    """`described`: an example of what the app describes of the body, which is `plain`, with what is `unknown` in it."""
    properties = table(plain.get("properties"))
    payload = openai_routes.body(known, described, properties, texts(plain.get("required")))
    if "model" not in payload and (not properties or "model" in properties):
        payload = {"model": "model", **payload}
        unknown = [*unknown, "model"]
    if "model" in unknown:
        made.unknown.append("payload.model: which model the app serves (its /v1/models lists them)")
    _note_unknown(made, "payload", [name for name in unknown if name in {*payload} - {"model", *known.body}])
    made.fields["payload"] = payload
    if known.stream and payload.get("stream") is True:
        made.fields["stream"] = known.stream
        if "stream_options" not in payload:
            made.notes.append(
                "Tokens are counted where the server sends its usage; many do for stream_options ="
                " { include_usage = true } in the payload"
            )
    if known.expect is not None and "at" in known.expect and "response_format" not in payload:
        why = "Its images are at data.*.url, or as base64 at data.*.b64_json; with this they are checked"
        made.suggested.append((why, "expect", {**known.expect, "at": "data.*.url"}))
    elif known.expect is not None:
        made.fields["expect"] = known.expect


def _add_poll(made: Entry, asking: Asking) -> Route:
    poll: dict[str, Any] = {"path": asking.path, "every": _EVERY_SEC}
    if asking.result is not None:
        poll["result"] = asking.result
    try:
        polls.check(Poll(**poll), _PLACE)
    except CatalogueError:
        made.unknown.append("poll: its result is asked for at a path that no catalogue can hold")
        return asking.answers
    if not asking.told:
        made.unknown.append(
            f"poll: a guess: {asking.path} names a field of the answer, which the app does not describe"
        )
    made.fields["poll"] = poll
    return asking.answers


def _has_file(form: dict[str, Any]) -> bool:
    values = [each for value in form.values() for each in (value if isinstance(value, list) else [value])]
    return any(isinstance(value, str) and value.endswith(":bytes}") for value in values)


def _note_unknown(made: Entry, field: str, names: list[str]) -> None:
    if names:
        # The body itself has no name.
        listed = [f"{field}.{line(name, _LONGEST)}" if name else field for name in names[:_NAMED]]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        made.unknown.append(f"{', '.join(listed)}{more}: the app gives no example")
