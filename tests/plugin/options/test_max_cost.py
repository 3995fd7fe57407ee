from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service

USD = 0.4
REACHED = "the spending limit of $1.00 is reached: "


@pytest.fixture
def costly(project: Project, service: Service) -> Project:
    """A project of four endpoints in two pools, that say what each call costs."""
    paths = [f"/ok{number}" for number in range(1, 5)]
    service.headers.update({path: {"X-Cost-USD": str(USD)} for path in paths})
    project.catalogue(service.url, *paths, apps=2)
    return project


def test_the_run_ends_before_the_call_that_would_pass_the_limit(costly: Project, service: Service) -> None:
    result = costly.run("--modal-bench", "--modal-bench-max-cost=1")
    report = costly.report()
    # Endpoints of a category are called together.
    begun, *never = report["results"]
    unsure = never.pop(1)

    result.assert_outcomes(passed=2, skipped=2)
    # Nobody knows what the first call of an endpoint is going to cost: it is the one call that may pass the limit.
    assert service.calls == ["/ok1", "/ok1", "/ok3"]
    assert (begun["status"], len(begun["samples"]), begun["warm_time_sec"] is not None) == (
        "success",
        2,
        True,
    )
    assert begun["warm_inconclusive"] == (
        f"{REACHED}$0.80 spent, and the next call is expected to cost $0.40"
    )
    assert [sample["start"] for sample in unsure["samples"]] == ["first"]
    assert {each["status"] for each in never} == {"not_run"}
    assert {each["skipped_reason"] for each in never} == {
        f"{REACHED}$1.20 spent, and the next call is expected to cost an unknown amount"
    }
    assert report["summary"]["total_cost_usd"] == pytest.approx(1.2)


def test_what_was_not_run_is_told_in_report_and_terminal(costly: Project) -> None:
    result = costly.run("--modal-bench", "--modal-bench-max-cost=1")
    report = (costly.pytester.path / "modal-bench-report.md").read_text()

    result.stdout.fnmatch_lines(
        [
            "4 endpoints: 2 successful, 2 not run",
            "/ok1: warm inconclusive: the spending limit of $1.00 is reached*",
        ]
    )
    assert report.count("⏹️ Not run: cost limit") == 2
    assert "## Endpoints Not Run\n\n- `/ok2`, `/ok4`: the spending limit of `$`1.00 is reached" in report


def test_workers_keep_one_limit_together(costly: Project, service: Service) -> None:
    costly.run("--modal-bench", "--modal-bench-max-cost=1", "-n2")
    report = costly.report()
    known = [sample["cost_usd"] for each in report["results"] for sample in each["samples"]]

    assert len(service.calls) == len(known)
    assert sum(known) == pytest.approx(report["summary"]["total_cost_usd"])
    assert sum(known) <= 1 + USD
    assert report["summary"]["not_run"] >= 1


H100_USD_PER_SEC = 0.001097  # https://modal.com/pricing
DEADLINE_SEC = 0.5
LIMIT_USD = 0.002


@pytest.mark.parametrize("kind", ["hang", "fail", "gone"])
@pytest.mark.parametrize("workers", [[], ["-n", "3"]], ids=["alone", "spread"])
def test_calls_that_fail_count_as_their_seconds_at_their_price(
    project: Project, service: Service, kind: str, workers: list[str]
) -> None:
    paths = [f"/{kind}{number}" for number in range(12)]
    for path in paths:
        service.answers |= {path: (502, b"x" * 10)} if kind == "gone" else {}
    file = project.catalogue(service.url, *paths, apps=3)
    text = file.read_text()
    for number in range(3):
        text = text.replace(f"[apps.app{number}]", f'[apps.app{number}]\ngpu = "H100"')
    file.write_text(text.replace("timeout = 10", f"timeout = {DEADLINE_SEC}"))

    project.run("--modal-bench", f"--modal-bench-max-cost={LIMIT_USD}", *workers)
    report = project.report()
    samples = [sample for each in report["results"] for sample in each["samples"]]

    longest_usd = DEADLINE_SEC * H100_USD_PER_SEC
    spent_usd = sum(sample["elapsed_sec"] for sample in samples) * H100_USD_PER_SEC
    assert len(samples) == len(service.calls)
    assert all(not sample["ok"] for sample in samples)
    # What a call takes past its deadline is the machine's, and no server's.
    assert spent_usd <= LIMIT_USD + 2 * longest_usd
    if kind == "hang":
        assert len(samples) <= LIMIT_USD / longest_usd + 1
        assert report["summary"]["not_run"] >= 1


def test_a_limit_that_suffices_stops_nothing(costly: Project, service: Service) -> None:
    result = costly.run("--modal-bench", "--modal-bench-max-cost=10", "--modal-bench-rounds=1")

    result.assert_outcomes(passed=4)
    assert len(service.calls) == 8
    assert costly.report()["finished"] is True


def test_calls_of_unknown_cost_do_not_count_and_that_is_said(project: Project, service: Service) -> None:
    service.headers["/ok2"] = {"X-Cost-USD": "2"}
    project.catalogue(service.url, "/ok1", "/ok2", "/ok3")
    project.run("--modal-bench", "--modal-bench-max-cost=1")

    assert service.calls == ["/ok1"] * 4 + ["/ok2"]
    assert project.report()["results"][2]["skipped_reason"].startswith(
        f"{REACHED}$2.00 spent, beside 5 calls of unknown cost, "
    )
    assert project.report()["summary"]["calls_with_cost"] == 1


def test_what_it_may_cost_is_said_before_the_first_call(project: Project, service: Service) -> None:
    service.headers["/ok1"] = {"X-Cost-USD": "0.01"}
    file = project.catalogue(service.url, "/ok1")
    file.write_text(file.read_text().replace("[apps.app0]", '[apps.app0]\ngpu = "H100"'))
    asked = ("--modal-bench", "--modal-bench-max-cost=5")

    first = project.run(*asked).stdout.str()
    told = (
        "modal-bench: expected cost of 4 calls: unknown; "
        "at most, each until its deadline and made 3 times: $0.13; limit: $5"
    )
    assert told in first
    assert first.index(told) < first.index("modal-bench: Ok1  PASS")
    assert told.removeprefix("modal-bench: ") in project.report()["notes"]

    again = project.run(*asked).stdout.str()
    assert "expected cost of 4 calls: about $0.0400, by the last report; at most" in again


def test_what_nobody_knows_is_not_foreseen(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1")
    result = project.run("--modal-bench", "--modal-bench-max-cost=5")

    result.stdout.fnmatch_lines(
        [
            "*expected cost of 4 calls: unknown; at most, each until its deadline and made 3 times: unknown; limit: $5"
        ]
    )


def test_without_it_nothing_is_foreseen(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1")

    assert "expected cost" not in project.run("--modal-bench", "--modal-bench-quick").stdout.str()


@pytest.mark.parametrize("value", ["0", "nan", "much"])
def test_what_is_no_amount_is_refused(project: Project, service: Service, value: str) -> None:
    project.catalogue(service.url, "/ok1")

    said = project.usage_error("--modal-bench", f"--modal-bench-max-cost={value}")
    assert said == f"--modal-bench-max-cost: expected a number above 0, got {value!r}"
    assert service.calls == []
