"""Holds the catalogue against what an app says of itself in `/openapi.json`: once, and without waking a container.

The moment to ask is when a container is up anyway: before the calls if the control plane says so, after them if the app
has answered, and above all where that answer says that there is no such route, or no such payload.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from pytest_modal_bench.call.failures import one_line
from pytest_modal_bench.call.request import RequestError, build
from pytest_modal_bench.call.spool import SpoolError
from pytest_modal_bench.cost.ledger import LimitReached
from pytest_modal_bench.protocol import routes
from pytest_modal_bench.safety.redaction import Redactor
from pytest_modal_bench.safety.secrets import sealed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.protocol.measurement import Conditions, Measurement

_PATH = "/openapi.json"
_PATIENCE_SEC = 10.0
_SHARE = 4
"""An app whose call has just timed out gets this share of a deadline to show that it lives."""
_LARGEST_BYTES = 8 << 20
_MOST_PROBLEMS = 3
# What a hostile schema could keep a validator busy with, or have it look up elsewhere.
_NOT_FOLLOWED = frozenset(
    {
        *("pattern", "patternProperties", "format", "$id", "$dynamicRef", "$recursiveRef", "$schema"),
        *("unevaluatedProperties", "unevaluatedItems"),
    }
)
_JSON = "application/json"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_OF_ROUTES = frozenset({301, 302, 307, 308, 404, 405, 415, 422})
"""Statuses with which an app says that it has no such route, or that the route does not take what it was sent."""
_VALUES = frozenset({"const", "enum", "default", "example", "examples"})
"""Keywords that hold no schemas."""
_DEEPEST = 100
_MOST_REFERENCES = 10_000
"""So often references are followed: with a few that branch, a small document stands for an endless one."""
_LONGEST = 200


def says_of_route(measurement: Measurement) -> bool:
    """Whether the last call failed with an answer of the app itself that the app's description may explain."""
    last = measurement.samples[-1] if measurement.samples else None
    return last is not None and last.cause == "application" and last.http_status in _OF_ROUTES


class Preflight:
    """What is known of one app's routes. It is asked when one of its containers is up anyway."""

    def __init__(self) -> None:
        self._asked = False
        self._described: dict[str, Any] | None = None
        self._found: dict[str, list[str]] = {}

    def before(self, measurement: Measurement) -> None:
        """Ask before the first call, if the control plane says that a container is up."""
        there = None if self._asked else measurement.conditions.observer.before()
        if there is not None and any(there.counts):
            self._ask(measurement.endpoint, measurement.conditions)

    def after(self, measurement: Measurement) -> None:
        """Ask after an endpoint's calls, whose container is up; then look at what this endpoint sends."""
        endpoint, conditions = measurement.endpoint, measurement.conditions
        if not self._asked:
            self._ask(endpoint, conditions)
        if self._described is not None and endpoint.id not in self._found:
            redactor = Redactor(_secrets(endpoint, conditions))
            found = _misfits(self._described, endpoint, conditions)
            self._found[endpoint.id] = [one_line(redactor.clean(misfit)) for misfit in found]

    def lives(self, measurement: Measurement) -> bool:
        """Whether the app answers at all, whatever it says; asked of one whose first call was in vain."""
        deadline_sec = measurement.conditions.deadline_sec / _SHARE
        return self._ask(measurement.endpoint, measurement.conditions, deadline_sec)

    def notes(self, endpoint: Endpoint) -> list[str]:
        """What does not fit between the catalogue and the app, a line each."""
        return self._found.get(endpoint.id, [])

    def _ask(self, endpoint: Endpoint, conditions: Conditions, deadline_sec: float = _PATIENCE_SEC) -> bool:
        asked = structs.replace(endpoint, path=_PATH, method="GET", payload=None, form=None, query={})
        try:
            request = build(asked, conditions.resources, seed=0, environ=conditions.environ)
        except RequestError:
            return False  # its own calls fail for the same reason, and say so; another endpoint can ask
        deadline_sec = min(_PATIENCE_SEC, deadline_sec, conditions.deadline_sec)
        began = time.monotonic()
        try:
            with conditions.permit(conditions.bound_of_seconds(0)) as spend:
                self._asked = True
                try:
                    answer = conditions.client.call(request, deadline_sec=deadline_sec, fresh=False)
                finally:
                    spend(conditions.bound_of_seconds(time.monotonic() - began) if conditions.billed else 0.0)
        except LimitReached:
            return False  # the endpoint's next call meets the same limit, and says so
        except SpoolError:
            return True  # it answers, and more than there is room for
        if answer.ok and answer.size_bytes <= _LARGEST_BYTES:
            self._read(answer)
        return answer.status is not None

    @sealed
    def _read(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else answer.body.read_bytes()
        try:
            described = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if isinstance(described, dict) and isinstance(described.get("paths"), dict):
            self._described = described


def _misfits(described: dict[str, Any], endpoint: Endpoint, conditions: Conditions) -> Iterator[str]:
    paths = routes.known(described)
    wrong = list(routes.missing(endpoint, paths))
    found = routes.operations_of(endpoint.path, paths)
    if wrong or found is None:
        yield from wrong
        return
    operation = found[1][endpoint.method.lower()]
    yield from _missing_query(endpoint, operation)
    schema = _dig(operation, "requestBody", "content", "application/json", "schema")
    if endpoint.payload is None:
        yield from _misfits_of_form(endpoint, operation, described)
        return
    if not isinstance(schema, dict):
        if isinstance(forms := _dig(operation, "requestBody", "content"), dict) and _JSON not in forms:
            yield from _misfits_of_form(endpoint, operation, described)
        return
    try:
        sent = msgspec.json.decode(
            build(endpoint, conditions.resources, seed=0, environ=conditions.environ).body or b""
        )
    except (RequestError, msgspec.DecodeError):
        return
    components = _dig(described, "components")
    try:
        whole = _plain({**schema, "components": components if isinstance(components, dict) else {}})
        yield from _unknown(sent, whole)
        yield from _wrong(sent, whole)
    except RecursionError:
        yield f"the schema of {endpoint.path} in {_PATH} is nested too deep, or too often, to be checked"


def _secrets(endpoint: Endpoint, conditions: Conditions) -> Collection[str]:
    try:
        return build(endpoint, conditions.resources, seed=0, environ=conditions.environ).secrets
    except RequestError:
        return ()


def _missing_query(endpoint: Endpoint, operation: dict[str, Any]) -> Iterator[str]:
    """Parameters of the query that the route must be given, and is not."""
    parameters = operation.get("parameters")
    for each in parameters if isinstance(parameters, list) else ():
        if isinstance(each, dict) and each.get("in") == "query" and each.get("required") is True:
            name = str(each.get("name"))
            if name not in endpoint.query:
                yield f"query: {_bounded(name)}: the route must be given it, and is not"


def _misfits_of_form(
    endpoint: Endpoint, operation: dict[str, Any], described: dict[str, Any]
) -> Iterator[str]:
    """What is missing or not known of a form's fields; or that the route wants a body of another kind."""
    content = _dig(operation, "requestBody", "content")
    if not isinstance(content, dict):
        return
    schema = next(
        (found for kind in _FORMS if isinstance(found := _dig(content, kind, "schema"), dict)), None
    )
    if endpoint.form is None:
        wants = [kind for kind in content if kind in (*_FORMS, _JSON)]
        if wants and (endpoint.payload is not None or _dig(operation, "requestBody", "required") is True):
            field = "payload" if wants[0] == _JSON else "form"
            yield f"body: the route takes {wants[0]}: write {field} = {{ … }}"
        return
    if schema is None:
        if _JSON in content:
            yield f"body: the route takes {_JSON}, not a form: write payload = {{ … }}"
        return
    components = _dig(described, "components")
    try:
        whole = _plain({**schema, "components": components if isinstance(components, dict) else {}})
    except RecursionError:
        return
    yield from _unknown(endpoint.form, whole, "form")
    yield from _missing(endpoint.form, whole, "form")


def without_schemas() -> str | None:
    """Say, of a whole run, that payloads are not held against the schemas of their routes; None: they are."""
    if find_spec("jsonschema") is not None:
        return None
    return (
        "payloads are not held against the schemas of their routes: pip install 'pytest-modal-bench[schema]'"
    )


def _missing(sent: object, schema: dict[str, Any], what: str) -> Iterator[str]:
    """Fields that the route must be given, and is not."""
    required = _resolved(schema, schema).get("required")
    if isinstance(sent, dict) and isinstance(required, list):
        names = [name for name in required if isinstance(name, str) and name not in sent]
        if names:
            yield f"{what}: {_bounded(', '.join(names))}: the route must be given it, and is not"


def _unknown(sent: object, schema: dict[str, Any], what: str = "payload") -> Iterator[str]:
    """Fields that the route does not know: it ignores them, so that what they should do does not happen."""
    described = _resolved(schema, schema)
    known = described.get("properties")
    if not isinstance(sent, dict) or not isinstance(known, dict) or described.get("additionalProperties"):
        return
    unknown = [str(name) for name in sent if name not in known]
    if unknown:
        fields = _bounded(", ".join(sorted(known)) or "none")
        yield f"{what}: {', '.join(unknown)}: not a field of the route, which knows {fields}"


def _wrong(sent: Any, schema: dict[str, Any]) -> Iterator[str]:
    try:
        import jsonschema
        import referencing
    except ImportError:
        yield from _missing(sent, schema, "payload")  # the rest is left out: `without_schemas`
        return
    # A registry of its own, and empty: the default one would fetch what a schema refers to from the network.
    validator = _bounded_validator(jsonschema)(schema, registry=referencing.Registry())
    try:
        for count, error in enumerate(validator.iter_errors(sent)):
            if count == _MOST_PROBLEMS:
                yield "payload: and more"
                return
            where = ".".join(map(str, error.absolute_path)) or "payload"
            yield f"payload does not fit the route's schema: {where}: {_bounded(error.message)}"
    except RecursionError:
        raise
    except Exception:  # noqa: BLE001 - a container must not go on as a second zygote
        yield "payload not held against the route's schema: that is not one that can be followed"


def _bounded_validator(jsonschema: Any) -> Any:
    """A class of validators that follow so many references, and then raise RecursionError."""
    follow = jsonschema.Draft202012Validator.VALIDATORS["$ref"]
    left = _MOST_REFERENCES

    def follow_bounded(validator: Any, reference: Any, instance: Any, schema: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise RecursionError
        return follow(validator, reference, instance, schema)

    return jsonschema.validators.extend(jsonschema.Draft202012Validator, {"$ref": follow_bounded})


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within the document, as FastAPI writes it for a body."""
    for _ in range(_DEEPEST):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        found = _dig(whole, *reference[2:].split("/"))
        if not isinstance(found, dict):
            break
        schema = found
    return schema


def _dig(value: object, *keys: str) -> object:
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, dict):
        # Names of properties stand where keywords stand: only those of a schema are left out.
        return {
            key: {name: _plain(each, depth + 2) for name, each in item.items()}
            if key in {"properties", "schemas"} and isinstance(item, dict)
            else _plain(item, depth + 1)
            if key not in _VALUES
            else item
            for key, item in value.items()
            if key not in _NOT_FOLLOWED
        }
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    return value
