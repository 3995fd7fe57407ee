"""What is called in turn: measured, kept waiting, and judged."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import FakeClient, answer, endpoint
from msgspec import structs
from report_runs import result, sample

from pytest_modal_bench.gate.side_by_side import Scatter
from pytest_modal_bench.model import Budget, Level
from pytest_modal_bench.protocol.progress import CallEnded
from pytest_modal_bench.run.beside import Beside
from pytest_modal_bench.run.gating import Gate
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.run.moves import Moves, Shared
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.model import EndpointResult
    from pytest_modal_bench.protocol.progress import Event


def settings(**given: Any) -> Settings:
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    asked = {"rounds": 3, "cold": "off", "cold_rounds": 1, "budget": Budget(), "against": "staging"}
    return Settings(**unset | asked | given)


def measurer(own: Sequence[Answer], theirs: Sequence[Answer], **given: Any) -> Measurer:
    found, found.base = Measurer(settings(**given)), Measurer(settings(**given))
    found.client = FakeClient({"/flux": own})  # type: ignore[assignment]
    found.base.client = FakeClient({"/flux": theirs})  # type: ignore[assignment]
    found.counterparts = {"flux": endpoint(description="of the base", needs=())}
    return found


def test_a_result_has_its_base_beside_it_without_what_both_have_in_common() -> None:
    with closing(measurer([answer(elapsed=2.0)], [answer(elapsed=1.0)])) as both:
        measured = both.measure(endpoint(description="of the candidate"))

    assert measured.base is not None
    assert (measured.warm_time_sec, measured.base.warm_time_sec) == (2.0, 1.0)
    assert (measured.description, measured.base.description, measured.base.sent) == (
        "of the candidate",
        "",
        None,
    )
    assert [each.pair for each in measured.samples] == [each.pair for each in measured.base.samples]


def test_one_that_has_no_counterpart_is_measured_alone() -> None:
    with closing(measurer([answer()], [answer()])) as both:
        both.counterparts = {}
        measured = both.measure(endpoint())

    assert (measured.status, measured.base) == ("success", None)
    assert {each.pair for each in measured.samples} == {None}


def test_a_base_that_lacks_a_resource_is_not_called() -> None:
    with closing(measurer([answer()], [answer()])) as both:
        both.counterparts = {"flux": endpoint(needs=("voice",))}
        measured = both.measure(endpoint())

    assert measured.status == "success"
    assert measured.base is not None
    assert (measured.base.status, measured.base.samples) == ("skipped", [])


def test_a_second_measurement_keeps_the_base_of_the_first() -> None:
    with closing(measurer([answer()], [answer()])) as both:
        first = both.measure(endpoint())
        again = both.measure_again(endpoint())

        assert again.base is None
        assert both.together(endpoint(), first, again).base == first.base


def test_a_measurement_that_is_cut_off_keeps_what_there_is_of_both_sides() -> None:
    with closing(measurer([answer()], [answer()])) as both:

        def interrupt(event: Event) -> None:
            if isinstance(event, CallEnded) and event.number == 2:
                raise KeyboardInterrupt

        both.watch = interrupt
        with pytest.raises(KeyboardInterrupt):
            both.measure(endpoint())
        cut = both.cut_off("cut off")

    assert cut is not None
    assert cut.base is not None
    assert (cut.status, cut.base.status) == ("failed", "failed")
    assert cut.samples
    assert cut.base.samples


# --- The gate ---


def paired(own: float, theirs: float, **given: Any) -> EndpointResult:
    def samples(seconds: float) -> list[Any]:
        return [sample("warm", seconds * (1 + number / 1000), pair=number) for number in range(10)]

    known: dict[str, Any] = {"samples": samples(own), "base": result(samples=samples(theirs))}
    return result(**known | given)


def gate(measurer: Measurer, directory: Path) -> Gate:
    beside = Beside("staging", Shared(directory / "scatters", Scatter), forced=False)
    found = Gate(measurer, None, Moves(directory / "moves"), beside)
    found.expect([endpoint()])
    return found


def test_what_is_called_in_turn_is_judged_once_all_others_have_been_measured(tmp_path: Path) -> None:
    with closing(Measurer(settings())) as alone:
        judging = gate(alone, tmp_path)
        first = judging.judge(endpoint(), paired(2.0, 1.0))
        assert judging.compares
        assert judging.waits("flux")
        assert [check.verdict for check in first.checks] == ["INCONCLUSIVE"]

        last = judging.judge_again(endpoint())
        assert not judging.waits("flux")

    (check,) = last.checks
    assert (check.against, check.verdict, check.metric) == ("base", "FAIL", "warm")
    assert check.message.startswith("warm 2.00x of staging")


def test_budgets_are_held_against_the_candidate_beside_it(tmp_path: Path) -> None:
    budget = Budget(max_warm=Level(fail=1.5))
    with closing(Measurer(settings(budget=budget))) as alone:
        judging = gate(alone, tmp_path)
        judging.judge(endpoint(), paired(2.0, 2.0))
        last = judging.judge_again(endpoint())

    assert [(check.against, check.verdict) for check in last.checks] == [("base", "PASS"), ("budget", "FAIL")]


def test_what_is_compared_though_it_is_not_the_same_is_noted(tmp_path: Path) -> None:
    unlike = paired(2.0, 2.0, gpu_type="H100")
    assert unlike.base is not None
    unlike.base.gpu_type = "L40S"
    with closing(Measurer(settings())) as alone:
        judging = gate(alone, tmp_path)
        judging.judge(endpoint(), unlike)

        assert judging.judge_again(endpoint()).notes == ["beside staging: another GPU: L40S, now H100"]


@pytest.mark.parametrize("given", [{"status": "failed"}, {"base": None}])
def test_what_failed_or_was_measured_alone_waits_for_nothing(tmp_path: Path, given: dict[str, Any]) -> None:
    with closing(Measurer(settings())) as alone:
        judging = gate(alone, tmp_path)
        found = judging.judge(endpoint(), structs.replace(paired(2.0, 1.0), **given))

    assert not judging.waits("flux")
    assert found.checks == []


def test_what_the_processes_of_a_run_find_is_put_together(tmp_path: Path) -> None:
    one, other = (Shared(tmp_path / "scatters", Scatter) for _ in range(2))
    assert one.all() == []
    told = [Scatter(name, "warm", by_container=True, variance=0.1, degrees=2.0) for name in ("a", "b")]
    one.add(told[:1])
    other.add(told[1:])

    assert one.all() == other.all() == told
