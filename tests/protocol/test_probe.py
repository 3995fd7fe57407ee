"""Whether the test LoRA exists is asked once a run, and never with a call that is made for nothing else."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import FakeClient, answer, endpoint
from report_runs import sample

from pytest_modal_bench.cost.ledger import LimitReached
from pytest_modal_bench.protocol.evidence import PoolState
from pytest_modal_bench.protocol.measurement import Conditions
from pytest_modal_bench.protocol.probe import probe_lora, says_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from project import Project, Service

    from pytest_modal_bench.call.answer import Answer

WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "workers"])
LORA = '{ lora_id = "{lora}", seed = "{seed}" }'


@pytest.fixture
def project_of(project: Project, service: Service) -> Project:
    """A project with three endpoints that need the LoRA, the second of which is asked, and one that does not."""
    write(project, service, "known")
    return project


def write(project: Project, service: Service, lora: str) -> None:
    project.catalogue(
        service.url,
        "/ok",
        "/lora-a",
        "/lora-probe",
        "/lora-c",
        more=f'[resources]\nlora = {{ id = "{lora}", probe = "/lora-probe" }}',
        payloads=dict.fromkeys(("/lora-a", "/lora-probe", "/lora-c"), LORA),
        apps=2,
    )


def starts(project: Project) -> dict[str, list[str]]:
    return {
        each["path"]: [sample["start"] for sample in each["samples"]] for each in project.report()["results"]
    }


@WORKERS
def test_a_known_lora_is_asked_for_by_the_first_call_of_its_endpoint(
    project_of: Project, service: Service, workers: list[str]
) -> None:
    result = project_of.run(
        "--modal-bench", "--modal-bench-rounds=2", "--benchmark-json=bench.json", *workers
    )

    result.assert_outcomes(passed=4)
    assert service.calls[0] == "/lora-probe"
    assert Counter(service.calls) == {"/ok": 3, "/lora-a": 3, "/lora-probe": 4, "/lora-c": 3}
    assert starts(project_of) == {
        # The probe has called the pool of `/ok` before, which so finds no cold start any more.
        "/ok": ["first", "warm", "warm"],
        "/lora-a": ["cold", "warm", "warm"],
        # Time has passed since the probe: what comes after it need not be warm.
        "/lora-probe": ["cold", "first", "warm", "warm"],
        "/lora-c": ["first", "warm", "warm"],
    }
    assert project_of.report()["resources"]["lora"] is True
    probed = next(each for each in project_of.report()["results"] if each["path"] == "/lora-probe")
    colds = [
        benchmark["stats"]["data"]
        for benchmark in project_of.report("bench.json")["benchmarks"]
        if benchmark["name"] == "test_endpoint[lora-probe]:cold"
    ]
    assert colds == [[probed["samples"][0]["elapsed_sec"]]]


@WORKERS
def test_an_unknown_lora_is_missing_wherever_it_is_needed(
    project_of: Project, service: Service, workers: list[str]
) -> None:
    write(project_of, service, "unknown")

    result = project_of.run("--modal-bench", "--modal-bench-rounds=1", *workers)

    assert result.ret == 0
    result.assert_outcomes(passed=1, skipped=3)
    assert Counter(service.calls) == {"/lora-probe": 1, "/ok": 2}
    assert {each["skipped_reason"] for each in project_of.report()["results"]} == {None, "Missing: LoRA file"}
    assert project_of.report()["resources"]["lora"] is False


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"modal-http: invalid function call"), (500, b"out of memory"), (401, b"who are you?")],
)
def test_an_answer_that_says_nothing_of_the_lora_fails_its_endpoint_alone(
    project_of: Project, service: Service, status: int, body: bytes
) -> None:
    service.answers["/lora-probe"] = (status, body)

    result = project_of.run("--modal-bench", "--modal-bench-rounds=1")

    result.assert_outcomes(passed=3, failed=1)
    assert Counter(service.calls)["/lora-probe"] == 1
    report = project_of.report()
    assert report["resources"]["lora"] is None
    assert [each["error"] for each in report["results"]] == [
        None,
        None,
        f"HTTP {status}: {body.decode()}",
        None,
    ]


def test_nobody_is_asked_where_no_endpoint_that_runs_needs_it(project_of: Project, service: Service) -> None:
    project_of.run("--modal-bench", "--modal-bench-rounds=1", "-k", "ok").assert_outcomes(
        passed=1, deselected=3
    )

    assert set(service.calls) == {"/ok"}


def test_the_one_that_is_asked_need_not_run_itself(project_of: Project, service: Service) -> None:
    result = project_of.run("--modal-bench", "--modal-bench-rounds=1", "-k", "lora-c")

    result.assert_outcomes(passed=1, deselected=3)
    assert service.calls == ["/lora-probe", "/lora-c", "/lora-c"]


def test_a_lora_without_a_probe_is_taken_to_exist(project: Project, service: Service) -> None:
    project.catalogue(
        service.url, "/lora", more='[resources]\nlora = { id = "known" }', payloads={"/lora": LORA}
    )

    project.run("--modal-bench", "--modal-bench-rounds=1").assert_outcomes(passed=1)

    assert service.calls == ["/lora"] * 2
    assert project.report()["resources"]["lora"] is None


# --- The call itself ---


NEEDING = endpoint("/lora", payload={"lora_id": "{lora}"}, needs=("lora",))


def conditions(given: Answer = answer(), **more: Any) -> Conditions:  # noqa: B008 - nobody changes it
    client: Any = FakeClient({"/lora": [given]})
    known: dict[str, Any] = {"resources": {"lora": "known"}, "environ": {}, "deadline_sec": 600.0}
    return Conditions(client=client, pool=PoolState(), **known | more)


@pytest.mark.parametrize(("cold", "start"), [(True, "cold"), (False, "first")])
def test_it_is_one_call_that_counts_as_the_pools_or_the_endpoints_first(cold: bool, start: str) -> None:
    measurement = probe_lora(NEEDING, conditions(), cold=cold)

    assert measurement is not None
    assert [(sample.start, sample.ok) for sample in measurement.samples] == [(start, True)]
    assert (measurement.ended, measurement.stopped, measurement.impossible) == (False, None, None)


def test_without_what_else_the_endpoint_needs_nobody_is_asked() -> None:
    needing_more = endpoint("/lora", needs=("lora", "image"))

    assert probe_lora(needing_more, conditions(), cold=True) is None


def test_a_call_that_failed_is_its_sample() -> None:
    measurement = probe_lora(NEEDING, conditions(answer(status=404)), cold=True)

    assert measurement is not None
    assert (measurement.ended, [sample.http_status for sample in measurement.samples]) == (True, [404])


def test_a_call_that_cannot_be_made_leaves_no_sample_and_its_reason() -> None:
    needing_a_key = endpoint("/lora", needs=("lora",), headers={"Modal-Key": "{env:NOT_SET_ANYWHERE}"})
    measurement = probe_lora(needing_a_key, conditions(), cold=True)

    assert measurement is not None
    assert measurement.samples == []
    assert measurement.impossible == "the environment variable NOT_SET_ANYWHERE is not set"


def test_a_call_that_a_limit_prevents_leaves_no_sample_and_its_reason() -> None:
    @contextmanager
    def refuse(expected_usd: float | None) -> Iterator[Callable[[float | None], None]]:
        if expected_usd is None:
            raise LimitReached("the spending limit of $1.00 is reached")
        yield lambda _: None

    measurement = probe_lora(NEEDING, conditions(permit=refuse), cold=True)

    assert measurement is not None
    assert (measurement.samples, measurement.stopped) == ([], "the spending limit of $1.00 is reached")


def test_the_apps_own_404_says_that_the_lora_is_missing_and_modals_does_not() -> None:
    def failed(status: int | None, error: str) -> bool:
        return says_missing(sample(ok=False, http_status=status, error=error))

    assert failed(404, 'HTTP 404: {"detail": "no such LoRA"}')
    assert not failed(404, "HTTP 404: modal-http: invalid function call")
    assert not failed(500, "HTTP 500: boom")
    assert not failed(None, "Timeout")
