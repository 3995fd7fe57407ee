from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.catalogue import CatalogueError, fields
from pytest_modal_bench.catalogue.errors import Place
from pytest_modal_bench.model import Budget, Expect, Level, Quarantine

PLACE = Place(("endpoints.toml", "/buy"))
ENVIRON = {"TOKEN": "swordfish"}

header_names = st.text("aAbB-", min_size=1, max_size=3)
headers = st.dictionaries(header_names, st.text("xy", max_size=3), max_size=4)


def read(**given: Any) -> dict[str, Any]:
    return fields.read(given, PLACE)


def complaint(**given: Any) -> str:
    with pytest.raises(CatalogueError) as caught:
        read(**given)
    return str(caught.value).removeprefix("endpoints.toml: /buy: ")


def test_only_the_fields_that_a_table_gives_come_back() -> None:
    assert read() == {}
    assert read(path="/buy", timeout=30) == {"path": "/buy", "timeout": 30}


def test_fields_come_back_as_the_types_that_an_endpoint_has() -> None:
    given = read(
        method="put",
        tags=["fast", "new"],
        expect={"kind": "image", "json": ["id"]},
        budget={"max_warm": 5},
        quarantine={"reason": "flaky", "until": dt.date(2026, 12, 31)},
    )

    assert given == {
        "method": "PUT",
        "tags": ("fast", "new"),
        "expect": Expect(kind="image", json=("id",)),
        "budget": Budget(max_warm=Level(fail=5)),
        "quarantine": Quarantine(reason="flaky", until="2026-12-31"),
    }


@pytest.mark.parametrize("timeout", [0.001, fields.LONGEST_TIMEOUT_SEC])
def test_a_timeout_may_be_as_long_as_a_modal_function_runs(timeout: float) -> None:
    assert read(timeout=timeout) == {"timeout": timeout}
    assert complaint(timeout=fields.LONGEST_TIMEOUT_SEC + 1).startswith("timeout: expected seconds above 0")


def test_a_date_is_known_in_a_quarantine_and_nowhere_else() -> None:
    day = dt.date(2026, 12, 31)

    assert read(quarantine={"reason": "flaky", "until": day})["quarantine"].until == "2026-12-31"
    assert complaint(payload={"until": day}) == (
        "payload.until: expected what JSON knows, got a date or time; put it in quotes"
    )


def test_a_secret_is_looked_up_and_stays_a_placeholder() -> None:
    given = read(headers={"Authorization": "Bearer {env:TOKEN}"})

    assert given == {"headers": {"Authorization": "Bearer {env:TOKEN}"}}
    fields.check_variables(given["headers"], PLACE.at("headers"), ENVIRON)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({}, "is not set; set it to the secret"),
        ({"TOKEN": " "}, "is not set; set it to the secret"),
        ({"TOKEN": "sword\nfish"}, "holds more than one line of text"),
    ],
)
def test_a_variable_that_can_be_no_secret_is_named_and_never_its_value(
    environ: dict[str, str], problem: str
) -> None:
    given = read(headers={"Authorization": "Bearer {env:TOKEN}"})

    with pytest.raises(CatalogueError) as caught:
        fields.check_variables(given["headers"], PLACE.at("headers"), environ)
    assert str(caught.value) == (
        f"endpoints.toml: /buy: headers.Authorization: the environment variable TOKEN {problem}"
    )


def test_a_file_may_be_a_whole_field_or_one_of_a_list_of_them() -> None:
    form = {"file": "{image:bytes}", "files": ["{image:bytes}", "{mask:bytes}"], "text": "an {image} inline"}

    assert read(form=form) == {"form": form}
    assert complaint(form={"files": ["{image:bytes}", " {mask:bytes}"]}) == (
        "form.files: {mask:bytes} must be the whole field; nothing may stand beside it"
    )


def test_an_expected_number_is_above_zero_and_a_flag_may_be_false() -> None:
    assert read(expect={"distinct_from_input": False})["expect"] == Expect()
    assert complaint(expect={"min_duration": 0}) == "expect.min_duration: expected a number above 0"


@pytest.mark.parametrize("status", [200, 202, 299])
def test_an_expected_status_is_one_of_success(status: int) -> None:
    assert read(expect={"status": status})["expect"] == Expect(status=status)


@pytest.mark.parametrize("status", [-1, 0, 101, 199, 300, 404, 500])
def test_a_status_that_is_no_success_cannot_be_expected(status: int) -> None:
    assert complaint(expect={"status": status}) == (
        "expect.status: expected an HTTP status from 200 to 299; any other is a failure"
    )


def test_an_endpoint_may_be_expected_to_answer_the_same_or_something_blank() -> None:
    given = read(expect={"deterministic": True, "blank": True})

    assert given["expect"] == Expect(deterministic=True, blank=True)


def test_a_body_replaces_the_body_of_the_defaults_whichever_kind_it_is() -> None:
    payload, form = {"payload": {"a": 1}}, {"form": {"a": "1"}}

    assert fields.merged(payload, form) == form
    assert fields.merged(form, payload) == payload
    assert fields.merged(payload, {"payload": {"b": 2}}) == {"payload": {"b": 2}}
    assert fields.merged(payload, {"timeout": 3}) == {**payload, "timeout": 3}


def test_tags_are_added_to_those_of_the_defaults_without_repeats() -> None:
    assert fields.merged({"tags": ("fast", "new")}, {"tags": ("new", "gpu")})["tags"] == (
        "fast",
        "new",
        "gpu",
    )


def test_a_query_is_merged_entry_by_entry() -> None:
    merged = fields.merged({"query": {"a": 1, "b": 2}}, {"query": {"b": 3}})

    assert merged == {"query": {"a": 1, "b": 3}}


@given(headers, headers)
def test_an_own_header_replaces_that_of_the_defaults_in_whatever_case(
    defaults: dict[str, str], own: dict[str, str]
) -> None:
    merged = fields.merged({"headers": defaults}, {"headers": own})["headers"]

    replaced = {name.lower() for name in own}
    assert merged == {k: v for k, v in defaults.items() if k.lower() not in replaced} | own


@given(st.permutations(["{lora}", "{mask}", "{image:base64}", "{video}"]), st.integers(0, 4))
def test_needs_come_in_one_order_wherever_their_placeholders_stand(found: list[str], count: int) -> None:
    chosen = found[:count]
    given = {"payload": {"a": chosen[::2]}, "query": {"b": " and ".join(chosen[1::2])}}

    order = [need for need in ("image", "video", "mask", "lora") if any(need in each for each in chosen)]
    assert fields.needs(given) == tuple(order)


def test_a_seed_and_a_secret_are_no_test_resources() -> None:
    assert fields.needs({"payload": "{seed}", "headers": {"X-Key": "{env:TOKEN}"}}) == ()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1).filter(str.strip))
def test_any_text_on_one_line_is_a_line(text: str) -> None:
    fields.check_line(text, PLACE.at("name"))


@given(st.text(), st.sampled_from("\n\r\t\0\x1b\x85\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"), st.text())
def test_a_line_has_no_line_break_and_no_control_character(before: str, control: str, after: str) -> None:
    with pytest.raises(CatalogueError, match=r"^endpoints\.toml: /buy: name: "):
        fields.check_line(before + control + after, PLACE.at("name"))


@pytest.mark.parametrize("text", ["", " ", "\N{NO-BREAK SPACE}"])
def test_a_line_that_says_nothing_is_empty(text: str) -> None:
    with pytest.raises(CatalogueError, match=r"name: is empty$"):
        fields.check_line(text, PLACE.at("name"))
