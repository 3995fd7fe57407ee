from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_runs import ANY_TEXT, HOSTILE, result, run

from pytest_modal_bench.report.escape import MESSAGE_LIMIT, line
from pytest_modal_bench.report.sections.lists import failures, notes, reasons

TIMEOUT = {
    "cause": "timeout",
    "meaning": "It did not answer.",
    "remedy": "See `modal app logs flux`; raise its `timeout`.",
}
ADVICE = "<br>**Timeout:** It did not answer.<br>**Try:** See `modal app logs flux`; raise its `timeout`."


def failed(name: str, error: str = "Timeout", **fields: Any) -> Any:
    return result(name, status="failed", error=error, **TIMEOUT | fields)


def skipped(name: str, reason: str) -> Any:
    return result(name, status="skipped", skipped_reason=reason)


def test_a_cause_stands_once_with_what_it_means_and_what_to_try() -> None:
    alike = failures([failed("A"), failed("B"), failed("C")], shown=9)
    assert alike == f"- `/a`, `/b`, `/c`: Timeout{ADVICE}"

    differing = failures([failed("A"), failed("B", "408")], shown=9)
    assert differing == f"- `/a`: Timeout<br>`/b`: 408{ADVICE}"


def test_a_failure_of_which_nothing_is_known_is_listed_by_its_path() -> None:
    assert failures([result("A", status="failed")], shown=9) == "- `/a`"
    assert failures([result("A")], shown=9) == ""


def test_what_a_line_cuts_stands_below_it_in_full() -> None:
    long = "HTTP 500: " + "x" * 500
    many = failures([failed(f"E{n}") for n in range(20)], shown=9)
    shown, folded = failures([failed("A", long)], shown=9).split("\n\n", 1)

    assert shown == f"- `/a`: {long[:299]}…{ADVICE}"
    assert folded == (
        f"<details>\n<summary>What is cut above, in full</summary>\n\n- `/a`: {long}\n\n</details>"
    )
    assert many.startswith("- `/e0`, `/e1`, ")
    assert f"`/e11` and 8 more: Timeout{ADVICE}\n" in many
    assert "`/e18`, `/e19`: Timeout\n" in many


def test_more_messages_than_people_read_are_counted_and_stand_below() -> None:
    shown, _, folded = failures([failed(f"E{n}", f"error {n}") for n in range(9)], shown=9).partition("\n\n")
    assert shown == f"- `/e0`: error 0<br>`/e1`: error 1<br>`/e2`: error 2<br>and 6 other messages{ADVICE}"
    assert all(f"- `/e{n}`: error {n}\n" in folded for n in range(9))


def test_causes_beyond_those_shown_are_folded_with_all_that_is_known_of_them() -> None:
    two = [failed("A"), failed("B"), failed("C", "boom", cause="killed", meaning="Killed.", remedy="Run.")]
    shown, _, folded = failures(two, shown=1).partition("\n\n")

    assert "`/c`" not in shown
    assert "<summary>1 more endpoint, and what is cut above</summary>" in folded
    assert "\n- `/c`: boom<br>**Killed:** Killed.<br>**Try:** Run.\n" in folded


def test_skips_stand_by_their_reason() -> None:
    given_results = [skipped("A", "no LoRA"), skipped("B", "no video"), skipped("C", "no LoRA")]
    assert reasons(given_results, "skipped") == "- `/a`, `/c`: no LoRA\n- `/b`: no video"
    assert reasons(given_results, "not_run") == ""


def test_reasons_beyond_those_that_people_read_are_folded() -> None:
    shown = reasons([skipped(f"E{n}", f"reason {n}") for n in range(8)], "skipped")
    assert shown.partition("\n\n")[0].count("\n") == 4
    assert "<summary>3 more endpoints, and what is cut above</summary>" in shown
    assert "\n- `/e7`: reason 7\n" in shown


def test_a_note_that_endpoints_share_stands_once_and_names_them() -> None:
    noted = [result(name, notes=["declared image/jpeg, is PNG"]) for name in ("A", "B", "C")]
    noted.append(result("D", notes=["slow"], cached="same bytes", misfits=["no such field"]))

    assert notes(run(noted, notes=["no baseline"])).splitlines() == [
        "- no baseline",
        "- `/a`, `/b`, `/c`: declared image/jpeg, is PNG",
        "- `/d`: cached? same bytes",
        "- `/d`: no such field",
        "- `/d`: slow",
    ]


@given(st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_each_text_is_one_line_of_the_list_and_nothing_else(texts: list[str]) -> None:
    made = [
        failed(f"E{n}", raw, cause=cause, meaning=raw, remedy=raw)
        for n, raw in enumerate(texts)
        for cause in ("killed", "timeout")
    ]
    for shown in (0, 9):
        lines = [row for row in failures(made, shown=shown).splitlines() if row]
        assert all(row.startswith(("- `", "<details>", "<summary>", "</details>")) for row in lines)
    listed, _, _ = reasons([skipped("A", raw) for raw in texts[:1]], "skipped").partition("\n\n<details>")
    assert len(listed.splitlines()) == 1  # what is cut in it follows in a fold


@pytest.mark.parametrize("raw", HOSTILE[:-1])
def test_hostile_text_brings_no_markup_and_shows_as_it_is(raw: str) -> None:
    listed = failures([failed("A", raw, meaning=raw, remedy=raw)], shown=9)
    tokens = [
        part
        for token in MarkdownIt("commonmark", {"html": True}).parse(listed)
        for part in token.children or ()
    ]
    ours = {"<br>", "<code>", "</code>"}

    assert {part.content for part in tokens if part.type == "html_inline"} <= ours
    assert not [part for part in tokens if part.type in {"link_open", "image", "em_open"}]
    said = "".join(part.content for part in tokens if part.type in {"text", "code_inline"})
    assert said.startswith(f"/a: {line(raw, MESSAGE_LIMIT)}"[:250]) or not line(raw)
