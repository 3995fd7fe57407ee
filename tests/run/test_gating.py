from __future__ import annotations

import datetime as dt
import tempfile
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from report_runs import result, run, sample

from pytest_modal_bench.gate import verdicts
from pytest_modal_bench.gate.baselines import History
from pytest_modal_bench.model import Budget, Endpoint, HistoryStart, Level, Quarantine
from pytest_modal_bench.report.json import render
from pytest_modal_bench.run.gating import Gate
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.run.moves import Moves
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult

QUARANTINE = Quarantine(reason="known", until="2999-01-01")


def endpoint(**given: Any) -> Endpoint:
    known: dict[str, Any] = {
        "id": "flux",
        "name": "Flux",
        "path": "/flux",
        "app": "app",
        "url": "",
        "pool": "pool",
    }
    return Endpoint(**known | {"category": "Flux"} | given)


def measured(seconds: float, n: int = 10, **given: Any) -> EndpointResult:
    """A measurement of `n` warm calls that took about `seconds` each."""
    taken = [sample("warm", seconds * (1 + number / 1000)) for number in range(n)]
    known: dict[str, Any] = {"samples": taken, "warm_time_sec": seconds}
    return result(**known | given)


class Again(Measurer):
    """Has `again` for its second measurement."""

    def __init__(self, again: EndpointResult | None) -> None:
        unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
        super().__init__(Settings(**unset | {"budget": Budget(), "cold": "off", "rounds": 10}), None)
        self._again = again
        self.asked = 0

    def measure_again(self, endpoint: Endpoint) -> EndpointResult:
        del endpoint
        self.asked += 1
        assert self._again is not None
        return self._again


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Five runs of about 2 s."""
    for number, seconds in enumerate((2.0, 2.1, 1.9, 2.05, 1.95)):
        past = run([measured(seconds)], timestamp=f"2026-01-0{number + 1}T00:00:00Z")
        (tmp_path / f"{number}.json").write_text(render(past))
    return History.load(tmp_path)


def moves() -> Moves:
    """Of a run without other processes."""
    return Moves(Path(tempfile.mkdtemp()) / "moves")


def judged(
    earlier: History | None, first: EndpointResult, again: EndpointResult | None = None, **given: Any
) -> EndpointResult:
    """What the gate makes of a result, with the verdict that is made of it later."""
    with closing(Again(again)) as measurer:
        gate = Gate(measurer, earlier, moves())
        gate.expect([endpoint(**given)])
        found = gate.judge(endpoint(**given), first)
        assert gate.waits("flux") == (again is not None)
        if again is not None:
            assert not any(check.verdict == "FAIL" for check in found.checks), "it waits"
            found = gate.judge_again(endpoint(**given))
    assert measurer.asked == (again is not None)
    assert (found.verdict, found.reasons) == (None, []), "its tests may still have something to say"
    return verdicts.judged(found, strict=False, today=dt.date(2026, 2, 2))


def test_what_is_as_fast_as_ever_passes_without_another_measurement(history: History) -> None:
    assert judged(history, measured(2.0)).verdict == "PASS"


@pytest.mark.parametrize(
    ("stream", "checked"), [(None, []), ("bytes", ["ttft"]), ("sse", ["ttft", "tokens_per_sec"])]
)
def test_the_budget_of_a_whole_run_is_held_against_streams_alone_where_it_is_about_them(
    stream: Any, checked: list[str]
) -> None:
    measurer = Again(None)
    limits = Budget(max_ttft=Level(fail=1.0), min_tokens_per_sec=Level(fail=1.0))
    measurer.settings = replace(measurer.settings, budget=limits)
    found = Gate(measurer, None, moves()).judge(endpoint(stream=stream), measured(2.0))

    assert [check.metric for check in found.checks] == checked


def test_without_a_history_budgets_alone_are_held_against() -> None:
    found = judged(None, measured(2.0), budget=Budget(max_warm=Level(fail=1.0)))

    assert (found.verdict, [check.against for check in found.checks]) == ("FAIL", ["budget"])


@pytest.mark.parametrize("status", ["failed", "skipped", "not_run"])
def test_what_was_not_measured_is_held_against_nothing(history: History, status: Any) -> None:
    unmeasured = result(status=status, error="boom" if status == "failed" else None)
    found = judged(history, unmeasured, budget=Budget(max_warm=Level(fail=1.0)), quarantine=QUARANTINE)

    assert (found.checks, found.quarantine) == ([], QUARANTINE)


def test_slower_twice_fails_with_the_samples_of_both(history: History) -> None:
    found = judged(history, measured(3.0), measured(3.1))

    assert (found.verdict, len(found.samples)) == ("FAIL", 20)
    assert found.checks[0].again


def test_slower_once_is_a_warning(history: History) -> None:
    assert judged(history, measured(3.0), measured(2.0)).verdict == "WARN"


def test_a_second_measurement_that_a_limit_prevented_keeps_the_first(history: History) -> None:
    prevented = result(status="not_run", skipped_reason="the limit of $1 is reached")

    found = judged(history, measured(3.0), prevented)

    assert (found.status, found.verdict, len(found.samples)) == ("success", "INCONCLUSIVE", 10)
    assert "the other time could not tell" in found.checks[0].message
    assert found.notes == ["not measured again: the limit of $1 is reached"]


def test_a_second_measurement_that_failed_fails_and_keeps_the_first(history: History) -> None:
    boom = sample("warm", 0.1, ok=False, error="HTTP 500: boom", cause="application")
    failed = result(status="failed", error=boom.error, cause=boom.cause, samples=[boom])

    found = judged(history, measured(3.0), failed, budget=Budget(min_success=Level(fail=0.5)))

    assert (found.status, found.verdict, found.error, found.cause) == (
        "failed",
        "FAIL",
        boom.error,
        boom.cause,
    )
    assert len(found.samples) == 11


@pytest.mark.parametrize("status", ["success", "failed", "not_run"])
def test_a_quarantine_outlives_the_second_measurement(history: History, status: Any) -> None:
    again = measured(3.0, status=status) if status == "success" else result(status=status, error="boom")

    assert judged(history, measured(3.0), again, quarantine=QUARANTINE).quarantine == QUARANTINE


def test_what_the_first_measurement_lacked_or_noticed_is_not_forgotten(history: History) -> None:
    noticed: dict[str, Any] = {
        "cold_inconclusive": "woken by others",
        "cold_asked": True,
        "notes": ["its clock is off"],
    }

    found = judged(history, measured(3.0, **noticed), structs.replace(measured(2.0), notes=["and again"]))

    assert (found.cold_inconclusive, found.cold_asked) == ("woken by others", True)
    assert found.notes == ["its clock is off", "and again"]


def rising(folder: Path, to: float, runs: int = 24) -> History:
    """Runs that become slower by the same small share each, until they take `to` times as long."""
    for number in range(runs):
        seconds = 2.0 * to ** (number / (runs - 1)) * (1.01 if number % 2 else 0.99)
        past = run(
            [measured(seconds)], timestamp=f"2026-01-{number + 1:02}T00:00:00Z", commit=f"{number:02}" * 20
        )
        (folder / f"{number}.json").write_text(render(past))
    return History.load(folder)


def test_a_slow_rise_that_no_comparison_sees_warns_and_names_the_run_that_it_began_at(tmp_path: Path) -> None:
    found = judged(rising(tmp_path, 1.34), measured(2.68))

    assert found.verdict == "WARN"
    assert [(check.against, check.verdict) for check in found.checks] == [
        ("baseline", "PASS"),
        ("history", "WARN"),
    ]
    assert found.reasons == [found.checks[1].message]
    assert found.reasons[0].startswith("warm 1.1")
    assert "since 2026-01-14 (commit 1313131313)" in found.reasons[0]


def test_an_intended_change_begins_a_new_history_without_the_rise(tmp_path: Path) -> None:
    begins = HistoryStart(since="2026-01-13", reason="new model")
    found = judged(rising(tmp_path, 1.34), measured(2.68), history=begins)

    assert (found.verdict, found.history) == ("PASS", begins)
    assert [(check.against, check.runs) for check in found.checks] == [("baseline", 12)]
    assert "not compared: 12 earlier runs before 2026-01-13: new model" in found.notes


def test_what_is_worse_by_itself_needs_no_warning_of_a_drift(tmp_path: Path) -> None:
    found = judged(rising(tmp_path, 1.34), measured(6.0), measured(6.0))

    assert (found.verdict, [check.against for check in found.checks]) == ("FAIL", ["baseline"])
