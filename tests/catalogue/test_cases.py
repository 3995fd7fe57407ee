"""Cases of an endpoint: each an endpoint of its own, with what it says put over what the endpoint says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.catalogue import CatalogueError, load
from pytest_modal_bench.catalogue.cases import FIELDS, put_over
from pytest_modal_bench.catalogue.errors import Place
from pytest_modal_bench.model import Budget, Expect, Level

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import Endpoint

START = """
{top}
[apps.shop]
url = "https://shop.example"
[[endpoints]]
path = "/generate"
app = "shop"
category = "Images"
"""

PLACE = Place(("endpoints.toml", "/generate", "cases.large"))


def endpoints(directory: Path, fields: str, top: str = "") -> dict[str, Endpoint]:
    path = directory / "endpoints.toml"
    path.write_text(START.format(top=top) + fields)
    return {endpoint.id: endpoint for endpoint in load(path).endpoints}


def problem(directory: Path, fields: str) -> str:
    with pytest.raises(CatalogueError) as caught:
        endpoints(directory, fields)
    return str(caught.value)


def test_a_case_is_an_endpoint_of_its_own_with_its_name_in_brackets(tmp_path: Path) -> None:
    found = endpoints(tmp_path, "cases.large = { timeout = 9 }\ncases.small = { timeout = 3 }")
    assert {id_: (one.case, one.name, one.timeout) for id_, one in found.items()} == {
        "generate": (None, "Generate", 600.0),
        "generate[large]": ("large", "Generate (large)", 9.0),
        "generate[small]": ("small", "Generate (small)", 3.0),
    }


def test_tables_of_a_case_are_put_into_those_of_its_endpoint(tmp_path: Path) -> None:
    found = endpoints(
        tmp_path,
        """
payload = { prompt = "a lake", size = { width = 512, height = 512 }, tags = ["a", "b"] }
query = { a = 1 }
expect = { kind = "image", width = 512 }
budget = { max_warm = 5, max_cold = 60 }
cases.large.payload = { size = { width = 1024 }, tags = ["c"] }
cases.large.query = { b = 2 }
cases.large.expect = { width = 1024 }
cases.large.budget = { max_warm = 9 }
""",
    )
    case = found["generate[large]"]
    assert case.payload == {"prompt": "a lake", "size": {"width": 1024, "height": 512}, "tags": ["c"]}
    assert case.query == {"a": 1, "b": 2}
    assert case.expect == Expect(kind="image", width=1024)
    assert case.budget == Budget(max_warm=Level(fail=9), max_cold=Level(fail=60))
    assert found["generate"].expect == Expect(kind="image", width=512)


def test_what_the_defaults_say_lies_below_too(tmp_path: Path) -> None:
    found = endpoints(
        tmp_path,
        "cases.large = { expect = { width = 1024 }, payload = { n = 2 } }",
        top='[defaults]\nexpect = { kind = "image" }\npayload = { prompt = "x" }',
    )
    assert found["generate[large]"].expect == Expect(kind="image", width=1024)
    assert found["generate[large]"].payload == {"prompt": "x", "n": 2}


def test_a_form_of_a_case_takes_the_place_of_the_payload(tmp_path: Path) -> None:
    found = endpoints(tmp_path, 'payload = { a = 1 }\ncases.form = { form = { file = "{image:bytes}" } }')
    assert found["generate[form]"].payload is None
    assert found["generate[form]"].form == {"file": "{image:bytes}"}
    assert found["generate[form]"].needs == ("image",)
    assert found["generate"].payload == {"a": 1}


def test_a_case_may_be_a_stream(tmp_path: Path) -> None:
    found = endpoints(tmp_path, 'cases.streamed = { stream = "openai", payload = { stream = true } }')
    assert found["generate"].stream is None
    assert found["generate[streamed]"].stream == "openai"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("cases = 1", "cases: expected tables, such as cases.large = { payload = { width = 1024 } }"),
        ("cases = {}", "cases: expected tables, such as cases.large = { payload = { width = 1024 } }"),
        (
            "cases.large = {}",
            "cases.large: expected a table that says what differs, such as { payload = { width = 1024 } }",
        ),
        ("cases.large = 3", "cases.large: expected a table that says what differs"),
        ('cases."a b" = { timeout = 1 }', "cases.a b: expected a name of ASCII letters"),
        (
            "cases.large = { paylaod = {} }",
            "cases.large.paylaod: not a field of a case; did you mean payload?",
        ),
        ("cases.large = { path = '/x' }", "cases.large.path: not a field of a case; known: payload, form"),
        ("cases.large = { timeout = 0 }", "cases.large.timeout: expected seconds above 0"),
        (
            "cases.large = { expect = { widht = 1 } }",
            "cases.large.expect.widht: unknown field; did you mean width?",
        ),
        (
            "cases.large = { payload = { a = 1 }, form = { a = 1 } }",
            "cases.large.payload: a request has one body: give payload or form, not both",
        ),
    ],
)
def test_a_mistake_in_a_case_names_the_case(tmp_path: Path, written: str, expected: str) -> None:
    assert f"endpoints.toml: /generate: {expected}" in problem(tmp_path, written)


def test_a_case_in_the_defaults_is_unknown_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="defaults: cases: unknown field"):
        endpoints(tmp_path, "", top="[defaults]\ncases.large = { timeout = 1 }")


tables = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.integers(),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner) | st.lists(inner, max_size=2),
        max_leaves=5,
    ),
)


@given(tables, tables)
def test_whatever_a_case_says_holds_and_the_rest_stays(
    below: dict[str, object], above: dict[str, object]
) -> None:
    def holds(whole: object, part: object) -> bool:
        if isinstance(part, dict) and isinstance(whole, dict):
            return all(name in whole and holds(whole[name], each) for name, each in part.items())
        return whole == part

    whole = put_over({}, {"payload": below}, {"payload": above}, PLACE)["payload"]
    assert holds(whole, above)
    assert set(whole) == {*below, *above}
    assert {name: value for name, value in whole.items() if name not in above} == {
        name: value for name, value in below.items() if name not in above
    }


def test_a_case_says_what_an_endpoint_may_say_but_what_it_is() -> None:
    assert not {"path", "app", "category", "name", "method", "cold"} & set(FIELDS)
