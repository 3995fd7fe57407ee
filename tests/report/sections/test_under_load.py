"""What every report says of a load; the texts of others in it are in the tests of whole reports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from load_runs import BUDGET, Pool, burst, failing, loaded, of, searched, users
from msgspec import structs
from report_runs import result, run, tables

from pytest_modal_bench.gate.load.checks import checks
from pytest_modal_bench.load.knee import with_knees
from pytest_modal_bench.model import Budget, Level, Load, LoadCall, Run, Summary
from pytest_modal_bench.model.encoding import load as load_report
from pytest_modal_bench.report import comment, comparison, gate_json, markdown, terminal
from pytest_modal_bench.report import json as json_report
from pytest_modal_bench.report.figures.under_load import remarks, sentences
from pytest_modal_bench.run.merging import Part, merge

if TYPE_CHECKING:
    from pytest_modal_bench.model import LoadStep

SENTENCE = "keeps p95 under 5 s and errors under 1 % up to 4 users"


def made(load: Load | None = None, name: str = "Flux") -> Run:
    load = searched() if load is None else load
    return run([loaded(result(name, verdict="PASS", checks=checks(load, BUDGET)), load)])


def load_of(*steps: LoadStep, budget: Budget = BUDGET) -> Load:
    return with_knees(Load(spec="users=1", steps=steps), budget)


def under_load(done: Run) -> str:
    return markdown.render(done).partition("\n## Under Load\n\n")[2].partition("\n## ")[0]


def row(load: Load, number: int = 0) -> dict[str, str]:
    heads, *rows = tables(under_load(made(load)))[0]
    return dict(zip(heads, rows[number], strict=True))


def test_the_sentence_comes_first_then_a_table_of_the_steps() -> None:
    shown = under_load(made())

    assert shown.startswith(f"- **`flux`** {SENTENCE}")
    assert [each[0] for each in tables(shown)[0]] == [
        "Step", "1 user", "2 users", "4 users", "8 users", "16 users", "a burst of 20",
    ]  # fmt: skip


def test_a_row_has_the_steps_own_figures() -> None:
    assert row(searched(), 2) == {
        "Step": "4 users", "Answered": "92 of 92", "p50 (s)": "4.0", "p90 (s)": "4.2", "p95 (s)": "4.3",
        "Max (s)": "4.5", "Calls/s": "0.99", "Containers": "2", "Cold": "0 (0%)", "$/1,000": "~1.0919",
    }  # fmt: skip


def test_what_no_step_knows_has_no_column_and_what_one_does_not_know_is_a_dash() -> None:
    assert "p99 (s)" not in row(searched())
    assert row(searched())["p95 (s)"] == "-"


def test_percentiles_are_marked_where_other_calls_failed_and_where_they_lie_beyond_a_deadline() -> None:
    calls = [LoadCall(meant_sec=0, began_sec=0, elapsed_sec=1, ok=True)] * 90
    late = LoadCall(meant_sec=0, began_sec=0, elapsed_sec=60, ok=False, cause="timeout")
    found = row(load_of(of([*calls, *[late] * 10])))

    assert (found["Answered"], found["p90 (s)"], found["p95 (s)"]) == ("90 of 100", "1.0*", "> 60.0")


def test_containers_are_a_lower_bound_where_not_all_answers_name_theirs() -> None:
    named, unnamed = (
        LoadCall(meant_sec=0, began_sec=0, elapsed_sec=1, ok=True, container=name) for name in ("ta-1", None)
    )

    assert row(load_of(of([named] * 5)))["Containers"] == "1"
    assert row(load_of(of([named, *[unnamed] * 4])))["Containers"] == "≥ 1"


def test_many_endpoints_have_their_sentences_outside_and_their_tables_in_a_fold() -> None:
    results = [loaded(result(f"E{number}"), load_of(*searched().steps[:2])) for number in range(20)]
    shown = markdown.render(run(results))
    outside = shown.partition("<details>\n<summary>Steps of each endpoint")[0]

    assert outside.count("- **`e") == 20
    assert "| 1 user" not in outside
    assert shown.count("| 1 user ") == 40


def test_what_is_to_be_known_of_a_step_is_said_below() -> None:
    late = [LoadCall(meant_sec=0, began_sec=1, elapsed_sec=2, ok=True, container="ta-1")] * 6
    cut_off = LoadCall(meant_sec=1, began_sec=1, elapsed_sec=1, ok=False, under_way=True)
    steps = (
        of([*failing(late, 3), cut_off], "rate", 2, client_busy="the processor was busy"),
        of(late, "users", 2, keep=2),
        burst(Pool(12), 12),
    )
    checked = sum(each.checked for each in steps)
    said = [*remarks(Load(spec="x", steps=steps, engine="Locust 2", processes=2, notes=("a note",)))]

    assert said[:4] == [
        "2 calls/s: 2 of 6 calls failed: queue_full 2",
        "2 calls/s: 1 call cut off while under way, and in no figure",
        "2 calls/s: the generator was behind its schedule: 86% of the calls began late",
        "2 calls/s: the processor was busy",
    ]
    assert said[4] == "2 users: 2 of 6 calls are kept in the report; all are in the figures"
    assert said[5].startswith("a burst of 12: containers that had answered: 1 after 11.")
    assert ", … all 12 after 11." in said[5]
    assert said[6:] == [
        f"asked for as x; called with Locust 2 from 2 processes; {checked} of 22 answers decoded and checked",
        "a note",
    ]


def test_without_a_budget_it_says_how_much_was_answered_at_most() -> None:
    (said,) = sentences(load_of(*searched().steps[:3], budget=Budget()))

    assert said.startswith("answers at most 0.99 calls/s, with 4 users, p95 4.3 s; no budget")


def test_a_load_that_ended_early_says_why() -> None:
    load = structs.replace(load_of(users(Pool(), 2, 60.0)), stopped="the spending limit of $2.50 is reached")

    assert sentences(load)[-1] == "ended early: the spending limit of $2.50 is reached"
    assert sentences(Load(spec="", steps=()))[0] == "not one call was answered"


def test_comment_terminal_and_gate_say_the_same_sentence() -> None:
    done = made()
    gate = json.loads(gate_json.render(done))["endpoints"][0]

    assert f"**Under load**\n\n- `flux` {SENTENCE}" in comment.render(done)
    assert next(terminal.loads(done)).startswith(f"Flux {SENTENCE}")
    assert gate["load"]["knees"][0]["value"] == 4
    assert gate["load"]["knees"][0]["sentence"].startswith(SENTENCE)
    assert {check["metric"]: check["verdict"] for check in gate["checks"]} == {
        "load_p95": "FAIL",
        "load_errors": "PASS",
    }


def test_reports_without_a_load_say_nothing_of_one() -> None:
    done = run([result()])

    assert "Load" not in markdown.render(done)
    assert "load" not in comment.render(done)
    assert [*terminal.loads(done)] == []


def test_json_holds_all_of_it_and_gives_it_back() -> None:
    done = made()

    assert load_report(json_report.render(done)).results[0].load == done.results[0].load


def test_calls_under_load_are_counted_and_paid_for() -> None:
    load = load_of(*searched().steps)
    summary = Summary.of([loaded(result(), load)])

    assert (summary.calls, summary.calls_with_cost, summary.estimated) == (448, 448, True)
    assert summary.total_cost_usd is not None
    assert 0.4 < summary.total_cost_usd < 0.6


def test_merged_jobs_keep_their_loads() -> None:
    parts = [Part("a.json", made(name="Flux")), Part("b.json", made(name="Wan"))]
    merged = merge(parts)

    assert [each.load for each in merged.results] == [searched(), searched()]
    assert merged.summary.calls == 2 * 448
    assert "**`wan`**" in markdown.render(merged)


def test_two_runs_are_compared_step_by_step() -> None:
    pool = Pool(boot_sec=0.0, call_sec=4.0)
    slower = load_of(*(users(pool, number, 150.0) for number in (2, 4)))
    shown = comparison.render(made(), made(slower))
    heads, two, four = tables(shown)[1]

    assert heads[:4] == ["Endpoint", "Under Load", "p50 (s)", "p95 (s)"]
    assert two[:3] == ["flux", "2 users", "2.0 -> 4.1 (1.99x)"]
    assert four[1] == "4 users"
    assert "- `flux` keeps its budgets up to (users): 4 -> 2" in shown


def test_loads_of_different_things_have_no_ratio() -> None:
    other: dict[str, Any] = {"gpu_type": "H100"}
    old, new = (run([loaded(result(**fields))]) for fields in ({"gpu_type": "L40S"}, other))

    assert "x)" not in comparison.render(old, new)
    assert "not comparable: GPU" in comparison.render(old, new)


def test_a_budget_that_only_warns_is_kept_or_not_all_the_same() -> None:
    load = load_of(*searched().steps[:5], budget=Budget(max_p95=Level(warn=3.0)))

    assert load.knees[0].value == 2
