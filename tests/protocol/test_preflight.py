from __future__ import annotations

import json
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import TIMEOUT, FakeClient, answer, endpoint

from pytest_modal_bench.control.pool_observer import Before
from pytest_modal_bench.protocol.evidence import PoolState
from pytest_modal_bench.protocol.measurement import Conditions, Measurement
from pytest_modal_bench.protocol.preflight import Preflight, without_schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.call.answer import Answer

BODY = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string"},
        "steps": {"type": "integer", "maximum": 50},
        "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
}
UNFOLLOWED = "payload not held against the route's schema: that is not one that can be followed"
TOO_MUCH = "the schema of /flux in /openapi.json is nested too deep, or too often, to be checked"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "type",
                        "properties",
                        "items",
                        "allOf",
                        "anyOf",
                        "not",
                        "if",
                        "then",
                        "$ref",
                        "$anchor",
                    ),
                    *("enum", "const", "required", "minimum", "multipleOf", "maxLength", "uniqueItems"),
                    *("additionalProperties", "dependentRequired", "prefixItems", "contains", "components"),
                ]
            ),
            inner | st.sampled_from(["#", "#/components", "string", "object", "http://127.0.0.1:9/x"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


class PoolObserver:
    """Knows how many containers there are, and counts how often it is asked."""

    def __init__(self, *counts: int) -> None:
        self.counts = counts
        self.asked = 0

    def before(self) -> Before:
        self.asked += 1
        return Before(self.counts, frozenset())

    def after(self) -> None:
        """There is no answer."""

    def records(self, call_ids: Sequence[str], *, questions: int = 0) -> None:
        del call_ids, questions


def app(schema: object = BODY, *, method: str = "post", components: object = None) -> Answer:
    """What an app with one route says of itself."""
    body = {"content": {"application/json": {"schema": schema}}}
    paths = {"/flux": {method: {"requestBody": body}}}
    return answer(json.dumps({"paths": paths, "components": {"schemas": components or {}}}).encode())


def measurement(said: Answer, payload: object = None, *, observer: Any = None, **fields: Any) -> Measurement:
    given: dict[str, Any] = {} if observer is None else {"observer": observer}
    client: Any = FakeClient({"/openapi.json": [said]})
    conditions = Conditions(
        client=client, resources={}, environ={}, deadline_sec=600.0, pool=PoolState(), **given
    )
    return Measurement(endpoint(payload=payload, **fields), conditions)


def asked(of: Measurement) -> list[str]:
    client: Any = of.conditions.client
    called: list[str] = client.called
    return called


def misfits(schema: object, payload: object, **components: object) -> list[str]:
    preflight, given = Preflight(), measurement(app(schema, components=components), payload)
    preflight.after(given)
    return preflight.notes(given.endpoint)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Whoever was to be connected to."""
    wanted: list[object] = []

    def refuse(*args: object, **more: object) -> None:
        wanted.append((args, more))
        raise AssertionError("the network is not to be asked")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("requests.get", refuse)
    return wanted


# --- When it is asked ---


def test_without_a_control_plane_an_app_is_asked_after_its_first_endpoints_calls() -> None:
    preflight, given = Preflight(), measurement(app())
    preflight.before(given)
    assert asked(given) == [], "it might wake a container"

    preflight.after(given)
    assert asked(given) == ["/openapi.json"]


@pytest.mark.parametrize(("counts", "times"), [((0, 1), 1), ((2, 2), 1), ((0, 0), 0), ((), 0)])
def test_it_is_asked_before_only_where_a_container_is_up(counts: tuple[int, ...], times: int) -> None:
    given = measurement(app(), observer=PoolObserver(*counts))
    Preflight().before(given)

    assert len(asked(given)) == times


def test_it_is_asked_once_and_so_is_the_control_plane() -> None:
    preflight, observer = Preflight(), PoolObserver(1, 1)
    given = measurement(app(), {"prompt": "a lake", "stepz": 3}, observer=observer)
    for _ in range(3):
        preflight.before(given)
        preflight.after(given)

    assert (len(asked(given)), observer.asked) == (1, 1)
    assert len(preflight.notes(given.endpoint)) == 1


def test_an_endpoint_whose_requests_cannot_be_built_leaves_the_asking_to_the_next() -> None:
    observer = PoolObserver(1, 1)
    unbuilt = measurement(app(), observer=observer, headers={"Modal-Key": "{env:NOT_SET_ANYWHERE}"})
    other = Measurement(endpoint("/fluks"), unbuilt.conditions)
    preflight = Preflight()

    preflight.before(unbuilt)
    assert not preflight.lives(unbuilt)
    assert asked(unbuilt) == []
    preflight.before(other)
    assert asked(other) == ["/openapi.json"]


def test_it_is_asked_once_also_where_it_does_not_say() -> None:
    preflight, given = Preflight(), measurement(answer(status=404))
    preflight.after(given)
    preflight.after(given)

    assert len(asked(given)) == 1


def test_it_is_asked_as_the_endpoint_is_but_for_what_is_sent() -> None:
    given = measurement(
        app(), {"prompt": "x"}, headers={"Modal-Key": "wk-1"}, query={"a": "b"}, method="POST"
    )
    Preflight().after(given)
    client: Any = given.conditions.client
    (request,) = client.requests

    assert (request.method, request.url, request.body) == ("GET", "http://127.0.0.1:9/openapi.json", None)
    assert request.headers["Modal-Key"] == "wk-1"
    assert client.deadlines == [10.0]


def test_each_endpoint_is_held_against_the_route_that_is_its_own() -> None:
    preflight, given = Preflight(), measurement(app(), {"prompt": "a lake"})
    other = Measurement(endpoint("/fluks"), given.conditions)
    preflight.after(given)
    preflight.after(other)

    assert preflight.notes(given.endpoint) == []
    assert preflight.notes(other.endpoint) == [
        "the app's /openapi.json knows no POST /fluks: POST /flux is there: did you mean /flux?"
    ]
    assert len(asked(given)) == 1


# --- What does not fit ---


def test_what_fits_is_not_mentioned() -> None:
    assert misfits(BODY, {"prompt": "a lake", "steps": 4, "size": None}) == []


def test_a_route_that_is_not_there_or_not_by_that_method() -> None:
    preflight = Preflight()
    given = measurement(app(method="get"))
    preflight.after(given)

    assert preflight.notes(given.endpoint) == [
        'the app\'s /openapi.json knows no POST /flux: the route takes GET: write method = "GET"'
    ]


def test_a_field_that_the_route_does_not_know_does_nothing() -> None:
    assert misfits(BODY, {"prompt": "a lake", "stepz": 4}) == [
        "payload: stepz: not a field of the route, which knows prompt, size, steps"
    ]
    assert misfits({"properties": {}}, {"a": 1, "b": 2}) == [
        "payload: a, b: not a field of the route, which knows none"
    ]


@pytest.mark.parametrize("schema", [BODY | {"additionalProperties": True}, {"type": "object"}, {}, True])
def test_a_route_that_takes_any_field_ignores_none(schema: object) -> None:
    assert misfits(schema, {"prompt": "a lake", "stepz": 4}) == []


def test_a_field_that_is_missing() -> None:
    assert misfits(BODY, {"steps": 4}) == [
        "payload does not fit the route's schema: payload: 'prompt' is a required property"
    ]


def test_a_value_of_another_type_says_where() -> None:
    schema = {"properties": {"loras": {"items": {"properties": {"scale": {"type": "number"}}}}}}

    assert misfits(schema, {"loras": [{"scale": 1}, {"scale": "much"}]}) == [
        "payload does not fit the route's schema: loras.1.scale: 'much' is not of type 'number'"
    ]


def test_what_is_looked_at_is_what_is_sent() -> None:
    assert misfits({"properties": {"seed": {"type": "integer"}}}, {"seed": "{seed}"}) == []


def test_a_body_is_described_elsewhere_in_the_document() -> None:
    reference = {"$ref": "#/components/schemas/Body"}

    assert misfits(reference, {"prompt": 1, "x": 2}, Body=BODY) == [
        "payload: x: not a field of the route, which knows prompt, size, steps",
        "payload does not fit the route's schema: prompt: 1 is not of type 'string'",
    ]
    nested = {"properties": {"inner": reference}}
    assert misfits(nested, {"inner": {}}, Body=BODY) == [
        "payload does not fit the route's schema: inner: 'prompt' is a required property"
    ]


def test_properties_and_values_may_be_named_like_what_is_not_followed() -> None:
    names = ("pattern", "format", "$id", "$schema", "properties")
    schema = {"required": [*names], "properties": {name: {"type": "string"} for name in names}}

    assert misfits(schema, dict.fromkeys(names, "x")) == []
    assert len(misfits(schema, dict.fromkeys(names[:2], 1))) == 4, (
        "no more than three, and that there are more"
    )
    wanted = {"properties": {"output": {"const": {"format": "png"}, "default": {"format": "png"}}}}
    assert misfits(wanted, {"output": {"format": "png"}}) == []


def test_few_problems_are_listed_of_many() -> None:
    schema = {"properties": {f"f{number}": {"type": "string"} for number in range(50)}}
    said = misfits(schema, {f"f{number}": number for number in range(50)})

    assert len(said) == 4
    assert said[-1] == "payload: and more"


def test_a_line_is_no_longer_than_a_line() -> None:
    names = ["x" * 300 + str(number) for number in range(50)]
    schema: dict[str, Any] = {"properties": {name: {} for name in names}}

    assert all(len(line) < 400 for line in misfits(schema, {"a": 1}))
    assert all(len(line) < 400 for line in misfits({"properties": {"a": {"enum": ["y" * 9999]}}}, {"a": 1}))


# --- Silence ---


@pytest.mark.parametrize(
    "said",
    [
        answer(status=404),
        answer(status=500),
        TIMEOUT,
        answer(b""),
        answer(b"<html>"),
        answer(b"[]"),
        answer(b"\xff"),
        answer(b'{"paths": []}'),
        answer(b'{"openapi": "3.1.0"}'),
        answer(b'{"paths": ' + b"[" * 100_000),
    ],
    ids=lambda said: str(said.status) + said.body[:12].decode("latin-1"),
)
def test_an_app_that_says_nothing_of_itself_fits(said: Answer) -> None:
    preflight, given = Preflight(), measurement(said, {"x": 1})
    preflight.after(given)

    assert preflight.notes(given.endpoint) == []


def test_a_document_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_modal_bench.protocol.preflight._LARGEST_BYTES", 10)
    assert misfits(BODY, {"x": 1}) == []


def test_a_large_document_is_read_from_its_file(tmp_path: Any) -> None:
    file, said = tmp_path / "body", app()
    file.write_bytes(said.body)
    preflight, given = Preflight(), measurement(answer(file), {"prompt": "a lake", "x": 1})
    preflight.after(given)

    assert len(preflight.notes(given.endpoint)) == 1


@pytest.mark.parametrize("payload", [None, "text", [1, 2]])
def test_a_payload_that_is_no_object_has_no_unknown_fields(payload: object) -> None:
    assert misfits({"properties": {}}, payload) == []


@pytest.mark.parametrize(
    "operation", [{}, {"requestBody": 5}, {"requestBody": {"content": {"x/y": {}}}}, None, 5]
)
def test_a_route_whose_body_is_not_described(operation: object) -> None:
    said = answer(json.dumps({"paths": {"/flux": {"post": operation}}}).encode())
    preflight, given = Preflight(), measurement(said, {"x": 1})
    preflight.after(given)
    expected = [] if isinstance(operation, dict) else ["the app's /openapi.json knows no POST /flux"]

    assert preflight.notes(given.endpoint) == expected


# --- Hostile documents ---


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:9/schema.json",
        "https://json-schema.org/draft/2020-12/schema#/x",
        "file:///etc/passwd",
        "//127.0.0.1/x",
        "other.json",
        "#/nowhere",
        "#nowhere",
        "http://[::1",
    ],
)
def test_what_is_elsewhere_is_never_fetched(reference: str, no_network: list[object]) -> None:
    for schema in ({"$ref": reference}, {"properties": {"a": {"$ref": reference}}}):
        assert misfits(schema, {"a": 1}) == [UNFOLLOWED]
    moved = {"$id": "http://127.0.0.1:9/", "$schema": reference, "$dynamicRef": reference}
    assert misfits(moved, {"a": 1}) == []
    assert no_network == []


def test_a_regular_expression_of_the_apps_is_never_run() -> None:
    evil = "^(a+)+$"
    schema = {
        "properties": {"prompt": {"type": "string", "pattern": evil, "format": "regex"}},
        "patternProperties": {evil: {"type": "integer"}},
    }
    began = time.monotonic()

    assert misfits(schema, {"prompt": "a" * 40 + "!"}) == []
    assert time.monotonic() - began < 30


def nested(depth: int, keyword: str) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {keyword: {"a": schema} if keyword == "properties" else schema}
    return schema


@pytest.mark.parametrize("keyword", ["properties", "items", "not"])
def test_a_schema_that_is_nested_too_deep_is_not_checked(keyword: str) -> None:
    assert misfits(nested(200, keyword), {"a": 1}) == [TOO_MUCH]
    assert TOO_MUCH not in misfits(nested(10, keyword), {"a": 1})


@pytest.mark.parametrize(
    "components",
    [
        {"A": {"$ref": "#/components/schemas/A"}},
        {"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}},
        {"A": {"allOf": [{"$ref": "#/components/schemas/A"}]}},
    ],
    ids=["itself", "each other", "through allOf"],
)
def test_a_schema_that_goes_in_circles_ends(components: dict[str, object]) -> None:
    assert misfits({"$ref": "#/components/schemas/A"}, {"a": 1}, **components) == [TOO_MUCH]


def test_a_tree_of_nodes_is_no_circle() -> None:
    node = {"properties": {"next": {"$ref": "#/components/schemas/Node"}}, "required": ["name"]}

    assert misfits({"$ref": "#/components/schemas/Node"}, {"name": 1, "next": {}}, Node=node) == [
        "payload: name: not a field of the route, which knows next",
        "payload does not fit the route's schema: next: 'name' is a required property",
    ]


def test_few_references_that_stand_for_many_end_soon() -> None:
    levels: dict[str, object] = {
        f"L{level}": {"allOf": [{"$ref": f"#/components/schemas/L{level + 1}"}] * 2} for level in range(40)
    }
    began = time.monotonic()

    assert misfits({"$ref": "#/components/schemas/L0"}, {"a": 1}, **levels, L40={}) == [TOO_MUCH]
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"type": 5},
        {"properties": []},
        {"allOf": [5]},
        {"$ref": 5},
        {"properties": {"a": {"multipleOf": 0}}},
        {"required": 5},
    ],
    ids=str,
)
def test_what_is_no_schema_is_noted_in_one_line(schema: object) -> None:
    assert misfits(schema, {"a": 1}) == [UNFOLLOWED]


@given(JSON, JSON, JSON)
def test_whatever_an_app_says_the_endpoint_was_measured(
    schema: object, component: object, sent: object
) -> None:
    for line in misfits(schema, {"a": sent}, A=component):
        assert len(line) < 1000


# --- Without jsonschema ---


def test_without_jsonschema_the_rest_is_checked_and_one_line_of_the_run_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)

    assert misfits(BODY, {"x": 1}) == [
        "payload: x: not a field of the route, which knows prompt, size, steps",
        "payload: prompt: the route must be given it, and is not",
    ]
    assert "pip install 'pytest-modal-bench[schema]'" in (without_schemas() or "")


def test_with_jsonschema_nothing_is_left_out() -> None:
    assert without_schemas() is None


# --- Whether it lives ---


@pytest.mark.parametrize(("said", "lives"), [(app(), True), (answer(status=500), True), (TIMEOUT, False)])
def test_an_app_lives_that_answers_whatever_it_says(said: Answer, lives: bool) -> None:
    assert Preflight().lives(measurement(said)) is lives


def test_it_gets_a_share_of_the_deadline_and_is_not_asked_again_for_its_routes() -> None:
    preflight, given = Preflight(), measurement(app(), {"prompt": "a lake", "x": 1})
    short = Measurement(
        given.endpoint,
        Conditions(
            client=given.conditions.client, resources={}, environ={}, deadline_sec=8.0, pool=PoolState()
        ),
    )
    assert preflight.lives(short)
    preflight.after(given)
    client: Any = given.conditions.client

    assert client.deadlines == [2.0]
    assert len(preflight.notes(given.endpoint)) == 1, "what it said is kept"
