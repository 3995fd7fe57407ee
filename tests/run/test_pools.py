from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import TIMEOUT, FakeClient, answer, endpoint
from msgspec import structs
from report_runs import sample

from pytest_modal_bench.model import Budget
from pytest_modal_bench.protocol.measurement import Measurement
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.run.pools import Pool
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.model import Sample

FLUX = endpoint(timeout=600.0)


@pytest.fixture
def measurer() -> Iterator[Measurer]:
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    with closing(Measurer(Settings(**unset | {"budget": Budget(), "cold": "off", "rounds": 3}))) as found:
        yield found


@pytest.fixture
def pool() -> Pool:
    return Pool()


def calls(
    measurer: Measurer, *samples: Sample, described: Answer | None = None
) -> tuple[Measurement, FakeClient]:
    """Return a measurement of so many calls, and its client; `described`: what the app says of itself."""
    client = FakeClient({} if described is None else {"/openapi.json": [described]})
    measurer.client = client  # type: ignore[assignment]
    measurement = Measurement(FLUX, measurer.conditions(FLUX))
    measurement.samples.extend(samples)
    return measurement, client


def failed(cause: Any, **fields: Any) -> Sample:
    return sample(ok=False, cause=cause, error=f"because of {cause}", **fields)


def test_what_is_certain_to_hit_all_of_a_pool_spares_the_others_their_calls(
    pool: Pool, measurer: Measurer
) -> None:
    measurement, _ = calls(measurer, failed("app_stopped", http_status=404))
    pool.remember(measurement)

    assert pool.health.verdict("other") == (
        "Not called: the app is stopped (as flux was told: because of app_stopped)"
    )


def test_a_pool_that_has_answered_is_there_whatever_one_endpoint_meets(
    pool: Pool, measurer: Measurer
) -> None:
    measurement, client = calls(measurer, failed("application", http_status=500), failed("timeout"))
    pool.remember(measurement)

    assert pool.health.verdict("other") is None
    assert client.called == [], "nobody need be asked"


def test_a_redirect_of_who_was_kept_waiting_is_no_answer_of_the_pool(pool: Pool, measurer: Measurer) -> None:
    waited = failed("timeout", http_status=303, held_sec=150.0)
    measurement, _ = calls(measurer, waited, described=TIMEOUT)
    pool.remember(measurement)

    assert pool.health.cause == "timeout"


def test_a_timeout_after_an_answer_that_began_is_no_sign_of_a_dead_pool(
    pool: Pool, measurer: Measurer
) -> None:
    measurement, client = calls(measurer, failed("timeout", http_status=500))
    pool.remember(measurement)

    assert (pool.health.cause, client.called) == (None, [])


def test_what_a_good_answer_only_links_to_says_nothing_of_the_pool(pool: Pool, measurer: Measurer) -> None:
    measurement, _ = calls(measurer, failed("app_stopped", http_status=200))
    pool.remember(measurement)

    assert pool.health.verdict("other") is None


@pytest.mark.parametrize(("described", "cause"), [(answer(status=404), None), (TIMEOUT, "timeout")])
def test_a_pool_of_which_one_endpoint_hangs_is_asked_once_for_a_sign_of_life(
    pool: Pool, measurer: Measurer, described: Answer, cause: str | None
) -> None:
    measurement, client = calls(measurer, failed("timeout"), described=described)
    pool.remember(measurement)

    assert client.called == ["/openapi.json"]
    assert client.deadlines[0] < measurement.conditions.deadline_sec
    assert pool.health.cause == cause


def test_each_endpoint_is_named_by_what_it_met_itself(pool: Pool, measurer: Measurer) -> None:
    for id_ in ("one", "two"):
        measurement, _ = calls(measurer, failed("killed", http_status=500))
        measurement.endpoint = structs.replace(FLUX, id=id_)
        pool.remember(measurement)

    verdict = pool.health.verdict("three")
    assert verdict is not None
    assert "as two was told" in verdict
