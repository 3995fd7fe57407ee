from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_runs import ANY_TEXT, HOSTILE, reference_run, result, run, tables

from pytest_modal_bench.model import Cause, Check, Quarantine
from pytest_modal_bench.report.comment import MARKER, SUMMARY_LIMIT, render, summary
from pytest_modal_bench.report.escape import line

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult, Run

GITHUB_LIMIT = 65_536


def check(verdict: Any = "PASS", message: str = "fine", **fields: Any) -> Check:
    given: dict[str, Any] = {"metric": "warm", "against": "budget"} | fields
    return Check(verdict=verdict, message=message, **given)


def judged(name: str, verdict: Any, *checks: Check, **fields: Any) -> EndpointResult:
    status = {"FAIL": "failed", "ERROR": "failed", "SKIP": "skipped"}.get(verdict, "success")
    return result(name, verdict=verdict, checks=[*checks], **{"status": status} | fields)


def hostile(texts: list[str]) -> Run:
    """Return a run that has each of `texts` everywhere that text can stand in a comment."""
    results: list[EndpointResult] = []
    why: dict[str, Any] = {"cause": "application"}
    for raw in texts:
        named = {"id": raw, "path": raw, "quarantine": Quarantine(reason=raw, until=raw)}
        results += [
            judged(raw, "FAIL", check("FAIL", raw), error=raw, meaning=raw, remedy=raw, **why, **named),
            judged(raw, "WARN", check("WARN", raw, ratio=2.0), **named),
            judged(raw, "SKIP", skipped_reason=raw, **named),
            judged(raw, "PASS", **named),
        ]
    first = texts[0] if texts else ""
    named = dict.fromkeys(("workspace", "environment", "timestamp", "simulated", "version", "command"), first)
    return run(results, finished=False, notes=texts, **named)


def parts(markdown: str, *kinds: str) -> list[str]:
    """Return what a reader gets of `markdown`: its parts of these kinds, entities decoded."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    found = [part for token in tokens for part in (token.children or [token])]
    return [part.content for part in found if part.type in kinds]


def seen(comment: str) -> list[str]:
    """Return the lines that are seen as long as no fold is opened."""
    return re.sub(r"<details>.*?</details>\n*", "", comment, flags=re.DOTALL).splitlines()


def names(comment: str) -> list[list[str]]:
    """Return the first column of each table."""
    return [[row[0] for row in table[1:]] for table in tables(comment)]


def test_a_comment_begins_with_the_marker_that_finds_it_again() -> None:
    assert MARKER == "<!-- pytest-modal-bench -->"
    assert render(reference_run()).startswith(f"{MARKER}\n### ")
    assert MARKER not in summary(reference_run())
    assert render(reference_run()) == f"{MARKER}\n{summary(reference_run())}"


def test_the_headline_says_verdict_counts_place_and_time() -> None:
    given_run = run(
        [judged("A", "FAIL", error="boom"), judged("B", "PASS"), judged("C", "PASS")],
        verdict="FAIL",
        environment="staging",
    )
    assert summary(given_run).splitlines()[:3] == [
        "### ❌ Modal endpoints: FAIL",
        "",
        "**1 FAIL, 2 PASS** of 3 endpoints · workspace `ryla` · environment `staging` · 2026-02-02 12:22:58 UTC",
    ]


def test_a_run_that_proves_less_says_so() -> None:
    text = summary(run([result()], simulated="model load", finished=False))
    assert "\nSimulated: model load\n" in text
    assert "\n**Unfinished:** this run was cut off, or was still going on.\n" in text


def test_the_figures_of_all_endpoints_are_folded_the_bad_ones_first() -> None:
    verdicts = ["PASS", "INCONCLUSIVE", "SKIP", "WARN", "ERROR", "FAIL"]
    text = summary(run([judged(verdict, verdict) for verdict in verdicts]))
    assert names(text) == [["fail", "error", "warn", "inconclusive", "pass", "skip"]]
    shown, _, folded = text.partition("<details>\n<summary>Figures of 6 endpoints</summary>\n\n|")
    assert all(f"`{verdict}`" in shown for verdict in ("fail", "error", "warn", "inconclusive"))
    assert not any(f"`{verdict}`" in shown for verdict in ("pass", "skip"))
    assert folded.endswith("|\n\n</details>\n")


def test_a_run_in_which_all_is_well_is_one_fold() -> None:
    text = summary(run([judged("A", "PASS")], verdict="PASS"))
    assert text.startswith("### ✅ Modal endpoints: PASS\n")
    assert seen(text) == text.partition("<details>")[0].splitlines()
    assert len(tables(text)) == 1


TIMEOUT = {"cause": "timeout", "meaning": "It did not answer.", "remedy": "See `modal app logs flux`."}


def test_what_changed_comes_first_then_what_failed_then_what_the_gate_has_against_it() -> None:
    baseline: dict[str, Any] = {"against": "baseline", "limit": 1.15, "p": 0.01, "runs": 5}
    slower = check("FAIL", "slower", ratio=1.4, value=2.1, history=(1.5, 1.5, 1.4, 1.5, 1.5), **baseline)
    results = [
        judged("A", "FAIL", error="HTTP 500", cause="killed", meaning="Killed.", remedy="More memory."),
        judged("B", "FAIL", slower, status="success", reasons=["slower"]),
        judged("C", "WARN", check("WARN", "dear"), reasons=["dear"]),
    ]
    assert seen(summary(run(results)))[4:] == [
        *("**Changed since the baseline**", ""),
        *("- 🔺 `b` warm 1.4x (slower): 2.1 s, was 1.5 s in 5 earlier runs ▂▂▁▂▂█", ""),
        *("**Failed**", ""),
        *("❌ `a`: HTTP 500<br>**Killed:** Killed.<br>**Try:** More memory.", ""),
        *("**Why**", ""),
        *("- ❌ FAIL `b`: slower", "- ⚠️ WARN `c`: dear", ""),
    ]


def test_endpoints_that_failed_for_the_same_cause_are_one_collapsed_group() -> None:
    text = summary(run([judged(name, "FAIL", error=f"Timeout of {name}", **TIMEOUT) for name in "ABC"]))
    (block,) = re.findall(r"❌ \*\*Timeout.*?</details>", text, re.DOTALL)

    assert block.splitlines() == [
        "❌ **Timeout:** It did not answer.<br>**Try:** See `modal app logs flux`.",
        *("", "<details>", "<summary>3 endpoints</summary>", ""),
        *("- `a`: Timeout of A", "- `b`: Timeout of B", "- `c`: Timeout of C"),
        *("", "</details>"),
    ]


def test_twenty_one_failures_for_as_many_causes_are_read_in_half_a_minute() -> None:
    causes = get_args(Cause)[:21]
    why = [{"cause": cause, "meaning": f"It is {cause}.", "remedy": "Look."} for cause in causes]
    text = summary(run([judged(f"E{n}", "FAIL", error="boom", **fields) for n, fields in enumerate(why)]))

    assert len(seen(text)) <= 25
    assert sum("**Try:**" in row for row in seen(text)) == 6
    assert "<summary>Failed for 15 other causes</summary>" in text
    assert all(text.count(f"It is {cause}.") == 1 for cause in causes)


def test_what_is_not_decided_is_one_fold_in_which_each_reason_stands_once() -> None:
    open_questions = [judged(name, "INCONCLUSIVE", reasons=["needs 5 runs"]) for name in "ABC"]
    misfit = judged("D", "PASS", misfits=["no such field"])
    text = summary(run([*open_questions, misfit]))

    assert "<summary>4 endpoints with an open question</summary>" in text
    assert "\n- ❓ `a`, `b`, `c`: needs 5 runs\n- ❓ `d`: no such field\n" in text
    assert "needs 5 runs" not in "\n".join(seen(text))


def test_an_empty_run_is_no_success() -> None:
    assert summary(run()).startswith("### ❓ Modal endpoints: nothing measured\n\n**no endpoint** · ")


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"ratio": 1.4, "limit": 1.15, "p": 0.01}, "warm 1.4x (slower)"),
        ({"ratio": 0.5, "limit": 1.15, "p": 0.99}, "warm 0.5x (faster)"),
        ({"ratio": 0.5, "limit": 1.25, "p": 0.99, "metric": "cost"}, "cost 0.5x (cheaper)"),
        ({"ratio": 2.0, "limit": 1.25, "p": 0.01, "metric": "cost"}, "cost 2x (dearer)"),
        ({"ratio": 2.0, "limit": 1.15, "p": 0.01, "metric": "itl"}, "itl p95 2x (slower)"),
        ({"ratio": 0.5, "limit": 0.87, "p": 0.01, "metric": "tokens_per_sec"}, "tokens/s 0.5x (slower)"),
        ({"ratio": 2.0, "limit": 0.87, "p": 0.99, "metric": "tokens_per_sec"}, "tokens/s 2x (faster)"),
    ],
)
def test_what_moved_since_the_baseline_is_among_the_first(fields: dict[str, Any], shown: str) -> None:
    moved = judged("A", "PASS", check(against="baseline", **fields))
    text = summary(run([judged("B", "PASS"), moved]))
    assert any(f"`a` {shown}" in row for row in seen(text)[:8])
    (table,) = tables(text)
    assert [(row[0], row[5]) for row in table[1:]] == [("b", "-"), ("a", shown)]


@pytest.mark.parametrize(
    "fields",
    [
        {"ratio": 1.1, "limit": 1.15},
        {"ratio": 0.9, "limit": 1.15},
        {"ratio": 1.4, "limit": 1.5, "metric": "cold"},
        {"ratio": 1.4, "limit": 1.6, "p": 0.001},
        {"ratio": 0.7, "limit": 1.6, "p": 0.999},
        {"ratio": 1.4, "limit": 1.15},
        {"ratio": 0.5, "limit": 1.15},
        {"ratio": 0.5, "p": 0.99},
        {"ratio": float("inf"), "limit": 1.15, "p": 0.01},
        {"ratio": None},
        {"ratio": 0.9, "limit": 0.87, "p": 0.01, "metric": "tokens_per_sec"},
        {"ratio": 1.1, "limit": 0.87, "p": 0.99, "metric": "tokens_per_sec"},
        {"ratio": 0.0, "limit": 0.0, "p": 0.2, "metric": "tokens_per_sec"},
        {"ratio": 0.5, "limit": 0.0, "p": 0.01},
    ],
)
def test_what_did_not_move_or_may_have_by_chance_is_folded(fields: dict[str, Any]) -> None:
    text = summary(run([judged("A", "PASS", check(against="baseline", **fields))]))
    assert "Changed" not in text
    assert seen(text) == text.partition("<details>")[0].splitlines()


def test_messages_are_one_line_each_and_say_why() -> None:
    slow = judged("B", "WARN", check("WARN", "warm 2.4s\nis above 2.0s"), check())
    failed = judged("A", "FAIL", error="HTTP\n500")
    text = summary(run([failed, slow, judged("C", "PASS")], notes=["no baseline"]))
    assert (
        "\n\n**Failed**\n\n❌ `a`: HTTP 500\n\n**Why**\n\n- ⚠️ WARN `b`: warm 2.4s is above 2.0s\n\n" in text
    )
    assert "<summary>Notes</summary>\n\n- no baseline\n\n</details>" in text


def test_an_endpoint_in_quarantine_says_so_until_its_day_has_passed() -> None:
    def verdict(until: str) -> str:
        quarantine = Quarantine(reason="flaky", until=until)
        text = summary(run([judged("A", "FAIL", quarantine=quarantine)]))
        verdict = tables(text)[0][1][1]
        assert ("❌ `a` (quarantined)" in text) == ("quarantined" in verdict)
        return verdict

    assert verdict("2026-02-02") == "❌ FAIL (quarantined)"
    assert verdict("2026-02-01") == "❌ FAIL"


def test_a_report_without_verdicts_is_shown_by_status() -> None:
    text = summary(reference_run())
    assert text.startswith("### ❌ Modal endpoints: FAIL\n\n**7 FAIL, 6 PASS, 8 SKIP** of 21 endpoints")
    assert [len(rows) for rows in names(text)] == [21]
    assert text.count("❌ `") == 6, "two of the seven failed with the same message"


def test_an_unproven_cold_start_keeps_its_question_mark() -> None:
    assert tables(summary(run([result(cold_time_sec=4.0, cold_verified=False)])))[0][1][2] == "4.0?"


def github_length(text: str) -> int:
    """The most that `text` can count for: UTF-16 units, as JavaScript counts."""
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("raw", ["x" * 5000, "界" * 5000, "\U0001f3ac" * 5000, "|@" * 5000])
@pytest.mark.parametrize("verdict", ["FAIL", "PASS"])
def test_a_comment_is_never_too_long_and_is_cut_between_rows(raw: str, verdict: str) -> None:
    many = [
        judged(f"{n} {raw}", verdict, check(verdict, raw), error=raw, id=f"{n} {raw}") for n in range(900)
    ]
    text = render(run(many, notes=[raw] * 900, workspace=raw, environment=raw, simulated=raw))
    assert 15_000 < github_length(text) < GITHUB_LIMIT
    *_, table = tables(text)
    assert f"\n\n… and {900 - (len(table) - 1)} more\n" in text
    assert all(len(row) == 6 for row in table)
    assert text.count("<details>") == text.count("</details>")


def test_a_summary_has_room_for_more_and_is_cut_as_well() -> None:
    many = [judged(f"{n}", "FAIL", error="x" * 300) for n in range(20_000)]
    assert GITHUB_LIMIT < len(summary(run(many)).encode()) <= SUMMARY_LIMIT


def test_ten_megabytes_from_a_server_are_one_line() -> None:
    text = render(run([judged("A", "FAIL", check("FAIL", HOSTILE[-1]), error=HOSTILE[-1])]))
    assert len(text) < 2_000
    assert re.search(r"^❌ `a`: (y ){100,}y…$", text, re.MULTILINE)


@given(st.lists(ANY_TEXT, max_size=3))
def test_hostile_text_changes_no_table(texts: list[str]) -> None:
    text = render(hostile(texts))
    assert github_length(text) < GITHUB_LIMIT
    assert all(len(row) == 6 for table in tables(text) for row in table)
    assert [name for table in names(text) for name in table] == [
        line(raw, 200) or "-" for _ in range(4) for raw in texts
    ]


@pytest.mark.parametrize("raw", HOSTILE[:-1])
def test_hostile_text_pings_nobody_and_brings_no_markup(raw: str) -> None:
    comment = render(hostile([raw]))
    alive = ("@", "GH-", "#1", "#2", "\x1b", "www.", "://")
    assert not [part for part in parts(comment, "text") if any(mark in part for mark in alive)]
    ours = ("<code>", "</code>", "<br>", MARKER, "<details>\n<summary>", "</details>")
    assert not [part for part in parts(comment, "html_inline", "html_block") if not part.startswith(ours)]


@given(st.lists(st.sampled_from(["PASS", "WARN", "FAIL", "INCONCLUSIVE", "SKIP", "ERROR"]), max_size=30))
def test_every_endpoint_is_in_exactly_one_row(verdicts: list[str]) -> None:
    given_run = run([judged(f"{n}", verdict) for n, verdict in enumerate(verdicts)])
    assert sorted(name for table in names(render(given_run)) for name in table) == sorted(
        f"{n}" for n in range(len(verdicts))
    )


def test_streams_bring_columns_of_their_own_and_without_them_there_are_none() -> None:
    chat = judged("Chat", "PASS", ttft_sec=0.2, itl_p95_sec=0.03, tokens_per_sec=40.0)
    (with_streams,) = tables(summary(run([chat, judged("Flux", "PASS")])))
    (without,) = tables(summary(run([judged("Flux", "PASS")])))

    assert with_streams[0][2:] == [
        *("Cold (s)", "Warm (s)", "Cost ($)", "TTFT (s)", "ITL 95% (s)", "Tokens/s", "Against Baseline")
    ]
    assert [row[5:8] for row in with_streams[1:]] == [["0.20", "0.030", "40.0"], ["-", "-", "-"]]
    assert without[0][2:] == ["Cold (s)", "Warm (s)", "Cost ($)", "Against Baseline"]
