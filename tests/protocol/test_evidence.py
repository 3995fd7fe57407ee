from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.control.interface import CallRecord
from pytest_modal_bench.control.pool_observer import RECORDS, Before
from pytest_modal_bench.model import Job, Sample
from pytest_modal_bench.protocol import evidence
from pytest_modal_bench.protocol.evidence import PoolState

NOBODY = Before((0, 0), frozenset())


def sample(**more: Any) -> Sample:
    given: dict[str, Any] = {
        "start": "cold",
        "ok": True,
        "elapsed_sec": 10.0,
        "started_at": "2026-02-02T12:22:58Z",
    } | more
    return Sample(**given)


def against(of: Sample, *, before: Before | None = None, seen: str = "", records: Any = ()) -> str | None:
    state = PoolState()
    state.seen.update(seen.split())
    return evidence.against_cold(of, before, {record.call_id: record for record in records}, state)


def record(call_id: str, container: str | None, started_at: float | None, **more: Any) -> CallRecord:
    return CallRecord(call_id=call_id, container=container, started_at=started_at, **more)


def test_nothing_known_speaks_neither_for_nor_against() -> None:
    assert against(sample()) is None
    assert evidence.proof_of_cold(sample(), None, None) is None


@pytest.mark.parametrize(
    ("of", "known", "reason"),
    [
        ({"container_request": 2}, {}, "its container had served 1 request before"),
        ({"container": "ta-1"}, {"seen": "ta-1"}, "container ta-1 had answered before"),
        (
            {"container": "ta-1", "container_request": 1},
            {"seen": "ta-1"},
            "container ta-1 had answered before",
        ),
        ({}, {"before": Before((0, 2), frozenset())}, "the pool had 2 containers before the call"),
        (
            {"container": "ta-1"},
            {"before": Before((0, 0), frozenset({"ta-1"}))},
            "container ta-1 was there before the call",
        ),
        (
            {"container_request": 1, "container_uptime_sec": 70.0},
            {},
            "its container was up for 70.0 s when it answered, longer than the call took",
        ),
        (
            {"container": "ta-1", "call_id": "fc-1"},
            {"records": [record("fc-1", "ta-2", 5.0)]},
            "it says container ta-1, the provider's record says ta-2",
        ),
        (
            {"call_id": "fc-1"},
            {"records": [record("fc-1", "ta-1", 5.0), record("fc-0", "ta-1", 4.0)]},
            "its container had served call fc-0 before",
        ),
    ],
)
def test_what_speaks_against_a_cold_start(of: dict[str, Any], known: dict[str, Any], reason: str) -> None:
    assert against(sample(**of), **known) == reason


@pytest.mark.parametrize(
    "others",
    [
        [record("fc-0", "ta-2", 4.0)],
        [record("fc-2", "ta-1", 6.0)],
        [record("fc-0", "ta-1", None)],
        [record("fc-0", None, 4.0)],
    ],
    ids=["another container", "a later call", "no moment", "no container"],
)
def test_calls_of_others_that_say_nothing_of_this_one(others: list[CallRecord]) -> None:
    assert against(sample(call_id="fc-1"), records=[record("fc-1", "ta-1", 5.0), *others]) is None


def test_records_that_do_not_reach_back_to_a_call_leave_no_cold_start() -> None:
    busy = [record(f"fc-{number}", "ta-1", 100.0 + number) for number in range(RECORDS)]
    reason = "others called the pool so often that its records do not reach back to this call"

    assert against(sample(call_id="fc-x"), records=busy) == reason, "it was pushed out"
    assert against(sample(call_id="fc-0"), records=busy) == reason, "what came before it was"
    assert against(sample(call_id="fc-9"), records=busy) == "its container had served call fc-0 before"
    assert against(sample(call_id="fc-x"), records=busy[1:]) is None, "these are all that there are"


def test_what_proves_a_cold_start() -> None:
    def proof(after: frozenset[str] | None = None, before: Before | None = None, **of: Any) -> str | None:
        return evidence.proof_of_cold(sample(**of), before, after)

    assert proof(container_request=1) == "first request of its container"
    assert proof(container="ta-1", container_request=1) == "first request of container ta-1"
    assert (
        proof(container="ta-1", container_request=1, before=NOBODY)
        == "no container before, first request of container ta-1"
    )
    assert proof(container="ta-1", before=NOBODY) == "no container before, ta-1 after"
    assert proof(frozenset({"ta-1"}), NOBODY) == "no container before, ta-1 after"


def test_what_proves_nothing() -> None:
    def proof(after: frozenset[str] | None, before: Before | None, **of: Any) -> str | None:
        return evidence.proof_of_cold(sample(**of), before, after)

    assert proof(frozenset(), NOBODY) is None, "the container is not known"
    assert proof(frozenset({"ta-1", "ta-2"}), NOBODY) is None, "which of them answered is not known"
    assert proof(frozenset({"ta-1"}), Before((0,), frozenset())) is None, "asked once only"
    assert proof(frozenset({"ta-1"}), None) is None, "not asked before"
    assert proof(None, None, container="ta-1") is None, "a name alone says nothing"


@given(
    request=st.none() | st.integers(1, 5),
    counts=st.none() | st.lists(st.integers(0, 2), max_size=3),
    uptime=st.none() | st.floats(0, 100),
    seen=st.booleans(),
)
def test_what_is_proven_has_nothing_against_it(
    request: int | None, counts: list[int] | None, uptime: float | None, seen: bool
) -> None:
    before = None if counts is None else Before(tuple(counts), frozenset())
    of = sample(container="ta-1", container_request=request, container_uptime_sec=uptime)
    proven = (
        against(of, before=before, seen="ta-1" if seen else "") is None
        and evidence.proof_of_cold(of, before, frozenset({"ta-1"})) is not None
    )
    empty = counts is not None and len(counts) >= 2 and not any(counts)

    assert not proven or (
        not seen
        and request in (None, 1)
        and not any(counts or ())
        and (request == 1 or empty)
        and (uptime is None or uptime <= of.elapsed_sec)
    )


def test_what_nobody_accounts_for() -> None:
    known = record("fc-1", "ta-1", 5.0, enqueued_at=1.0, startup_sec=3.0, execution_sec=4.0)
    joined = evidence.with_record(sample(call_id="fc-1"), {"fc-1": known})

    assert joined.provider is not None
    assert (joined.provider.queue_sec, joined.provider.boot_sec, joined.provider.execution_sec) == (
        1.0,
        3.0,
        4.0,
    )
    assert joined.unattributed_sec == 2.0
    assert evidence.with_record(sample(), {}).unattributed_sec is None
    assert evidence.with_record(sample(handler_sec=4.0), {}).unattributed_sec == 6.0
    assert evidence.with_record(sample(handler_sec=40.0), {}).unattributed_sec is None, "longer than the call"


def test_a_record_that_comes_late_takes_nothing_away() -> None:
    early = evidence.with_record(sample(call_id="fc-1"), {"fc-1": record("fc-1", "ta-1", 5.0)})

    assert evidence.with_record(early, {}) == early


def test_containers_that_have_answered_the_endpoint_may_take_turns() -> None:
    state = PoolState()
    for container in ("ta-1", "ta-2", "ta-1"):
        state.remember("flux", sample(container=container))
    for container in ("ta-2", "ta-1", "ta-2"):
        met = sample(container=container)
        assert evidence.against_warm(met, {}, state, "flux") is None
        state.remember("flux", met)

    assert evidence.against_warm(sample(container="ta-3"), {}, state, "flux") == (
        "the container changed from ta-2 to ta-3"
    )


def test_a_container_that_has_answered_another_endpoint_alone_is_not_warm() -> None:
    state = PoolState()
    state.remember("flux", sample(container="ta-1"))
    state.remember("wan", sample(container="ta-2"))

    assert evidence.against_warm(sample(container="ta-2"), {}, state, "flux") == (
        "container ta-2 had not answered this endpoint before"
    )


# --- Jobs ---

JOB = Job(submit_sec=0.5, waiting_sec=9.0, delivery_sec=0.5, asked=9)
"""Of a sample of ten seconds."""


def test_the_container_that_took_a_job_proves_no_cold_start_of_the_one_that_does_it() -> None:
    def proof(before: Before | None, **of: Any) -> str | None:
        return evidence.proof_of_cold(sample(job=JOB, **of), before, frozenset({"ta-1"}))

    assert proof(None, container="ta-1", container_request=1) is None
    assert proof(Before((0, 0), frozenset({"ta-9"})), container="ta-1", container_request=1) is None
    assert proof(Before((0,), frozenset()), container="ta-1") is None, "asked once only"
    assert proof(NOBODY, container="ta-1") == "no container of the app before"


def test_a_job_that_was_taken_by_a_container_that_was_there_is_no_cold_start() -> None:
    assert against(sample(job=JOB, container_request=2)) == "its container had served 1 request before"
    assert against(sample(job=JOB, container_request=1, container_uptime_sec=3.0)) == (
        "its container was up for 3.0 s when it answered, longer than the call took"
    )
    assert against(sample(job=JOB, container_request=1, container_uptime_sec=0.4)) is None


def test_what_ran_for_the_one_that_took_a_job_is_not_the_jobs_own_time() -> None:
    taken = record("fc-1", "ta-1", 5.0, enqueued_at=1.0, startup_sec=3.0, execution_sec=0.1)
    joined = evidence.with_record(sample(call_id="fc-1", job=JOB), {"fc-1": taken})

    assert joined.provider is not None
    assert (joined.provider.boot_sec, joined.provider.execution_sec, joined.worked_sec) == (3.0, None, None)
    assert joined.container == "ta-1"


def test_questions_for_a_job_are_not_others_who_call_the_pool_often() -> None:
    questions = [record(f"fc-{number}", "ta-1", 100.0 + number) for number in range(RECORDS)]
    asked = Job(submit_sec=0.5, asked=RECORDS)

    assert against(sample(call_id="fc-x", job=asked), records=questions) is None
    assert against(sample(call_id="fc-x", job=JOB), records=questions * 2) is None, "so many there are not"
    others = [record(f"fc-{number}", "ta-1", 100.0 + number) for number in range(RECORDS + 9)]
    assert against(sample(call_id="fc-x", job=JOB), records=others) == (
        "others called the pool so often that its records do not reach back to this call"
    )
