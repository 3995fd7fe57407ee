from __future__ import annotations

from typing import Any

import pytest
from report_runs import result, sample, tables

from pytest_modal_bench.model import Job
from pytest_modal_bench.report.sections.jobs import jobs


def job(waiting: float | None = 9.0, **fields: Any) -> Job:
    known: dict[str, Any] = {"submit_sec": 0.2, "delivery_sec": 0.5, "asked": 10, "resolution_sec": 1.0}
    return Job(waiting_sec=waiting, **known | fields)


def rows(*samples: Any, **fields: Any) -> list[list[str]]:
    (found,) = tables(jobs([result(samples=[*samples], **fields)]))
    return found[1:]


def test_each_part_of_a_jobs_time_has_its_median() -> None:
    samples = [sample("warm", seconds, job=job(seconds - 0.7)) for seconds in (9.7, 11.7, 10.7)]
    (found,) = tables(jobs([result(samples=samples)]))

    assert found == [
        [
            *("Endpoint", "Start", "Jobs", "Submit", "Waiting", "Resolution", "Delivery", "Total"),
            "Asked",
        ],
        ["flux", "warm", "3", "0.20", "10.0", "1.0", "0.50", "10.7", "10"],
    ]


def test_a_cold_start_that_nothing_proves_is_marked_in_every_time_that_it_is_in() -> None:
    cold = sample("cold", 30.0, job=job())

    assert rows(cold, cold_verified=False)[0][3:8] == ["0.20?", "9.0?", "1.0", "0.50?", "30.0?"]
    assert rows(cold, cold_verified=True)[0][3:8] == ["0.20", "9.0", "1.0", "0.50", "30.0"]


def test_each_start_has_a_row_of_its_own() -> None:
    found = rows(
        sample("warm", 2.0, job=job()), sample("cold", 30.0, job=job()), sample("first", 3.0, job=job())
    )

    assert [row[1] for row in found] == ["cold", "first", "warm"]


def test_what_is_unknown_is_a_dash() -> None:
    bare = sample("warm", 9.0, job=job(None, delivery_sec=None, resolution_sec=None, asked=0))

    assert rows(bare) == [["flux", "warm", "1", "0.20", "-", "-", "-", "9.0", "0"]]


@pytest.mark.parametrize(
    "one", [sample(), sample("warm", ok=False, job=job(None)), sample(dropped="changed", job=job())]
)
def test_where_no_job_was_done_there_is_nothing(one: Any) -> None:
    assert jobs([result(samples=[one])]) == ""
    assert jobs([]) == ""
