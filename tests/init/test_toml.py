from __future__ import annotations

import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_documents import document, drafted, fields, post, text

from pytest_modal_bench.init import toml
from pytest_modal_bench.init.draft import App, Draft, Entry
from pytest_modal_bench.init.errors import InitError


def test_a_catalogue_reads_like_one_that_a_person_writes() -> None:
    schema = fields(
        {"prompt": {"type": "string"}, "image": {"type": "string"}, "model": {"type": "string"}}, "model"
    )
    written = text(
        document({"/edit": post(schema, tags=["Edit"]), "/health": {"get": {}}, "/x/{id}": post()})
    )
    assert written.split("\n\n", 1)[1] == (
        """\
[resources]
# Fill in: a file for {image}; until then what takes it is skipped: 1 route
# image = "fixtures/image.png"

# Left out, since they take nothing, or do no work: GET /health
[apps.trial]
url = "http://127.0.0.1:9"
# Fill in: costs and proven cold starts need what Modal alone knows of the function; init --modal asks Modal
# app = "my-app"
# function = "Model.web"
# gpu = "L40S"
# scaledown_window = 60

# Fill in: payload.model: the app gives no example
[[endpoints]]
path = "/edit"
app = "trial"
category = "Edit"
# The app does not say what it answers; an endpoint that expects something can fail
# expect = { kind = "image" }
[endpoints.payload]
prompt = "A mountain lake at dawn, number {seed}"
image = "{image}"
model = "text"

# POST /x/{id} is not measured: its path takes id, and the app gives no example of it
# [[endpoints]]
# path = "/x/{id}"
# app = "trial"
# category = "trial"
"""
    )


def test_what_is_to_be_filled_in_is_found_by_its_line() -> None:
    written = text(document({"/edit": post(fields({"image": {"type": "string"}}))}))
    lines = written.split("\n")
    found = toml.to_fill_in(written)
    assert [said.partition(":")[0] for _, said in found] == ["Fill in", "Fill in"]
    assert all(lines[number - 1] == f"# {said}" for number, said in found)


def test_what_modal_knows_is_written_down() -> None:
    app = App(
        "web",
        "https://a--b.modal.run",
        modal_app="my-app",
        function="M.web",
        gpu="L4",
        scaledown_window=60,
        asked=True,
    )
    draft = Draft(
        apps=[app], entries=[Entry("web", "POST", "/", "web")], environment="main", headers={"X": "{env:Y}"}
    )
    parsed = tomllib.loads(toml.render(draft))
    assert parsed["workspace"] == "a"
    assert parsed["environment"] == "main"
    assert parsed["defaults"] == {"headers": {"X": "{env:Y}"}}
    assert parsed["apps"]["web"] == {
        "url": "https://{workspace}{environment_suffix}--b.modal.run",
        "app": "my-app",
        "function": "M.web",
        "gpu": "L4",
        "scaledown_window": 60,
    }


def test_an_empty_body_belongs_to_its_endpoint() -> None:
    entry = Entry("web", "POST", "/", "web", fields={"query": {"a": 1}, "payload": {}})
    parsed = tomllib.loads(toml.render(Draft(apps=[App("web", "https://a.example")], entries=[entry])))
    assert parsed["endpoints"][0]["payload"] == {}
    assert parsed["endpoints"][0]["query"] == {"a": 1}


ANY = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=8,
)


@given(payload=st.dictionaries(ANY, VALUES, min_size=1), note=st.text(), category=ANY)
def test_any_value_is_read_back_as_it_was_and_no_comment_is_more_than_one(
    payload: dict[str, object], note: str, category: str
) -> None:
    entry = Entry("web", "POST", "/", category, fields={"payload": payload}, unknown=[note], notes=[note])
    app = App("a.b c", "https://a.example", notes=[note], left_out=[note])
    entry.app = app.name
    parsed = tomllib.loads(toml.render(Draft(apps=[app], entries=[entry])))
    assert parsed["apps"].keys() == {"a.b c"}
    (endpoint,) = parsed["endpoints"]
    assert endpoint["payload"] == payload
    assert endpoint.get("category", "") == category


@given(text=st.text())
def test_a_comment_is_one_line(text: str) -> None:
    written = toml.comment(text)
    assert written.startswith("# ")
    assert len(written.splitlines()) == 1
    assert tomllib.loads(written) == {}


def test_no_text_of_an_app_looks_like_what_is_to_be_filled_in() -> None:
    schema = fields({"a": {"default": "\n# Fill in: x"}, "\n# Fill in": {"default": 1}})
    written = text(document({"/a": post(schema, summary="# Fill in", tags=["# Fill in"])}))
    assert len(toml.to_fill_in(written)) == 1, "what Modal knows"


def test_a_missing_extra_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    with pytest.raises(
        InitError, match=r"^init needs the extra `init`: pip install 'pytest-modal-bench\[init\]'$"
    ):
        toml.check_extra()


def test_the_same_document_is_the_same_text() -> None:
    content = document({"/a": post(fields({"seed": {"type": "integer"}, "b": {"default": 0.1}}))})
    assert toml.render(drafted(content)) == toml.render(drafted(content))
