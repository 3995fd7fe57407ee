from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from pytest_modal_bench.local.containers.records import MAX_RECORDS, Record, Records
from pytest_modal_bench.local.workspace.scenario import AppFault

if TYPE_CHECKING:
    from pytest_modal_bench.local.containers.handle import ContainerHandle


def container(*, up_at: float) -> ContainerHandle:
    return cast(
        "ContainerHandle",
        SimpleNamespace(id="ta-01", created_at=up_at - 2, up_at=up_at, taken=0, concurrent_inputs=2),
    )


def ran(records: Records) -> Record:
    record = records.enqueue("fc-01")
    record.start(container(up_at=record.enqueued_at + 2))
    record.end("success")
    return record


def test_a_record_follows_its_call() -> None:
    records = Records()
    record = records.enqueue("fc-01")
    assert (record.status, record.started_at, record.execution_sec) == ("pending", None, None)
    assert record.enqueued_at == pytest.approx(time.time(), abs=1)
    record.start(container(up_at=record.enqueued_at + 2))
    assert (record.status, record.container_id) == ("running", "ta-01")
    assert record.startup_sec == pytest.approx(2)
    record.end("success")
    assert record.execution_sec is not None
    assert record.execution_sec >= 0
    assert records.visible() == [record]


def test_a_call_that_waited_for_no_start_has_no_startup_time() -> None:
    record = Records().enqueue("fc-01")
    record.start(container(up_at=record.enqueued_at - 1))
    assert record.startup_sec is None


def test_of_the_calls_that_were_there_before_a_container_those_waited_for_its_start_that_it_took_at_once() -> (
    None
):
    records = Records()
    waiting = [records.enqueue(f"fc-{number}") for number in range(4)]
    started = container(up_at=time.time() + 1)
    for record in waiting:
        record.start(started)
    assert [record.startup_sec is not None for record in waiting] == [True, True, False, False]


def test_a_call_that_waits_again_has_started_nowhere() -> None:
    record = Records().enqueue("fc-01")
    record.start(container(up_at=0))
    record.requeue()
    assert (record.status, record.started_at, record.container_id) == ("pending", None, None)
    assert (record.began, record.number) == (None, None)


def test_calls_are_numbered_by_the_order_in_which_their_container_took_them() -> None:
    records = Records()
    first, second, waiting = (records.enqueue(f"fc-{number}") for number in range(3))
    shared = container(up_at=0)
    second.start(shared)
    first.start(shared)
    assert (first.number, second.number, waiting.number) == (2, 1, None)
    assert second.began is not None
    assert first.received <= second.received <= second.began
    assert first.began is not None
    assert second.began <= first.began


def test_only_the_last_calls_are_remembered_oldest_first() -> None:
    records = Records()
    for number in range(MAX_RECORDS + 1):
        records.enqueue(f"fc-{number}")
    assert [records.visible()[0].call_id, records.visible()[-1].call_id] == ["fc-1", f"fc-{MAX_RECORDS}"]
    assert len(records.visible()) == MAX_RECORDS


def test_records_can_be_missing() -> None:
    records = Records(AppFault(records="missing"))
    ran(records)
    assert records.visible() == []


def test_records_can_be_late() -> None:
    records = Records(AppFault(records="late", records_late_sec=5), time_scale=2)
    records.enqueue("fc-02")
    record = ran(records)
    assert records.visible() == []
    record.ended_at = time.time() - 9.9
    assert records.visible() == []
    record.ended_at = time.time() - 10.1
    assert records.visible() == [record]


def test_records_can_name_another_container() -> None:
    records = Records(AppFault(records="contradictory"))
    ran(records)
    records.enqueue("fc-02")
    first, second = records.visible()
    assert first.container_id is not None
    assert first.container_id.startswith("ta-01")
    assert first.container_id != "ta-01"
    assert second.container_id is None
    assert records.visible()[0] == first
