from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import answer

from pytest_modal_bench.call import following
from pytest_modal_bench.protocol import job_targets
from pytest_modal_bench.protocol.job_targets import Read, TargetError

if TYPE_CHECKING:
    from pytest_modal_bench.call.answer import Answer

BASE = "https://app.example/v1/"


def reads(*said: Any) -> list[Read]:
    return [Read(each, answer()) for each in said]


def test_a_path_of_the_catalogue_is_its_own_whatever_is_put_in() -> None:
    target = job_targets.filled_in("/result/{id}", BASE, reads({"id": "https://evil.example/"}))
    assert target == ("https://app.example/v1/result/https%3A%2F%2Fevil.example%2F", None)


@pytest.mark.parametrize("said", ["fc-01HXYZ12AB", " fc-01HXYZ12AB\n"])
def test_an_answer_that_is_an_id_and_nothing_else_is_what_the_only_field_stands_for(said: str) -> None:
    target = job_targets.filled_in("/result/{call_id}", BASE, reads(said))
    assert target.address == "https://app.example/v1/result/fc-01HXYZ12AB"
    assert job_targets.filled_in("/result/{id}", BASE, reads(17)).address.endswith("/result/17")
    with pytest.raises(TargetError, match="has no `a`"):
        job_targets.filled_in("/result/{a}/{b}", BASE, reads(said))


@pytest.mark.parametrize("said", ["something went wrong", True, None, [], 1.5])
def test_no_other_bare_answer_is_an_id(said: object) -> None:
    with pytest.raises(TargetError, match="has no `id`"):
        job_targets.filled_in("/result/{id}", BASE, reads(said))


def test_a_field_at_the_beginning_is_an_address_of_the_answer_that_has_it() -> None:
    both = reads({"status": "done"}, {"url": "/there", "id": "a/b"})
    assert job_targets.filled_in("{url}?id={id}", BASE, both) == ("/there?id=a%2Fb", both[1].answer)


def test_the_first_answer_that_has_a_field_says_it() -> None:
    both = reads({"id": "new", "url": None}, {"id": "old", "url": "x"})
    assert job_targets.filled_in("/{id}/{url}", BASE, both).address == "https://app.example/v1/new/x"


def test_a_field_that_no_answer_has_is_missing_in_the_first() -> None:
    with pytest.raises(TargetError, match=r"^has no `id`: an object with status$"):
        job_targets.filled_in("/{id}", BASE, reads({"status": "done"}, {"other": 1}))


def test_a_location_is_the_answers_own() -> None:
    named: Answer = dataclasses.replace(answer(), location="/result/1")
    assert job_targets.by_location(named) == ("/result/1", named)
    with pytest.raises(TargetError, match=r"^has no Location"):
        job_targets.by_location(answer())


@given(st.text(st.characters(), min_size=1).filter(str.strip))
def test_no_id_leads_out_of_the_path_of_the_catalogue(text: str) -> None:
    try:
        target = job_targets.filled_in("/result/{id}", BASE, reads({"id": text}))
    except TargetError:
        return
    assert following.resolved(BASE, target.address).startswith(f"{BASE}result/")


@pytest.mark.parametrize("text", [".", ".."])
def test_an_id_that_is_a_step_to_another_path_is_refused(text: str) -> None:
    with pytest.raises(TargetError, match=f"^has a field `id` that is `{text}`, which is no part of a path$"):
        job_targets.filled_in("/result/{id}", BASE, reads({"id": text}))


@given(st.text(st.characters(), min_size=1).filter(str.strip))
def test_an_address_that_an_answer_names_is_one_or_is_refused(text: str) -> None:
    target = job_targets.filled_in("{url}", BASE, reads({"url": text}))
    try:
        there = following.resolved(BASE, target.address)
    except following.AddressError:
        return
    assert there.startswith(("http://", "https://"))
