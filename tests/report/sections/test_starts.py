from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from report_runs import HOSTILE, result, sample

from pytest_modal_bench.model import Provider
from pytest_modal_bench.report.escape import width
from pytest_modal_bench.report.sections.starts import cold_starts

ANY_TEXT = st.text() | st.text("|\\`*_~[](){}<>!#@$:;&-=.\n ab1") | st.sampled_from(HOSTILE[:-1])


def rows(shown: str) -> list[list[str]]:
    lines = [row for row in shown.splitlines() if row.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in lines[2:]]


def test_a_cold_start_says_where_its_time_went_and_what_proves_it() -> None:
    provider = Provider(queue_sec=3.0, boot_sec=9.0, execution_sec=30.0)
    cold = sample(
        "cold",
        45.0,
        provider=provider,
        unattributed_sec=3.0,
        container="ta-1",
        proof="no container before, ta-1 after",
    )

    assert rows(cold_starts([result(samples=[cold, sample()], load_sec=28.0)])) == [
        ["`flux`", "45.0", "3.0", "9.0", "30.0", "~28.0", "3.0", "`ta-1`", "no container before, ta-1 after"]
    ]


def test_what_nobody_says_is_left_open() -> None:
    shown = cold_starts([result(samples=[sample("cold", 45.0)])])

    assert rows(shown) == [["`flux`", "45.0", "-", "-", "-", "-", "-", "-", "unverified"]]
    assert shown.startswith("Seconds. ")


def test_the_servers_own_seconds_do_where_the_provider_has_none() -> None:
    assert rows(cold_starts([result(samples=[sample("cold", 45.0, execution_sec=30.0)])]))[0][4] == "30.0"
    silent = sample("cold", 45.0, handler_sec=20.0, provider=Provider(boot_sec=9.0))
    assert rows(cold_starts([result(samples=[silent])]))[0][3:5] == ["9.0", "20.0"]


def test_each_cold_start_that_counts_has_a_row_and_no_other_call() -> None:
    samples = [
        sample("cold", 45.0),
        sample("cold", 46.0, ok=False),
        sample("cold", 47.0),
        sample("first", 5.0, asked="cold", dropped="ta-1 had answered before"),
        sample("warm", 2.0),
    ]

    assert [row[1] for row in rows(cold_starts([result(samples=samples)]))] == ["45.0", "47.0"]


def test_what_could_not_be_had_is_told_without_a_table_too() -> None:
    inconclusive = result(
        cold_inconclusive="1 container left", warm_inconclusive="2 of 3 warm calls: it moved"
    )

    assert cold_starts([result("Fine"), inconclusive]).splitlines() == [
        "- `/flux`: cold inconclusive: 1 container left",
        "- `/flux`: warm inconclusive: 2 of 3 warm calls: it moved",
    ]


def test_dropped_calls_are_counted_and_each_reason_is_told_once() -> None:
    reasons = ["it ran in a new container", "the container changed", "it ran in a new container"]
    shown = cold_starts(
        [
            result(samples=[sample(dropped=reason) for reason in reasons]),
            result("Wan", samples=[sample("cold", 9.0), sample(dropped="another")]),
        ]
    )

    assert shown.splitlines()[-2:] == [
        "- `/flux`: 3 calls dropped: it ran in a new container; the container changed",
        "- `/wan`: 1 call dropped: another",
    ]
    assert "|\n\n- `/flux`" in shown, "lines stand apart from the table"


def test_nothing_cold_nothing_to_say() -> None:
    assert cold_starts([result(samples=[sample(), sample("first")])]) == ""
    assert cold_starts([]) == ""


@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_text_from_outside_changes_no_table_and_no_list(texts: list[str]) -> None:
    def of(raw: str) -> list[Any]:
        cold = sample("cold", 9.0, proof=raw, container=raw)
        return [cold, sample(dropped=raw)]

    shown = cold_starts([result(id=raw, path=raw, samples=of(raw), cold_inconclusive=raw) for raw in texts])
    whole, _, cut = shown.partition("\n\nTexts that are cut in the table, in full:\n\n")
    legend, empty, header, delimiter, *rest = whole.splitlines()
    table = rest[: len(texts)]

    assert legend.startswith("Seconds. ")
    assert empty == ""
    assert all(width(row) == width(following) for row, following in pairwise([header, delimiter, *table]))
    assert {row.count("|") for row in (header, delimiter, *table)} == {10}
    assert rest[len(texts)] == ""
    assert len(rest) == len(texts) + 1 + 2 * len(texts)
    assert all(line.startswith("- ") for line in [*rest[len(texts) + 1 :], *cut.splitlines()])


def test_a_proof_and_a_container_that_are_cut_stand_below_in_full() -> None:
    proof = "no container before, " + ", ".join(f"ta-{number}" for number in range(20))
    cold = sample("cold", 9.0, proof=proof, container="ta-" + "7" * 90)
    shown = cold_starts([result(samples=[cold], cold_inconclusive="1 container left")])

    assert rows(shown)[0][-2:] == [f"<code>ta-{'7' * 76}…</code>", f"{proof[:79]}…"]
    assert shown.splitlines()[-6:] == [
        "- `/flux`: cold inconclusive: 1 container left",
        "",
        "Texts that are cut in the table, in full:",
        "",
        f"- `flux`: `ta-{'7' * 90}`",
        f"- `flux`: {proof}",
    ]
