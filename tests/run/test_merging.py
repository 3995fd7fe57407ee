from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, run, sample

from pytest_modal_bench.model import Preview, Summary
from pytest_modal_bench.run.merging import MergeError, Part, merge

if TYPE_CHECKING:
    from pytest_modal_bench.model import Run


def merged(*runs: Run) -> Run:
    return merge([Part(f"{name}.json", each) for name, each in zip("abcdefgh", runs, strict=False)])


def named(*names: str, **fields: Any) -> Run:
    return run([result(name) for name in names], **fields)


def test_results_come_in_the_order_given_and_are_counted_anew() -> None:
    one = run([result("A", samples=[sample(cost_usd=0.1)]), result("B", status="failed")])
    two = run([result("C", status="skipped"), result("D", samples=[sample(cost_usd=0.2)])])
    both = merged(one, two)
    assert [each.endpoint for each in both.results] == ["A", "B", "C", "D"]
    assert both.summary == Summary.of([*one.results, *two.results])
    assert both.summary.total_cost_usd == pytest.approx(0.3)


def test_one_run_alone_is_itself() -> None:
    alone = named("A", notes=["slow day"], command="pytest --modal-bench", verdict="PASS")
    assert merged(alone) == alone


def test_it_began_when_the_first_job_began_whatever_the_offset() -> None:
    late, early = (
        named("A", timestamp="2026-02-02T12:00:00Z"),
        named("B", timestamp="2026-02-02T12:30:00+01:00"),
    )
    assert merged(late, early).timestamp == "2026-02-02T12:30:00+01:00"
    assert merged(named("C", timestamp="yesterday"), late).timestamp == "2026-02-02T12:00:00Z"


def test_what_all_jobs_say_of_where_they_ran_stays_and_what_differs_is_not_known() -> None:
    one = named("A", commit="abc", catalogue="a.toml", machine={"cores": "2", "python": "CPython 3.11.7"})
    two = named("B", commit="abc", catalogue="b.toml", machine={"cores": "4", "python": "CPython 3.11.7"})
    both = merged(one, two)

    assert (both.commit, both.catalogue, both.machine) == ("abc", None, {"python": "CPython 3.11.7"})
    assert merged(one, named("B")).commit is None


def test_the_inputs_of_all_jobs_are_shown_the_first_of_a_name() -> None:
    image, other, clip = (Preview(kind="image", frames=(data,)) for data in (b"1", b"2", b"3"))
    both = merged(named("A", inputs={"image": image}), named("B", inputs={"image": other, "video": clip}))

    assert both.inputs == {"image": image, "video": clip}


def test_it_is_finished_only_if_all_are() -> None:
    assert merged(named("A"), named("B")).finished
    assert not merged(named("A"), named("B", finished=False)).finished


def test_the_traffic_is_that_of_the_job_that_names_one() -> None:
    assert merged(named("A"), named("B", traffic_per_hour=60.0)).traffic_per_hour == 60
    assert merged(named("A"), named("B")).traffic_per_hour is None


def test_notes_are_joined_without_repeats() -> None:
    one, two = named("A", notes=["no baseline", "x"]), named("B", notes=["no baseline", "y"])
    assert merged(one, two).notes == ["no baseline", "x", "y"]


def test_what_one_job_lacked_was_missing_and_what_none_looked_for_is_unknown() -> None:
    resources: list[dict[str, bool | None]] = [
        {"image": True, "video": True, "lora": None, "mask": None},
        {"image": True, "video": False, "lora": True},
        {"image": True, "video": True, "lora": None},
    ]
    runs = [named(name, resources=found) for name, found in zip("ABC", resources, strict=True)]
    assert merged(*runs).resources == {"image": True, "video": False, "lora": True, "mask": None}


def test_the_command_stays_if_it_is_the_same() -> None:
    assert merged(named("A", command="x"), named("B", command="x")).command == "x"
    assert merged(named("A", command="x"), named("B", command="y")).command is None


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        (["PASS", "PASS"], "PASS"),
        (["PASS", "WARN", "SKIP"], "WARN"),
        (["PASS", "SKIP"], "PASS"),
        (["INCONCLUSIVE", "PASS"], "INCONCLUSIVE"),
        (["INCONCLUSIVE", "FAIL", "PASS"], "FAIL"),
        (["WARN", "ERROR"], "ERROR"),
    ],
)
def test_the_verdict_is_the_worst(verdicts: list[str], worst: str) -> None:
    runs = [named(name, verdict=verdict) for name, verdict in zip("ABC", verdicts, strict=False)]
    assert merged(*runs).verdict == worst
    assert merged(*reversed(runs)).verdict == worst


def test_a_job_that_was_cut_off_cannot_pass() -> None:
    cut = merged(named("A", verdict="PASS"), named("B", verdict=None, finished=False))
    assert (cut.verdict, cut.notes) == ("ERROR", ["b.json: cut off before its end"])


def test_a_job_without_a_gate_is_judged_by_what_became_of_its_endpoints() -> None:
    ungated = run([result("B", status="failed")])
    assert merged(named("A", verdict="PASS"), ungated).verdict == "FAIL"


def test_jobs_that_measured_differently_are_one_run_with_a_note() -> None:
    both = merged(
        named("A", rounds=10, cold_rounds=6, cold="force"), named("B", rounds=3, quick=True, cold="off")
    )
    assert both.notes == [
        "merged from jobs that measured differently: quick is off in a.json, on in b.json",
        "merged from jobs that measured differently: rounds is 10 in a.json, 3 in b.json",
        "merged from jobs that measured differently: cold is force in a.json, off in b.json",
        "merged from jobs that measured differently: cold rounds is 6 in a.json, 1 in b.json",
    ]


def test_one_strict_job_makes_a_strict_run() -> None:
    assert merged(named("A"), named("B", strict=True)).strict


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("workspace", "other", "workspace is ryla and other"),
        ("environment", "staging", "environment is not given and staging"),
        ("against", "staging", "against is not given and staging"),
        ("simulated", "model load", "simulated is not given and model load"),
    ],
)
def test_jobs_of_different_places_are_refused(field: str, value: str, said: str) -> None:
    with pytest.raises(MergeError, match=rf"^a\.json and c\.json are not of one run: {said}$"):
        merged(named("A"), named("B"), named("C", **{field: value}))


def test_an_endpoint_that_two_files_have_is_refused_by_both_names() -> None:
    with pytest.raises(MergeError, match=r"^b\.json and c\.json both have the endpoint 'b': "):
        merged(named("A"), named("B"), named("C", "B"))


@given(
    st.lists(st.lists(st.sampled_from(["success", "failed", "skipped", "not_run"])), min_size=1, max_size=6)
)
def test_no_result_is_lost_and_the_parts_stay_as_they_are(shards: list[list[str]]) -> None:
    runs = [
        run([result(f"{shard} {n}", status=status) for n, status in enumerate(statuses)])
        for shard, statuses in enumerate(shards)
    ]
    before = [list(each.results) for each in runs]
    both = merged(*runs)
    assert both.results == [each for results in before for each in results]
    assert [each.results for each in runs] == before
    assert both.summary.total == sum(map(len, shards))


def test_what_is_known_of_streams_and_cases_is_kept() -> None:
    one = run([result("A", case="long", ttft_sec=0.2, tokens_per_sec=40.0, usd_per_million_tokens=0.4)])
    (kept, _) = merged(one, named("B")).results

    assert (kept.case, kept.ttft_sec, kept.tokens_per_sec, kept.usd_per_million_tokens) == (
        "long",
        0.2,
        40.0,
        0.4,
    )
