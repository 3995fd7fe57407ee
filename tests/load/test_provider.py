from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.control.interface import CallRecord, ControlError
from pytest_modal_bench.control.journal import Journal
from pytest_modal_bench.control.observer import Observer
from pytest_modal_bench.cost.prices import table
from pytest_modal_bench.cost.pricing import Pricing
from pytest_modal_bench.load import provider
from pytest_modal_bench.load.messages import Record
from pytest_modal_bench.load.provider import Watch, settled
from pytest_modal_bench.model import Endpoint, LoadCall

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENDPOINT = Endpoint(
    id="flux",
    name="Flux",
    path="/flux",
    app="flux",
    url="http://x",
    pool="x",
    category="C",
    function="web",
    gpu="T4",
)


class Plane:
    """A control plane of one function, which has so many containers and such records."""

    def __init__(self, counts: Sequence[int], records: Sequence[CallRecord] = ()) -> None:
        self.counts = list(counts)
        self.known = list(records)
        self.asked = 0

    def function(self, app: str, name: str) -> Plane:
        assert (app, name) == ("flux", "web")
        return self

    def count(self) -> int:
        self.asked += 1
        if not self.counts:
            raise ControlError("gone")
        return self.counts.pop(0)

    def records(self, limit: int) -> Sequence[CallRecord]:
        return self.known[:limit]


def watch(plane: Any, tmp_path: Path) -> Watch:
    observer = Observer(lambda: plane, Journal(tmp_path), patience_sec=lambda seconds: seconds)
    return Watch(observer, ENDPOINT)


def record(**given: Any) -> Record:
    call = LoadCall(**{"meant_sec": 0.0, "began_sec": 0.0, "elapsed_sec": 4.0, "ok": True, **given})
    return Record(call=call, target=0, cost_basis="estimated" if call.cost_usd is not None else None)


def pricing() -> Pricing:
    return Pricing(ENDPOINT, rates=table, provider_gpu=lambda: None)


PROVIDED = CallRecord(
    call_id="fc-1",
    container="ta-1",
    enqueued_at=100.0,
    started_at=102.5,
    startup_sec=1.5,
    execution_sec=1.0,
)


def test_the_pool_is_counted_while_a_step_goes_on_but_not_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = Plane([0, 1, 2])
    watching = watch(plane, tmp_path)
    watching.begin()
    watching.look()
    watching.look()
    assert plane.asked == 1
    monkeypatch.setattr(provider, "_COUNT_SEC", 0.0)
    monkeypatch.setattr(provider, "_REST", 0.0)
    watching.begin()
    watching.look()
    watching.look()
    assert [count for _, count in watching.pool] == [1, 2]


def test_records_are_kept_by_call_and_forgotten_with_the_step(tmp_path: Path) -> None:
    watching = watch(Plane([1] * 9, [PROVIDED]), tmp_path)
    watching.begin()
    watching.wait_for(["fc-1"])
    assert watching.records == {"fc-1": PROVIDED}
    watching.begin()
    assert watching.records == {}


def test_records_that_do_not_come_are_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "_LAST_SEC", 0.05)
    watching = watch(Plane([1] * 9), tmp_path)
    watching.wait_for(["fc-1"])
    assert watching.records == {}


def test_trouble_with_the_control_plane_costs_evidence_only(tmp_path: Path) -> None:
    watching = watch(Plane([]), tmp_path)
    watching.look()
    watching.wait_for(["fc-1"])
    assert (watching.pool, watching.records) == ([], {})


def test_where_nobody_can_be_asked_nothing_is_known() -> None:
    watching = Watch(None, ENDPOINT)
    watching.look()
    watching.wait_for(["fc-1"])
    assert (watching.pool, watching.records) == ([], {})


def test_the_provider_s_record_says_how_long_a_call_waited_and_whether_it_met_a_start() -> None:
    call, basis = settled(record(execution_sec=0.9), PROVIDED, pricing(), is_job=False)
    assert (call.container, call.first_of_container) == ("ta-1", True)
    assert (call.queue_sec, call.execution_sec) == (1.0, 1.0)
    # What is billed are the start and the work.
    assert call.cost_usd == pytest.approx(2.5 * table().gpu["T4"])
    assert basis == "estimated"


def test_the_container_s_own_word_on_whether_a_call_was_its_first_comes_before_the_provider_s() -> None:
    call, _ = settled(record(first_of_container=False, container="ta-1"), PROVIDED, pricing(), is_job=False)
    assert call.first_of_container is False


def test_a_call_that_did_not_wait_for_a_start_met_none() -> None:
    warm = CallRecord(call_id="fc-1", container="ta-1", enqueued_at=1.0, started_at=1.0, execution_sec=1.0)
    assert settled(record(), warm, pricing(), is_job=False)[0].first_of_container is False
    unknown = CallRecord(call_id="fc-1")
    assert settled(record(), unknown, pricing(), is_job=False)[0].first_of_container is None


def test_a_cost_that_the_endpoint_has_named_stays() -> None:
    measured = Record(call=record(cost_usd=0.5).call, target=0, cost_basis="measured")
    call, basis = settled(measured, PROVIDED, pricing(), is_job=False)
    assert (call.cost_usd, basis) == (0.5, "measured")


def test_the_record_of_who_took_a_job_does_not_say_how_long_it_was_worked_on() -> None:
    assert settled(record(), PROVIDED, pricing(), is_job=True)[0].execution_sec is None


def test_without_a_record_a_call_stays_as_it_is() -> None:
    assert settled(record(cost_usd=0.5), None, pricing(), is_job=False) == (
        record(cost_usd=0.5).call,
        "estimated",
    )
