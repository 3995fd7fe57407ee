from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.call.request import build
from pytest_modal_bench.cost.prices import table
from pytest_modal_bench.load.messages import (
    Batch,
    Began,
    Begin,
    Connected,
    Died,
    Done,
    Ended,
    Event,
    Lost,
    Order,
    Prepare,
    Progress,
    Ready,
    Record,
    Stop,
    Target,
    Task,
    Trouble,
    line,
    packed,
    unpacked,
)
from pytest_modal_bench.load.schedule import Split
from pytest_modal_bench.load.spec import Step
from pytest_modal_bench.model import Budget, Endpoint, Expect, Level, LoadCall, Resource

seconds = st.floats(0, 1e6)
number = st.integers(0, 2**53)
texts = st.text() | st.sampled_from(["one\ntwo", "\u2028", "\x00", '"}\n{"'])
steps = st.builds(
    Step,
    kind=st.sampled_from(["users", "rate", "burst", "ramp"]),
    value=seconds,
    duration_sec=st.none() | seconds,
    arrivals=st.sampled_from(["even", "poisson"]),
)
splits = st.builds(Split, after_sec=seconds, share=st.integers(-1, 9), of=st.integers(1, 9))
done = st.builds(
    Done, number=number, cpu_share=seconds, lag_sec=seconds, notes=st.lists(texts, max_size=3).map(tuple)
)
calls = st.builds(
    LoadCall,
    meant_sec=seconds,
    began_sec=seconds,
    elapsed_sec=seconds,
    ok=st.booleans(),
    cause=st.sampled_from([None, "timeout", "application"]),
    error=st.none() | texts,
    under_way=st.booleans(),
    container=st.none() | texts,
    cost_usd=st.none() | seconds,
    output_tokens=st.none() | number,
)
records = st.builds(
    Record,
    call=calls,
    target=number,
    gpu=st.none() | texts,
    cost_basis=st.sampled_from([None, "measured", "estimated"]),
    bound_usd=st.none() | seconds,
)
counts = {"answered": number, "failed": number, "gone": number, "cut_off": number}
between_processes = st.one_of(
    st.builds(Batch, number=number, calls=st.binary(), **counts),
    st.builds(Prepare, number=number, step=steps, split=splits),
    splits,
    done,
)
events = st.one_of(
    st.builds(Began, number=number),
    st.builds(Ready, host=texts, port=number, engine=texts),
    st.builds(Connected, generator=number, problem=st.none() | texts),
    st.builds(Lost, generator=number, at_sec=st.none() | seconds, left=number),
    st.builds(Progress, number=number, **counts),
    st.builds(
        Ended,
        number=number,
        generators=st.lists(done, max_size=3).map(tuple),
        machine_share=st.none() | seconds,
        spent_up=st.booleans(),
    ),
    st.builds(Trouble, text=texts),
)
orders = st.one_of(st.builds(Begin, number=number, step=steps), st.builds(Stop), st.builds(Died, pid=number))

TOLD_NOBODY = "hunter2hunter2"
ENDPOINT = Endpoint(
    id="flux",
    name="Flux",
    path="/flux",
    app="flux",
    url="http://127.0.0.1:9",
    pool="pool",
    category="Flux",
    payload={"image": "{image}", "seed": "{seed}", "steps": [4, 0.5, None, True]},
    query={"fast": "yes"},
    headers={"Authorization": "Bearer {env:TOKEN}"},
    needs=("image",),
    expect=Expect(kind="image", width=512),
    budget=Budget(max_p95=Level(warn=4.0, fail=5.0)),
)
TASK = Task(
    targets=(Target(endpoint=ENDPOINT, weight=2.0, deadline_sec=60.0, gpu="L40S"),),
    resources={"image": Resource(bytes(range(256)), "image/png", "image.png"), "lora": "known"},
    held_after_sec=1.0,
    time_scale=0.01,
    simulated=True,
    rates=table(),
    seed="7",
    limited=False,
)


@settings(max_examples=50)
@given(between_processes)
def test_what_processes_send_each_other_arrives_as_it_was(message: msgspec.Struct) -> None:
    assert unpacked(packed(message), type(message)) == message


@settings(max_examples=50)
@given(events)
def test_an_event_is_one_line_and_says_itself_which_it_is(event: Event) -> None:
    written = line(event)

    assert written.count(b"\n") == 1
    assert written.endswith(b"\n")
    read = msgspec.json.decode(written, type=Event)
    assert (read, type(read)) == (event, type(event))


@settings(max_examples=30)
@given(orders)
def test_so_is_an_order(order: Order) -> None:
    written = line(order)

    assert written.index(b"\n") == len(written) - 1
    read = msgspec.json.decode(written, type=Order)
    assert (read, type(read)) == (order, type(order))


@settings(max_examples=30)
@given(st.lists(records, max_size=5))
def test_the_calls_of_a_batch_are_a_line_of_json(made: list[Record]) -> None:
    written = msgspec.json.encode(made)
    batch = Batch(number=1, calls=written, answered=len(made), failed=0, gone=0, cut_off=0)
    read = unpacked(packed(batch), Batch).calls

    assert b"\n" not in read
    assert msgspec.json.decode(read, type=list[Record]) == made
    assert len(json.loads(read)) == len(made)


def test_a_task_has_all_that_it_takes_to_call_in_it() -> None:
    task = unpacked(packed(TASK), Task)
    (target,) = task.targets
    requests = [
        build(endpoint, task.resources, seed=3, environ={"TOKEN": TOLD_NOBODY})
        for endpoint in (ENDPOINT, target.endpoint)
    ]

    assert task == TASK
    assert requests[0].body == requests[1].body
    assert (requests[0].url, requests[0].headers) == (requests[1].url, requests[1].headers)


def test_a_secret_does_not_cross(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", TOLD_NOBODY)

    assert TOLD_NOBODY.encode() not in packed(TASK)
    assert b"{env:TOKEN}" in packed(TASK)


@pytest.mark.parametrize("kind", [Done, Prepare])
def test_what_is_no_such_message_is_refused(kind: type[msgspec.Struct]) -> None:
    with pytest.raises(msgspec.ValidationError):
        unpacked(packed(Batch(number=1, calls=b"", answered=0, failed=0, gone=0, cut_off=0)), kind)
