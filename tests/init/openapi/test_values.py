from __future__ import annotations

from typing import Any

import pytest

from pytest_modal_bench.init.openapi.values import NOTHING, encodable, fit


@pytest.mark.parametrize(
    "value", ["text", True, 0, -(2**63), 2**63 - 1, 0.5, [], {}, [1, "a"], {"a": {"b": [1]}}]
)
def test_what_a_catalogue_can_hold_stays_as_it_is(value: object) -> None:
    assert fit(value) == value
    assert type(fit(value)) is type(value)


@pytest.mark.parametrize(
    "value", [None, 2**63, -(2**70), float("inf"), float("nan"), "\ud800", "x" * 5_000, object()]
)
def test_what_it_cannot_hold_is_nothing(value: object) -> None:
    assert fit(value) is NOTHING


def test_of_lists_and_tables_what_cannot_be_held_is_left_out() -> None:
    assert fit({"a": None, "b": [1, None, 2], "\ud800": 1}) == {"b": [1, 2]}


def test_too_deep_is_nothing() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    held, levels = fit(deep), 0
    while held:
        held, levels = held[0], levels + 1
    assert levels < 30


def test_names_in_braces_are_no_placeholders() -> None:
    assert fit("{image} {a|b} {{seed}}") == "{{image}} {a|b} {{{seed}}}"


def test_half_a_character_has_no_place_in_a_file() -> None:
    assert encodable("é😀")
    assert not encodable("\udc00")
