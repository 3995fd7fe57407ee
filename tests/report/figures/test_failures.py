from __future__ import annotations

from typing import Any

from report_runs import result

from pytest_modal_bench.report.figures.failures import by_cause, message


def failed(name: str, cause: Any = None, **fields: Any) -> Any:
    return result(name, status="failed", cause=cause, **fields)


def test_failures_of_one_cause_are_one_group_and_the_largest_comes_first() -> None:
    groups = by_cause([failed("A", "killed"), failed("B", "timeout"), result("C"), failed("D", "timeout")])

    assert [(group.name, [each.endpoint for each in group.results]) for group in groups] == [
        ("Timeout", ["B", "D"]),
        ("Killed", ["A"]),
    ]


def test_where_the_cause_is_not_known_the_message_stands_for_it() -> None:
    groups = by_cause(
        [failed(name, error=error) for name, error in (("A", "one"), ("B", "two"), ("C", "one"))]
    )
    assert [(group.name, len(group.results)) for group in groups] == [(None, 2), (None, 1)]


def test_a_name_reads_as_the_beginning_of_a_sentence() -> None:
    names = [by_cause([failed("A", cause)])[0].name for cause in ("tls", "dns", "redirect_loop")]
    assert names == ["TLS", "DNS", "Redirect loop"]


def test_what_to_try_names_one_app_and_says_that_it_holds_for_the_others() -> None:
    one, other = (f"See `modal app logs {app}`." for app in ("flux", "wan"))
    alike = by_cause([failed("A", "killed", remedy=one), failed("B", "killed", remedy=one)])
    differing = by_cause([failed("A", "killed", remedy=one), failed("B", "killed", remedy=other)])

    assert alike[0].remedy == one
    assert differing[0].remedy == f"{one} Likewise for the apps of the others."


def test_a_message_is_one_line_with_all_that_was_said_once() -> None:
    both = failed("A", error="HTTP 500:\n boom", skipped_reason="Missing: test image", misfits=["boom"])
    assert message(both) == "HTTP 500: boom; Missing: test image"
    assert message(failed("A")) == ""


def test_endpoints_of_a_group_are_told_apart_by_message() -> None:
    (group,) = by_cause(
        [failed(name, "killed", error=error) for name, error in (("A", "x"), ("B", "y"), ("C", "x"))]
    )
    assert {said: [each.endpoint for each in theirs] for said, theirs in group.by_message().items()} == {
        "x": ["A", "C"],
        "y": ["B"],
    }
