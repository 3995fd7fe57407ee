from __future__ import annotations

from typing import get_args

from execnet import dumps, loads
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import convert, structs, to_builtins
from report_runs import sample

from pytest_modal_bench.model import Sample
from pytest_modal_bench.model.sample import Cause, Start
from pytest_modal_bench.protocol.progress import (
    Activity,
    CallBegun,
    CallEnded,
    EndpointEnded,
    Event,
    unwatched,
)

starts = st.sampled_from(get_args(Start))
seconds = st.floats(0, 1e6)
texts = st.text(st.characters(exclude_categories=["Cs"]))
about = {"endpoint": texts, "base": st.booleans()}
events = st.one_of(
    st.builds(Activity, text=texts, **about),
    st.builds(
        CallBegun,
        start=starts,
        number=st.integers(1, 99),
        rounds=st.integers(1, 99),
        deadline_sec=seconds,
        **about,
    ),
    st.builds(
        CallEnded,
        start=starts,
        meant=starts,
        number=st.integers(1, 99),
        ok=st.booleans(),
        elapsed_sec=seconds,
        proof=st.none() | texts,
        error=st.none() | texts,
        cause=st.none() | st.sampled_from(get_args(Cause)),
        cost_usd=st.none() | seconds,
        cost_basis=st.sampled_from([None, "measured", "estimated"]),
        **about,
    ),
    st.builds(EndpointEnded, **about),
)


@settings(max_examples=50)
@given(events)
def test_an_event_crosses_from_a_worker_as_built_in_types(event: Event) -> None:
    read = convert(loads(dumps(to_builtins(event))), Event)

    assert (read, type(read)) == (event, type(event))


def test_of_a_call_that_has_ended_is_told_what_its_sample_says() -> None:
    ended = sample(
        "first",
        3.0,
        ok=False,
        asked="cold",
        proof="no container before",
        dropped="in another container",
        error="HTTP 500: boom",
        cause="application",
        cost_usd=0.5,
        cost_basis="measured",
    )
    told = CallEnded.of(ended, "flux", 2)

    assert (told.endpoint, told.number, told.base) == ("flux", 2, False)
    shared = {*structs.asdict(told)} & {*Sample.__struct_fields__}
    assert len(shared) == 9
    assert {name: getattr(told, name) for name in shared} == {name: getattr(ended, name) for name in shared}
    assert (told.start, told.meant) == ("first", "cold")


def test_one_that_was_what_it_was_meant_to_be_says_so() -> None:
    assert CallEnded.of(sample("warm"), "flux", 1).meant == "warm"


def test_where_nobody_watches_events_come_to_nothing() -> None:
    for event in (Activity(endpoint="flux", text="getting ready"), EndpointEnded(endpoint="flux")):
        assert unwatched(event) is None  # type: ignore[func-returns-value]
