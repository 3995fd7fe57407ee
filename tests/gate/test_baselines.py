from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, run, sample

from pytest_modal_bench.gate.baselines import History, Where
from pytest_modal_bench.gate.earlier.reports import BaselineError
from pytest_modal_bench.model import Endpoint, HistoryStart
from pytest_modal_bench.report.json import render

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = {
    "timestamp": "2026-02-02T12:22:58",
    "workspace": "ryla",
    "resources": {"image": True, "video": False, "lora": False},
    "summary": {"total": 1},
    "results": [
        {
            "endpoint": "Flux",
            "path": "/flux",
            "category": "Flux",
            "description": "",
            "cold_time_sec": 44.4,
            "warm_time_sec": 2.1,
            "cost_usd": 0.0,
            "gpu_type": None,
            "size_kb": 300.0,
            "status": "success",
            "error": None,
            "skipped_reason": None,
        }
    ],
}

NOW = result(gpu_type="L40S", payload_sha256="a" * 64)


def write(
    path: Path, *, timestamp: str = "2026-01-01T00:00:00Z", simulated: str | None = None, **fields: Any
) -> Path:
    given = {"gpu_type": "L40S", "payload_sha256": "a" * 64, "samples": [sample()]} | fields
    path.write_text(render(run([result(**given)], timestamp=timestamp, simulated=simulated)))
    return path


def days(folder: Path, *, runs: int = 12, **fields: Any) -> Path:
    """Write a report a day, from the first of January on."""
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(1, runs + 1):
        write(folder / f"{day:02}.json", timestamp=f"2026-01-{day:02}T12:00:00Z", **fields)
    return folder


def error(path: Path) -> str:
    with pytest.raises(BaselineError) as caught:
        History.load(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_report_is_one_run(tmp_path: Path) -> None:
    matched = History.load(write(tmp_path / "old.json")).matching(NOW, simulated=None)

    assert [each.id for each in matched.runs] == ["flux"]
    assert matched.notes == []


def test_a_directory_is_a_run_a_report_oldest_first_and_each_once(tmp_path: Path) -> None:
    write(tmp_path / "b.json", timestamp="2026-01-02T00:00:00Z", warm_time_sec=2.0)
    write(tmp_path / "a.json", timestamp="2026-01-03T00:00:00Z", warm_time_sec=3.0)
    write(tmp_path / "c.json", timestamp="2026-01-02T00:00:00Z", warm_time_sec=2.0)
    (tmp_path / "gate.json").write_text("{}")
    (tmp_path / "x.benchmark.json").write_text("[]")
    matched = History.load(tmp_path).matching(NOW, simulated=None)

    assert [each.warm_time_sec for each in matched.runs] == [2.0, 3.0]
    assert matched.notes == []


def test_a_file_that_is_no_report_is_passed_over_and_noted(tmp_path: Path) -> None:
    write(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{}")
    history = History.load(tmp_path)

    assert len(history.matching(NOW, simulated=None).runs) == 1
    assert "b.json" in history.notes[0]


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"gpu_type": "A100"}, "not compared: 1 earlier run had another GPU: A100, now L40S"),
        ({"payload_sha256": "b" * 64}, "not compared: 1 earlier run had another payload"),
    ],
)
def test_what_is_not_the_same_is_not_compared_and_noted(
    tmp_path: Path, fields: dict[str, str], note: str
) -> None:
    matched = History.load(write(tmp_path / "old.json", **fields)).matching(NOW, simulated=None)

    assert (matched.runs, matched.notes) == ([], [note])


def test_what_a_baseline_does_not_say_is_noted_and_compared(tmp_path: Path) -> None:
    old = write(tmp_path / "old.json", gpu_type=None)
    matched = History.load(old).matching(NOW, simulated=None)

    assert len(matched.runs) == 1
    assert matched.notes == ["compared with earlier runs that do not say their GPU"]


def test_simulated_and_real_runs_never_mix(tmp_path: Path) -> None:
    history = History.load(write(tmp_path / "old.json", simulated="times, at 0.01"))

    assert history.matching(NOW, simulated=None).runs == []
    assert history.matching(NOW, simulated="times, at 0.05").runs == []
    assert len(history.matching(NOW, simulated="times, at 0.01").runs) == 1


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ("measured", "measured", True),
        ("estimated", "estimated", True),
        (None, "measured", True),
        ("measured", "estimated", False),
        ("estimated", "measured", False),
    ],
)
def test_a_cost_is_compared_with_those_of_its_own_basis(
    tmp_path: Path, before: str | None, now: str, kept: bool
) -> None:
    history = History.load(write(tmp_path / "old.json", cost_usd=0.01, cost_basis=before, warm_time_sec=1.0))
    current = result(
        gpu_type="L40S", payload_sha256="a" * 64, cost_usd=0.02, cost_basis=now, warm_time_sec=1.0
    )

    matched = history.matching(current, simulated=None)

    assert [run.cost_usd for run in matched.runs] == [0.01 if kept else None]
    assert [run.warm_time_sec for run in matched.runs] == [1.0]
    assert matched.notes == ([] if kept else [f"cost not compared: 1 earlier run had it {before}, now {now}"])


def test_what_failed_before_says_nothing(tmp_path: Path) -> None:
    assert (
        History.load(write(tmp_path / "old.json", status="failed")).matching(NOW, simulated=None).runs == []
    )


def test_the_reference_benchmarks_own_report(tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(REFERENCE))
    (earlier,) = History.load(path).matching(NOW, simulated=None).runs

    assert (earlier.warm_time_sec, earlier.cold_time_sec) == (2.1, 44.4)
    assert earlier.cost_usd is None, "its 0.0 means unknown"


def test_what_the_reference_benchmark_does_not_say_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    said = {"endpoint": "Flux", "path": "/flux", "category": "Flux", "status": "success"}
    silent = {"description": None, "warm_time_sec": None, "cost_usd": None}
    path.write_text(json.dumps(REFERENCE | {"results": [said | silent]}))
    (earlier,) = History.load(path).matching(NOW, simulated=None).runs

    assert (earlier.description, earlier.warm_time_sec) == ("", None)


def test_jobs_that_began_in_the_same_second_are_all_part_of_it(tmp_path: Path) -> None:
    for name in ("Flux", "Sdxl"):
        (tmp_path / f"{name}.json").write_text(render(run([result(name, samples=[sample()])])))
    history = History.load(tmp_path)

    for name in ("Flux", "Sdxl"):
        assert len(history.matching(result(name), simulated=None).runs) == 1


def test_what_no_earlier_run_knows_is_noted(tmp_path: Path) -> None:
    history = History.load(write(tmp_path / "old.json", warm_time_sec=2.0))
    now = result(
        gpu_type="L40S", payload_sha256="a" * 64, cold_time_sec=40.0, warm_time_sec=2.0, cost_usd=0.1
    )

    assert history.matching(now, simulated=None).notes == [
        "not compared: no earlier run knows its cold start, cost"
    ]
    assert history.matching(result("New"), simulated=None).notes == [
        "not compared: no earlier run of it succeeded"
    ]


def test_each_difference_is_noted_once(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        write(tmp_path / f"{day}.json", timestamp=f"2026-01-0{day}T00:00:00Z", gpu_type="A100")
    notes = History.load(tmp_path).matching(NOW, simulated=None).notes

    assert notes == ["not compared: 3 earlier runs had another GPU: A100, now L40S"]


def test_a_run_that_was_cut_off_counts_with_the_endpoints_that_it_came_to(tmp_path: Path) -> None:
    came_to, left = result(samples=[sample()]), result("Sdxl", status="not_run")
    (tmp_path / "old.json").write_text(render(run([came_to, left], finished=False)))
    history = History.load(tmp_path)

    assert len(history.matching(result(), simulated=None).runs) == 1
    assert history.matching(result("Sdxl"), simulated=None).runs == []


def test_a_file_that_is_not_there_is_an_error_that_names_the_way_out(tmp_path: Path) -> None:
    assert error(tmp_path / "none.json").endswith(
        "give a JSON report of an earlier run, or leave the baseline out"
    )


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"schema": 99}', '{"results": [1]}', '{"results": [{}]}']
)
def test_anything_else_is_an_error_of_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(content)

    assert error(path).startswith(f"{path}: ")


def test_a_directory_without_a_report_is_no_history_yet(tmp_path: Path) -> None:
    history = History.load(tmp_path)

    assert history.past == []
    assert history.notes == [f"no history yet: {tmp_path} holds no report of an earlier run"]


def test_a_directory_in_which_no_report_can_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{")
    assert error(tmp_path).startswith(f"{tmp_path}: no report that can be read in it: {tmp_path}/old.json: ")


OLD_REPORT = """{
  "schema": 1, "timestamp": "2026-01-01T00:00:00Z", "workspace": "ryla", "resources": {}, "rounds": 3,
  "version": "0.1.0",
  "summary": {"total": 1, "successful": 1, "failed": 0, "skipped": 0, "not_run": 0, "calls": 1, "calls_with_cost": 0,
    "total_cost_usd": null},
  "results": [{"endpoint": "Flux", "path": "/flux", "category": "Flux", "status": "success", "id": "flux", "app": "app",
    "pool": "pool", "warm_time_sec": 2.0, "samples": [{"start": "warm", "ok": true, "elapsed_sec": 2.0,
    "started_at": "2026-01-01T00:00:00Z"}]}]
}"""


def test_a_report_from_before_streams_were_known_still_loads_and_lacks_their_figures(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(OLD_REPORT)
    now = result(warm_time_sec=2.0, ttft_sec=0.2, itl_p95_sec=0.03, tokens_per_sec=40.0)
    matched = History.load(tmp_path).matching(now, simulated=None)

    assert [(run.warm_time_sec, run.ttft_sec) for run in matched.runs] == [(2.0, None)]
    assert matched.notes == [
        "not compared: no earlier run knows its time to first token, time between outputs, tokens a second"
    ]


def test_a_case_is_not_what_the_reference_benchmark_called_at_its_path(tmp_path: Path) -> None:
    (tmp_path / "reference.json").write_text(json.dumps(REFERENCE))
    case = result("Flux", id="flux[large]", case="large", path="/flux")

    assert History.load(tmp_path).matching(case, simulated=None).runs == []


@pytest.mark.parametrize(
    ("since", "left"), [("2026-01-05", 8), ("2026-01-05T12:00:00Z", 8), ("2026-01-05T12:00:01Z", 7)]
)
def test_runs_before_an_intended_change_are_no_history_and_the_note_says_why(
    tmp_path: Path, since: str, left: int
) -> None:
    history = History.load(days(tmp_path))
    begun = result(
        gpu_type="L40S", payload_sha256="a" * 64, history=HistoryStart(since=since, reason="new model")
    )
    matched = history.matching(begun, simulated=None)

    assert len(matched.runs) == len(history.usual(endpoint(history=begun.history), simulated=None)) == left
    assert matched.origins[0].timestamp == f"2026-01-{13 - left:02}T12:00:00Z"
    assert matched.notes == [f"not compared: {12 - left} earlier runs before {since}: new model"]


def test_a_run_whose_time_can_not_be_read_is_not_after_an_intended_change(tmp_path: Path) -> None:
    begun = result(history=HistoryStart(since="2026-01-01", reason="new model"))
    history = History.load(write(tmp_path / "old.json", timestamp="yesterday"))

    assert history.matching(begun, simulated=None).notes == [
        "not compared: 1 earlier run before 2026-01-01: new model"
    ]


def test_reports_may_lie_in_a_folder_for_each_artifact_and_a_run_found_twice_counts_once(
    tmp_path: Path,
) -> None:
    for day in (1, 2, 3):
        folder = tmp_path / f"modal-bench-{day}"
        folder.mkdir()
        write(folder / "modal-bench.json", timestamp=f"2026-01-0{day}T00:00:00Z", warm_time_sec=float(day))
        (folder / "gate.json").write_text("{}")
        (folder / "too" / "deep").mkdir(parents=True)
        write(folder / "too" / "deep" / "old.json", timestamp="2025-01-01T00:00:00Z")
    write(tmp_path / "again.json", timestamp="2026-01-02T00:00:00Z", warm_time_sec=2.0)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "other.json").write_text("{")
    history = History.load(tmp_path)

    assert [run.warm_time_sec for run in history.matching(NOW, simulated=None).runs] == [1.0, 2.0, 3.0]
    assert history.notes == []


def test_the_last_runs_are_the_newest_of_those_that_can_be_compared(tmp_path: Path) -> None:
    days(tmp_path)
    write(tmp_path / "again.json", timestamp="2026-01-12T12:00:00Z")
    write(tmp_path / "simulated.json", timestamp="2026-02-01T00:00:00Z", simulated="times")
    history = History.load(tmp_path, last=3)

    assert [each.timestamp[:10] for each in history.matching(NOW, simulated=None).origins] == [
        "2026-01-10",
        "2026-01-11",
        "2026-01-12",
    ]
    assert history.notes == ["left out: 9 older runs, by --modal-bench-baseline-last=3"]


@pytest.mark.parametrize(
    ("where", "note"),
    [
        (Where("ryla", "staging"), None),
        (Where(None, None), None),
        (Where("other", None), "left out: 12 earlier runs of another workspace: ryla, now other"),
    ],
)
def test_runs_of_another_workspace_are_left_out_as_far_as_it_is_known(
    tmp_path: Path, where: Where, note: str | None
) -> None:
    history = History.load(days(tmp_path), where)
    nothing = f"nothing to compare with: {tmp_path} holds no run of this workspace and environment"

    assert history.notes == ([] if note is None else [note, nothing])
    assert len(history.past) == (12 if note is None else 0)


def test_what_was_left_out_is_said_in_ten_lines_and_a_count(tmp_path: Path) -> None:
    write(tmp_path / "good.json")
    for number in range(25):
        (tmp_path / f"{number:02}.json").write_text("{")
    notes = History.load(tmp_path).notes

    assert len(notes) == 11
    assert notes[0].startswith(f"{tmp_path}/00.json: not a report of")
    assert notes[-1] == "and 15 more like these"


def test_a_folder_that_may_not_be_looked_into_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    look = type(tmp_path).iterdir

    def forbidden(path: Path) -> Any:
        if path in closed:
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(type(tmp_path), "iterdir", forbidden)
    closed = [tmp_path]
    assert error(tmp_path).startswith(
        f"{tmp_path}: can't be looked into: Permission denied; give a directory"
    )
    closed = [inside]
    write(tmp_path / "old.json")
    assert History.load(tmp_path).notes[0].startswith(f"{inside}: can't be looked into: Permission denied")


def endpoint(name: str = "flux", **given: Any) -> Endpoint:
    plain: dict[str, Any] = {"path": f"/{name}", "app": "app", "url": "", "pool": "pool", "category": "Flux"}
    return Endpoint(id=name, name=name, **plain | given)


def test_before_the_first_call_it_is_said_what_has_nothing_to_be_compared_with_and_why(
    tmp_path: Path,
) -> None:
    history = History.load(days(tmp_path, runs=4))
    new_model = HistoryStart(since="2026-02-01", reason="new model")
    ten = ", ".join(f"new-{number}" for number in range(10))

    assert history.outlook([endpoint()], {"flux": "a" * 64}, simulated=None) == [
        "too little to compare flux with: fewer than 5 earlier runs"
    ]
    assert history.outlook([endpoint()], {"flux": "b" * 64}, simulated=None) == [
        "nothing to compare flux with: 4 earlier runs had another payload"
    ]
    assert history.outlook([endpoint(history=new_model)], {}, simulated=None) == [
        "nothing to compare flux with: 4 earlier runs before 2026-02-01: new model"
    ]
    assert history.outlook([endpoint(f"new-{n}") for n in range(12)], {}, simulated="times") == [
        f"nothing to compare {ten} and 2 more with: no earlier run of it succeeded"
    ]


def test_with_enough_history_there_is_nothing_to_say_before_the_first_call(tmp_path: Path) -> None:
    history = History.load(days(tmp_path, runs=5))

    assert history.outlook([endpoint()], {"flux": "a" * 64}, simulated=None) == []


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("path", "endpoint", "status", "time_sec", "warm_time_sec", "cold", "cost_usd", "error", "gpu_type")
ENTRIES = st.dictionaries(st.sampled_from(FIELDS), ANY_JSON | st.just("/flux"), max_size=5) | ANY_JSON


@given(
    st.lists(ENTRIES, max_size=4) | ANY_JSON,
    st.dictionaries(st.sampled_from(("timestamp", "quick", "workspace", "mode", "notes")), ANY_JSON),
)
def test_any_json_with_results_gives_a_history_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, results: Any, more: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(more | {"results": results}))
    try:
        history = History.load(path)
    except BaselineError:
        error(path)
        return
    assert all(line.isprintable() for line in history.notes)
    for name in ("flux", "other"):
        history.matching(result(name), simulated=None)
    history.outlook([endpoint()], {}, simulated=None)
