"""What the sections of the page say of a run, as plain data."""

from __future__ import annotations

from typing import Any

import pytest
from page_runs import measured
from report_runs import reference_run, result, run, sample, streamed

from pytest_modal_bench.model import Check, Job, Phases, Provider
from pytest_modal_bench.report.html.sections.about import facts, notes
from pytest_modal_bench.report.html.sections.costs import costs
from pytest_modal_bench.report.html.sections.failures import doubts, failures, skipped
from pytest_modal_bench.report.html.sections.jobs import jobs
from pytest_modal_bench.report.html.sections.names import named
from pytest_modal_bench.report.html.sections.overview import overview
from pytest_modal_bench.report.html.sections.samples import samples
from pytest_modal_bench.report.html.sections.starts import cold_starts, parts
from pytest_modal_bench.report.html.sections.streams import streams
from pytest_modal_bench.report.html.sections.times import categories
from pytest_modal_bench.report.html.sections.verdicts import verdicts


def headline(*verdicts_: Any, **fields: Any) -> str:
    status = {"FAIL": "failed", "SKIP": "skipped"}
    results = [
        result(f"E{number}", verdict=verdict, status=status.get(verdict, "success"))
        for number, verdict in enumerate(verdicts_)
    ]
    given = run(results, **fields)
    return overview(given, named(results)).headline


@pytest.mark.parametrize(
    ("verdicts_", "expected"),
    [
        ((), "This run has no endpoints"),
        (("PASS",), "The endpoint passed"),
        (("PASS", "PASS"), "All 2 endpoints passed"),
        (("PASS", "PASS", "SKIP"), "All 2 endpoints that were measured passed"),
        (("PASS", "SKIP"), "The one endpoint that was measured passed"),
        (("PASS", "FAIL", "SKIP"), "1 of 3 endpoints failed"),
        (("FAIL", "ERROR"), "1 of 2 endpoints failed, 1 of 2 endpoints could not be measured"),
        (("PASS", "WARN"), "Passed, with a warning on 1 of 2 endpoints"),
        (("PASS", "INCONCLUSIVE"), "Nothing failed, but 1 of 2 endpoints cannot be judged"),
        (("SKIP",), "Nothing was measured"),
    ],
)
def test_the_headline_says_the_verdict_in_words(verdicts_: tuple[str, ...], expected: str) -> None:
    assert headline(*verdicts_) == expected


def test_a_run_of_which_nothing_was_measured_says_so_whatever_its_endpoints_were() -> None:
    assert headline("SKIP", "SKIP", verdict="ERROR") == "Nothing was measured"


def test_tiles_have_the_slowest_with_its_doubt_and_what_is_unknown_is_a_dash() -> None:
    results = [
        result("A", cold_time_sec=44.4, cold_verified=False, warm_time_sec=2.1),
        result("B", cold_time_sec=13.0, cold_verified=True, warm_time_sec=29.7),
    ]
    tiles = {tile.label: (tile.value, tile.detail) for tile in overview(run(results), named(results)).tiles}
    assert tiles["Slowest cold start"] == ("44.4? s", "A")
    assert tiles["Slowest warm call"] == ("29.7 s", "B")
    assert tiles["Cost of this run"][0] == "-"


def test_a_cost_that_is_known_of_some_calls_is_a_lower_bound() -> None:
    priced: dict[str, Any] = {"cost_usd": 0.01, "cost_basis": "measured"}
    results = [result("A", samples=[sample(**priced), sample()])]
    tiles = {tile.label: (tile.value, tile.detail) for tile in overview(run(results), named(results)).tiles}
    assert tiles["Cost, at least"] == ("$0.0100", "known of 1 of 2 calls")


def test_what_moved_most_since_the_baseline_is_said_beyond_noise_only() -> None:
    def changed(limit: float) -> str | None:
        check = Check(
            metric="warm",
            against="baseline",
            verdict="WARN",
            message="m",
            value=2.8,
            limit=limit,
            ratio=1.4,
            p=0.001,
            runs=5,
        )
        results = [result("A", verdict="WARN", checks=[check])]
        return overview(run(results), named(results)).changed

    assert changed(1.5) is None
    assert "A warm 1.4x (slower): 2.8 s, was 2.0 s in 5 earlier runs" in (changed(1.1) or "")


def test_failures_are_grouped_by_cause_with_the_way_out_and_then_those_of_the_gate() -> None:
    why: dict[str, Any] = {"meaning": "It took too long.", "remedy": "Raise `timeout`."}
    results = [
        result("A", status="failed", error="boom", cause="killed"),
        result("B", status="failed", error="Timeout", cause="timeout", **why),
        result("C", status="failed", error="Timeout", cause="timeout", **why),
        result("D", verdict="FAIL", reasons=["warm 9.0 s, at most 5.0 s"]),
        result("E", verdict="WARN", reasons=["warm 4.5 s"]),
        result("F", status="skipped", skipped_reason="Missing: LoRA file"),
    ]
    endpoints = named(results)
    first, second, third = failures(endpoints)
    assert (first.title, first.size, first.meaning, first.remedy) == ("Timeout", 2, *why.values())
    assert [(each.text, [one.name for one in each.endpoints]) for each in first.messages] == [
        ("Timeout", ["B", "C"])
    ]
    assert (second.title, second.size) == ("Killed", 1)
    assert (third.title, third.messages[0].text) == (
        "Answered, but failed by the gate",
        "warm 9.0 s, at most 5.0 s",
    )
    assert [each.text for each in doubts(endpoints)] == ["warm 4.5 s"]
    assert [each.text for each in skipped(endpoints)] == ["Missing: LoRA file"]


def test_each_call_is_a_dot_and_one_that_is_not_proven_is_hollow() -> None:
    samples_ = [
        sample("cold", 40.0),
        *(sample("warm", 2.0 + n / 10) for n in range(6)),
        sample("warm", ok=False),
    ]
    one = result("A", cold_time_sec=40.0, warm_time_sec=2.25, cold_verified=False, samples=samples_)
    (category,) = categories(named([one]))
    cold, warm = next(iter(category.rows)).lanes
    assert [dot.hollow for dot in cold.dots] == [True]
    assert "unverified" in cold.dots[0].title
    assert (cold.value, cold.detail) == ("40.0? s", "1 call")
    assert len(warm.dots) == 6
    assert (warm.value, warm.detail) == ("2.2* s", "2.0 to 2.5, 6 of 7 calls answered")
    assert warm.interval is not None
    assert next(iter(category.rows)).saved == "94%?"


def test_a_median_beyond_the_deadline_is_marked_and_has_no_place() -> None:
    late = [sample("warm", 9.0, ok=False, cause="timeout") for _ in range(2)]
    (category,) = categories(named([result("A", samples=[sample("warm", 2.0), *late])]))
    (warm,) = next(iter(category.rows)).lanes
    assert (warm.value, warm.middle) == ("> 9.0 s", None)


def test_an_endpoint_without_an_answer_has_its_message_instead_of_dots() -> None:
    rows = [row for category in categories(named(reference_run().results)) for row in category.rows]
    shown = {row.endpoint.name: (len(row.lanes), row.message) for row in rows}
    assert shown["Flux Pulid"] == (0, "Timeout")
    assert shown["Flux Lora"] == (0, "Missing: LoRA file")
    assert shown["Flux"] == (2, "")


def test_the_parts_of_a_cold_start_are_its_whole() -> None:
    phases = Phases(connect_sec=0.1, send_sec=0.1, wait_sec=19.0, download_sec=0.3)
    provider = Provider(queue_sec=1.0, boot_sec=9.0, execution_sec=8.0)
    cold = sample("cold", 20.0, phases=phases, provider=provider, unattributed_sec=2.0, proof="new")
    found = parts(result("A", load_sec=5.0), cold)
    assert {kind: round(value, 6) for kind, value in found.items()} == {
        "queue": 1.0,
        "boot": 9.0,
        "load": 5.0,
        "execution": 3.0,
        "transfer": 0.5,
        "unattributed": 1.5,
    }
    assert sum(found.values()) == pytest.approx(20.0)


def test_of_a_stream_the_taking_in_is_not_told_apart_since_it_is_worked_on_meanwhile() -> None:
    cold = sample("cold", 20.0, phases=Phases(download_sec=15.0), stream=streamed(), execution_sec=12.0)
    assert set(parts(result("A"), cold)) == {"execution", "unattributed"}


def test_where_nobody_accounts_for_any_part_that_is_said() -> None:
    assert not cold_starts(named([result("A", samples=[sample("cold", 20.0)])])).accounted
    found = cold_starts(named([measured("A", "B")]))
    assert found.accounted
    assert [part.kind for part in next(iter(found.bars)).segments][:3] == ["queue", "boot", "load"]


def test_costs_of_a_day_are_known_where_traffic_and_price_are() -> None:
    results = [measured("A", "B", container_usd_per_sec=0.001), result("Z", samples=[sample()])]
    without = costs(run(results), named(results))
    assert (without.traffic, without.by_container) == (None, True)
    assert [row.container_per_day for row in without.rows] == ["~86.4000", "-"]
    with_traffic = costs(run(results, traffic_per_hour=10.0), named(results))
    assert [row.calls_per_day for row in with_traffic.rows] == ["~0.2400", "-"]
    assert costs(run(results[1:]), named(results[1:])).rows == ()


def test_streams_have_a_lane_for_each_start_and_one_between_outputs() -> None:
    one = result(
        "A",
        ttft_sec=0.2,
        cold_ttft_sec=3.0,
        cold_verified=False,
        samples=[sample("cold", 4.0, stream=streamed(3.0)), sample("warm", 1.0, stream=streamed(0.2))],
    )
    (row,) = streams(named([one, result("B", samples=[sample()])])).rows
    assert [(lane.label, lane.value) for lane in row.first_output] == [("cold", "3.0? s"), ("warm", "0.20 s")]
    assert [lane.value for lane in row.between] == ["0.025 s"]
    assert (row.cold_ttft, row.ttft, row.reasons) == ("3.0?", "0.20", "stop")


def test_jobs_are_bars_of_their_medians() -> None:
    job = Job(submit_sec=0.1, waiting_sec=1.5, delivery_sec=0.2, asked=3, resolution_sec=0.5)
    (bar,) = jobs(named([result("A", samples=[sample("warm", 1.8, job=job), sample()])])).bars
    assert [(part.kind, part.value) for part in bar.segments] == [
        ("submit", "0.10"),
        ("waiting", "1.5"),
        ("delivery", "0.20"),
    ]
    assert (bar.value, bar.detail) == ("1.8 s", "1 job, asked 3 times, done up to 0.50 s earlier")


def test_verdicts_show_every_check_and_do_not_repeat_what_failed() -> None:
    check = Check(
        metric="warm", against="baseline", verdict="WARN", message="warm 1.4x; would have noticed 1.18x"
    )
    results = [
        result("A", verdict="WARN", checks=[check], reasons=[check.message]),
        result("B", verdict="FAIL", status="failed", error="boom", reasons=["boom"]),
    ]
    found = verdicts(run(results), named(results))
    (row,) = found.rows
    assert (row.checks[0].message, row.others) == (check.message, ())
    assert [(verdict, [each.name for each in members]) for verdict, _, members in found.others] == [
        ("FAIL", ["B"])
    ]
    assert found.basis == ""


def test_every_call_is_a_row_up_to_a_bound() -> None:
    calls = [
        sample("cold", 20.0),
        sample("warm", dropped="cached"),
        sample("warm", ok=False, cause="timeout", error="Timeout"),
    ]
    found = samples(named([result("A", samples=calls)]))
    assert [(row.result, row.tone, row.seconds, row.note) for row in found.rows] == [
        ("ok", "pass", "20.0?", "unverified"),
        ("dropped", "warn", "1.0", "cached"),
        ("timeout", "fail", "1.0", "Timeout"),
    ]
    busy = [sample(start, client_busy="woke late", reconnected=True) for start in ("cold", "warm")]
    assert [row.note for row in samples(named([result("A", samples=busy)])).rows] == [
        "unverified; its time may be too long: woke late",
        "took a second try to connect; its time may be too long: woke late",
    ]
    assert found.columns == set()
    full = sample("warm", cost_usd=0.1, container="ta-1", stream=streamed(0.2))
    assert samples(named([result("A", samples=[sample(), full])])).columns == {"ttft", "cost", "container"}
    many = samples(named([result("A", samples=[sample()] * 20_007)]))
    assert (len(many.rows), many.left_out) == (20_000, 7)


def test_what_is_not_known_of_the_run_is_left_out_and_a_shared_note_stands_once() -> None:
    results = [result("A", notes=["is PNG"]), result("B", notes=["is PNG"], cached="same bytes")]
    given = run(results, notes=["first"], machine={"cores": "8"})
    labels = [fact.label for fact in facts(given)]
    assert "Machine" in labels
    assert not {"Commit", "Catalogue", "Environment", "Versions"} & set(labels)
    found = [(note.text, [each.name for each in note.endpoints]) for note in notes(given, named(results))]
    assert found == [("first", []), ("is PNG", ["A", "B"]), ("cached? same bytes", ["B"])]
