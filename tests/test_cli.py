from __future__ import annotations

import json as plain_json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_runs import HOSTILE, reference_run, result, run, tables
from trend_folders import write_history

from pytest_modal_bench.cli import main
from pytest_modal_bench.model import Quarantine
from pytest_modal_bench.model.encoding import load
from pytest_modal_bench.report import comment, gate_json, json, markdown
from pytest_modal_bench.run.journal import Journal

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult, Run


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def saved(name: str, given_run: Run) -> str:
    Path(name).write_text(json.render(given_run), "utf-8")
    return name


def passing(*names: str, **fields: Any) -> Run:
    results = [result(name, verdict="PASS", warm_time_sec=2.0) for name in names]
    return run(results, **{"verdict": "PASS"} | fields)


def one(verdict: Any, **fields: Any) -> Run:
    status = {"FAIL": "failed", "ERROR": "failed", "SKIP": "skipped"}.get(verdict, "success")
    judged = result("B", verdict=verdict, status=status, **fields)
    return run([result("A", verdict="PASS"), judged], verdict=verdict)


class TestMerge:
    def test_jobs_become_one_run_with_its_reports_and_the_gates_file(self) -> None:
        files = [saved("a.json", passing("A")), saved("b.json", passing("B"))]
        reports = ["--report", "out/run.json", "--report", "out/run.comment.md"]
        assert main(["merge", *files, *reports]) == 0
        whole = load(Path("out/run.json").read_bytes())
        assert [each.endpoint for each in whole.results] == ["A", "B"]
        assert Path("out/run.comment.md").read_text("utf-8") == comment.render(whole)
        assert Path("out/gate.json").read_text("utf-8") == gate_json.render(whole)

    def test_one_job_that_fails_fails_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        files = [saved("a.json", passing("C")), saved("b.json", one("FAIL"))]
        assert main(["merge", *files, "--report", "run.md"]) == 1
        assert capsys.readouterr().err == "verdict: FAIL\nb: FAIL\n"

    def test_a_job_that_was_cut_off_fails(self, capsys: pytest.CaptureFixture[str]) -> None:
        cut = passing("B", verdict=None, finished=False)
        assert main(["merge", saved("a.json", passing("A")), saved("b.json", cut), "--report", "run.md"]) == 1
        assert capsys.readouterr().err == (
            "verdict: ERROR\none of the jobs that it is merged from was cut off before its end\n"
        )

    def test_conflicts_write_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        files = [saved("a.json", passing("A")), saved("b.json", passing("A"))]
        assert main(["merge", *files, "--report", "run.md"]) == 2
        assert capsys.readouterr().err.startswith("a.json and b.json both have the endpoint 'a': ")
        assert not Path("run.md").exists()

    def test_it_wants_to_be_told_where_to(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["merge", saved("a.json", passing("A"))])
        assert ended.value.code == 2
        assert "--report" in capsys.readouterr().err


class TestReport:
    def test_without_a_path_it_prints_markdown(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["report", saved("run.json", passing("A"))]) == 0
        assert capsys.readouterr().out == markdown.render(passing("A"))

    def test_with_paths_it_writes_each_in_its_format(self, capsys: pytest.CaptureFixture[str]) -> None:
        file = saved("run.json", passing("A"))
        assert main(["report", file, "--report", "x/again.md", "--report", "x/again.benchmark.json"]) == 0
        assert sorted(path.name for path in Path("x").iterdir()) == ["again.benchmark.json", "again.md"]
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(
        ("verdict", "code", "strict"),
        [
            ("PASS", 0, 0),
            ("WARN", 0, 0),
            ("SKIP", 0, 1),
            ("FAIL", 1, 1),
            ("ERROR", 1, 1),
        ],
    )
    def test_its_exit_code_is_the_verdicts(self, verdict: str, code: int, strict: int) -> None:
        file = saved("run.json", one(verdict))
        assert main(["report", file]) == code
        assert main(["report", file, "--strict"]) == strict

    def test_under_strict_what_is_inconclusive_fails(self) -> None:
        file = saved("run.json", one("INCONCLUSIVE", cold_inconclusive="woken by others"))
        assert main(["report", file]) == 0
        assert main(["report", file, "--strict"]) == 1

    def test_a_skip_below_a_warning_still_fails_a_strict_run(self) -> None:
        mixed = run([*one("SKIP").results, result("C", verdict="WARN")], verdict="WARN")
        assert main(["report", saved("run.json", mixed), "--strict"]) == 1

    def test_an_endpoint_in_quarantine_cannot_fail_it(self) -> None:
        quarantine = Quarantine(reason="flaky", until="2026-02-02")
        excused = one("WARN", quarantine=quarantine, reasons=["Timeout"])
        assert main(["report", saved("run.json", excused)]) == 0

    def test_a_quarantine_until_no_day_is_a_broken_report(self, capsys: pytest.CaptureFixture[str]) -> None:
        broken = one("PASS", quarantine=Quarantine(reason="flaky", until="soon"))
        assert main(["report", saved("run.json", broken), "--strict"]) == 2
        assert "a quarantine ends on no day that there is" in capsys.readouterr().err

    def test_the_journal_of_a_run_that_was_killed_is_rendered(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        journal = Journal(Path("killed.journal"))
        journal.begin(run([result("A", status="not_run"), result("B", status="not_run")], finished=False))
        journal.add(result("A", verdict="PASS", warm_time_sec=2.0))
        journal.close(remove=False)

        assert main(["report", "killed.journal", "--report", "again.json"]) == 1
        assert capsys.readouterr().err.splitlines()[-1] == "the run was cut off before its end"
        statuses = [each.status for each in load(Path("again.json").read_bytes()).results]
        assert statuses == ["success", "not_run"]

    def test_a_file_that_only_begins_like_a_journal_is_refused(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("broken.journal").write_text('{"journal": 1}\n')
        assert main(["report", "broken.journal"]) == 2
        assert capsys.readouterr().err.startswith("broken.journal: not a journal of pytest-modal-bench")

    def test_doubts_fail_a_strict_run_as_they_failed_its_tests(self) -> None:
        file = saved("run.json", run([result("A", verdict="PASS", cold_verified=False)], verdict="PASS"))
        assert main(["report", file]) == 0
        assert main(["report", file, "--strict"]) == 1

    def test_a_run_without_verdicts_fails_with_its_endpoints(self) -> None:
        assert main(["report", saved("run.json", reference_run())]) == 1
        assert main(["report", saved("run.json", run([result("A")]))]) == 0

    @pytest.mark.parametrize(
        ("given_run", "said"),
        [
            (run(), "nothing was measured"),
            (run([result(status="skipped", verdict="SKIP")], verdict="SKIP"), "nothing was measured"),
            (passing("A", verdict=None, finished=False), "the run was cut off before its end"),
        ],
    )
    def test_what_proves_nothing_is_not_fine(
        self, given_run: Run, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["report", saved("run.json", given_run)]) == 1
        assert capsys.readouterr().err.splitlines()[-1] == said

    def test_an_unknown_format_is_wrong_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["report", saved("run.json", passing("A")), "--report", "run.xml"]) == 2
        assert (
            "run.xml: no report format has the suffix '.xml'; known are .md, .json" in capsys.readouterr().err
        )

    @pytest.mark.parametrize("command", ["report", "merge"])
    def test_a_page_needs_its_extra_and_without_it_nothing_is_written(
        self, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = saved("run.json", passing("A"))
        assert main([command, file, "--report", "a.html"]) == 0
        assert "The endpoint passed" in Path("a.html").read_text("utf-8")

        monkeypatch.setitem(sys.modules, "jinja2", None)
        capsys.readouterr()
        assert main([command, file, "--report", "b.md", "--report", "b.html"]) == 2
        assert capsys.readouterr().err == (
            "an HTML report needs the extra `html`: pip install 'pytest-modal-bench[html]'\n"
        )
        assert not list(Path().glob("b.*"))


class TestCompare:
    @staticmethod
    def compare(old: EndpointResult, new: EndpointResult, **fields: Any) -> int:
        return main(["compare", saved("old.json", run([old])), saved("new.json", run([new], **fields))])

    def test_pairs_are_shown_with_their_ratios(self, capsys: pytest.CaptureFixture[str]) -> None:
        before = [
            result("A", cold_time_sec=40.0, warm_time_sec=2.0, cost_usd=0.002),
            result("B", warm_time_sec=1.0),
            result("C", status="skipped"),
        ]
        after = [
            result("A", cold_time_sec=20.0, warm_time_sec=3.0, cost_usd=0.002, cost_basis="estimated"),
            result("B", warm_time_sec=1.1, verdict="WARN"),
            result("D"),
        ]
        assert main(["compare", saved("old.json", run(before)), saved("new.json", run(after))]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "- old: `ryla`, 2026-02-02 12:22:58 UTC",
            "- new: `ryla`, 2026-02-02 12:22:58 UTC",
            "",
            (
                "2 endpoints in both; new over old: cold 0.5x? (median of 1 pair),"
                " warm 1.3x (median of 2 pairs), cost 1x (median of 1 pair)"
            ),
            "",
            "| Endpoint | Cold (s)               | Warm (s)          | Cost ($)               | Verdict      |",
            "| -------- | ---------------------- | ----------------- | ---------------------- | ------------ |",
            "| `a`      | 40.0? -> 20.0? (0.5x?) | 2.0 -> 3.0 (1.5x) | 0.0020 -> ~0.0020 (1x) | PASS         |",
            "| `b`      | -                      | 1.0 -> 1.1 (1.1x) | -                      | PASS -> WARN |",
            "",
            "- only in old: `c`",
            "- only in new: `d`",
        ]

    @pytest.mark.parametrize(
        ("field", "old", "new", "said"),
        [
            ("gpu_type", "L40S", "H100", "GPU L40S -> H100"),
            ("region", "us-east", "eu-west", "region us-east -> eu-west"),
            ("payload_sha256", "aa", "bb", "another payload"),
        ],
    )
    def test_what_differs_is_not_compared(
        self, field: str, old: str, new: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = result("A", warm_time_sec=2.0, **{field: old})
        assert self.compare(before, result("A", warm_time_sec=4.0, **{field: new})) == 0
        out = capsys.readouterr().out
        assert "1 endpoint in both; none with numbers to compare\n" in out
        assert "| 2.0 -> 4.0 |" in out
        assert out.endswith(f"\n- `a`: not comparable: {said}\n")

    def test_what_only_one_of_them_knows_makes_no_difference(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = result("A", warm_time_sec=2.0, gpu_type="L40S")
        assert self.compare(before, result("A", warm_time_sec=4.0)) == 0
        assert "2.0 -> 4.0 (2x)" in capsys.readouterr().out

    def test_an_endpoint_that_succeeded_and_now_fails_fails(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.compare(result("A"), result("A", status="failed", error="boom")) == 1
        captured = capsys.readouterr()
        assert captured.err == "succeeded before, fails now: a\n"
        assert "| PASS -> FAIL |" in captured.out

    def test_a_budget_that_no_longer_holds_is_a_failure_too(self) -> None:
        assert self.compare(result("A", verdict="PASS"), result("A", verdict="FAIL")) == 1

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ({"status": "failed"}, {"status": "failed"}),
            ({"status": "skipped"}, {"status": "failed"}),
            ({}, {"status": "skipped"}),
            ({"verdict": "FAIL"}, {"verdict": "FAIL"}),
            ({}, {"status": "failed", "quarantine": Quarantine(reason="flaky", until="2026-12-31")}),
        ],
    )
    def test_nothing_else_does(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        assert self.compare(result("A", **old), result("A", **new)) == 0

    def test_it_can_be_kept_as_markdown(self, capsys: pytest.CaptureFixture[str]) -> None:
        files = [saved("old.json", passing("A")), saved("new.json", passing("A"))]
        assert main(["compare", *files, "--report", "x/compared.md"]) == 0
        assert Path("x/compared.md").read_text("utf-8") == capsys.readouterr().out
        assert main(["compare", *files, "--report", "compared.json"]) == 2
        assert capsys.readouterr().err == "compared.json: a comparison is markdown, its name ends in .md\n"

    def test_simulated_times_are_not_held_against_real_ones(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.compare(result("A"), result("A"), simulated="model load") == 2
        assert "what they simulate differs (nothing; model load)" in capsys.readouterr().err

    def test_the_reference_benchmarks_own_report_is_paired_by_path(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        entries = [
            {"path": "/a", "category": "Other", "status": "success", "time_sec": 2.0, "cold": False},
            {"path": "/b", "category": "Other", "status": "success", "time_sec": 30.0},
            {"path": "/c", "status": "failed", "error": "Timeout"},
            {"status": "success"},
        ]
        Path("old.json").write_text(plain_json.dumps({"workspace": "ryla", "results": entries}))
        ours = [result("A", warm_time_sec=3.0), result("B", warm_time_sec=3.0), result("D")]
        assert main(["compare", "old.json", saved("new.json", run(ours))]) == 0
        shown = capsys.readouterr().out
        assert shown.splitlines()[:4] == [
            "- old: `ryla`, old",
            "- new: `ryla`, 2026-02-02 12:22:58 UTC",
            "",
            "2 endpoints in both; new over old: warm 1.5x (median of 1 pair)",
        ]
        assert shown.splitlines()[-4:] == [
            "- only in old: `/c`",
            "- only in new: `d`",
            "- old: left out: 1 result without a path",
            (
                "- old: time_sec of 1 result is not compared: nothing says whether it is a cold start or a warm call:"
                " no cold of its own, no quick of the run"
            ),
        ]
        assert main(["compare", "new.json", "old.json"]) == 0
        assert "warm 0.667x (median of 1 pair)" in capsys.readouterr().out

    @pytest.mark.parametrize("raw", HOSTILE[:-1])
    def test_hostile_text_changes_no_table_and_no_terminal(
        self, raw: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = result(
            raw, id=raw.replace("\ud800", ""), gpu_type=raw.replace("\ud800", ""), cold_time_sec=1.0
        )
        after = result(raw, id=raw.replace("\ud800", ""), gpu_type="L40S", status="failed")
        assert self.compare(before, after) == 1
        captured = capsys.readouterr()
        assert "\x1b" not in captured.out + captured.err
        assert [len(row) for row in tables(captured.out)[0]] == [5, 5]


class TestTrend:
    @pytest.fixture(autouse=True)
    def _history(self) -> None:
        endpoints = [result("Flux", warm_time_sec=2.0), result("Wan", "Video", warm_time_sec=9.0)]
        write_history(Path("history"), run(endpoints), 12, slower_from=7, slower="flux")

    def test_without_a_path_it_prints_markdown_with_the_step_and_its_commit(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["trend", "history"]) == 0
        captured = capsys.readouterr()
        assert "**2026-10-27 13:05 (commit abc1230000)**\n\n- Flux: warm +" in captured.out
        assert captured.err == ""

    def test_reports_are_written_and_what_was_left_out_is_named(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pytest.importorskip("jinja2")
        Path("history/broken.json").write_text("{")
        assert main(["trend", "history", "--report", "x/trend.md", "--report", "x/trend.html"]) == 0
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("left out: history/broken.json: not a report")
        assert captured.err.count("\n") == 1
        assert Path("x/trend.md").read_text("utf-8").startswith("# Trend of Modal Endpoints\n")
        assert Path("x/trend.html").read_text("utf-8").startswith("<!doctype html>")

    def test_the_last_runs_and_some_endpoints_can_be_picked(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["trend", "history", "--last", "3", "-k", "video"]) == 0
        out = capsys.readouterr().out
        assert "**Runs:** 3, 2026-10-29" in out
        assert [row[0] for table in tables(out) for row in table[1:]] == ["Wan"]
        assert "- 9 older runs; --last=N shows more than 3" in out

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["empty"], "empty: no JSON report of a run in it"),
            (["none"], "none: not a folder; give one with the JSON reports of several runs"),
            (["history", "-k", "nothing"], "history: no endpoint in it has 'nothing' in a name"),
            (["history", "--report", "x.json"], "x.json: a trend's name ends in .html or .md"),
            (["history", "--report", "history/000.json/x.md"], "history/000.json: "),
        ],
    )
    def test_what_cannot_be_followed_is_said_in_one_line(
        self, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("empty").mkdir()
        assert main(["trend", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith(said)
        assert captured.err.count("\n") == 1
        assert captured.out == ""

    @pytest.mark.parametrize("last", ["0", "-1", "x"])
    def test_so_many_runs_are_wrong_usage(self, last: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["trend", "history", f"--last={last}"])
        assert ended.value.code == 2
        assert "is no whole number from 1 on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not a report of pytest-modal-bench: Input data was truncated"),
        (b"[]", "not a report of pytest-modal-bench: "),
        (b"\xff\xfe", "not a report of pytest-modal-bench: "),
        (b"", "not a report of pytest-modal-bench: "),
        (b'{"schema": 99}', "not a report this version can read: its schema is 99, known is 1"),
        (gate_json.render(run()).encode(), "not a report of pytest-modal-bench: "),
        (b"[" * 200_000, "not a report of pytest-modal-bench: "),
    ],
)
@pytest.mark.parametrize("command", ["merge", "report", "compare"])
def test_a_broken_file_is_named_in_one_line(
    command: str, content: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.json").write_bytes(content)
    good = saved("good.json", passing("A"))
    files = ["broken.json"] if command == "report" else [good, "broken.json"]
    assert main([command, *files, "--report", "x.md"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"broken.json: {said}")
    assert captured.err.count("\n") == 1
    assert not Path("x.md").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "none.json"], "none.json: No such file or directory\n"),
        (["report", "."], ".: Is a directory\n"),
        (["report", "good.json", "--report", "good.json/x.md"], "good.json: "),
    ],
)
def test_a_file_that_cannot_be_read_or_written_is_named(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saved("good.json", passing("A"))
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    "command", [[], ["init"], ["merge"], ["report"], ["compare"], ["trend"], ["load-worker"]]
)
def test_help_says_what_the_exit_codes_mean(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: python -m pytest_modal_bench {' '.join(command)}".strip() in said
    assert ("exit codes:\n  0  " in said) == bool(command)


@pytest.mark.parametrize("arguments", [[], ["explode"], ["compare", "a.json"]])
def test_wrong_usage_ends_with_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_as_a_module_it_prints_without_colours_and_without_pytest() -> None:
    saved("run.json", passing("A"))
    code = (
        "import sys, runpy; sys.argv[1:] = ['report', 'run.json']\n"
        "try: runpy.run_module('pytest_modal_bench', run_name='__main__')\n"
        "except SystemExit as ended: print(ended.code, 'pytest' in sys.modules, file=sys.stderr)"
    )
    environment = {"PYTHONIOENCODING": "ascii", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stderr == "verdict: PASS\n0 False\n"
    assert done.stdout.startswith("# Modal Endpoint Benchmark Report\n")
    assert "\x1b" not in done.stdout


def test_a_merged_run_can_be_merged_again() -> None:
    first = [saved("a.json", passing("A")), saved("b.json", passing("B"))]
    assert main(["merge", *first, "--report", "ab.json"]) == 0
    assert main(["merge", "ab.json", saved("c.json", passing("C")), "--report", "abc.json"]) == 0
    assert plain_json.loads(Path("gate.json").read_text())["counts"]["PASS"] == 3
