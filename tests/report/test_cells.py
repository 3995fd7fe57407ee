from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_runs import ANY_TEXT

from pytest_modal_bench.report.cells import CELL_LIMIT, Cells, long_names, name_cell, text_cell
from pytest_modal_bench.report.escape import MESSAGE_LIMIT, code, line, text, width

LONG = st.builds(lambda raw, times: raw * times, ANY_TEXT, st.integers(1, 100))
CODE = len("<code></code>")
SENTENCE = "The container was killed while it worked: out of memory, most often, or a GPU fault, or both."


def shown(markdown: str) -> str:
    """Return what a reader sees of a paragraph."""
    _, inline, _ = MarkdownIt("commonmark", {"html": True}).parse(f"x{markdown}")
    parts = [part.content for part in inline.children or () if part.type in {"text", "code_inline"}]
    return "".join(parts).removeprefix("x")


def test_what_fits_stays_as_it_is() -> None:
    assert text_cell("HTTP 500: function was terminated") == "HTTP 500: function was terminated"
    assert text_cell("x" * CELL_LIMIT) == "x" * CELL_LIMIT
    assert name_cell("/flux-dev") == "`/flux-dev`"
    assert name_cell("x" * CELL_LIMIT) == f"`{'x' * CELL_LIMIT}`"
    assert name_cell("") == "-"


def test_what_does_not_fit_is_cut_and_ends_with_an_ellipsis() -> None:
    assert text_cell("x" * (CELL_LIMIT + 1)) == "x" * (CELL_LIMIT - 1) + "…"
    assert name_cell("x" * (CELL_LIMIT + 1)) == f"<code>{'x' * (CELL_LIMIT - 1)}…</code>"
    assert text_cell("one two three", 5) == "one…", "no space before it"


@pytest.mark.parametrize(
    ("raw", "cell"),
    [
        ("画" * 100, "画" * 39 + "…"),
        ("|" * 100, "&#124;" * 13 + "…"),
        ("e\u0301" * 100, "e\u0301" * 39 + "e…"),
        ("\U0001f44d\U0001f3fd" * 100, "\U0001f44d&#127997;" * 7 + "\U0001f44d…"),
    ],
)
def test_a_cell_is_measured_in_columns_and_in_characters_of_its_markdown(raw: str, cell: str) -> None:
    assert text_cell(raw) == cell


@settings(deadline=None)
@given(LONG)
def test_no_text_makes_a_wide_cell(raw: str) -> None:
    assert width(text_cell(raw)) <= CELL_LIMIT
    assert width(name_cell(raw)) <= CELL_LIMIT + CODE
    assert len(text_cell(raw)) <= 11 * CELL_LIMIT, "characters that take up no column are limited, too"


@settings(deadline=None)
@given(LONG)
def test_a_cell_shows_all_of_a_text_or_its_beginning(raw: str) -> None:
    for cell, whole in ((text_cell(raw), text(raw)), (name_cell(raw), code(raw, MESSAGE_LIMIT))):
        if cell != whole:
            assert shown(cell).endswith("…")
            assert line(raw).startswith(shown(cell).removesuffix("…"))
            assert len(line(raw)) > CELL_LIMIT or width(text(raw)) > CELL_LIMIT


def test_a_table_without_a_cut_text_has_nothing_below_it() -> None:
    cells = Cells()
    assert cells.text("HTTP 500", "flux") == "HTTP 500"
    assert cells.name("ta-1", "flux") == "`ta-1`"
    assert cells.with_full_texts("| the table |") == "| the table |"


def test_each_cut_text_stands_once_below_its_table_with_the_endpoints_it_belongs_to() -> None:
    cells = Cells()
    for endpoint in ("a", "b", "a"):
        assert cells.text(SENTENCE, endpoint) == f"{SENTENCE[:79]}…"
    assert cells.name("ta-1|" * 50, "c").startswith("<code>ta-1&#124;")

    assert cells.with_full_texts("| the table |").splitlines() == [
        "| the table |",
        "",
        "Texts that are cut in the table, in full:",
        "",
        f"- `a`, `b`: {SENTENCE}",
        f"- `c`: <code>{'ta-1&#124;' * 50}</code>",
    ]


def test_a_line_names_three_endpoints_and_counts_the_others() -> None:
    cells = Cells()
    for number in range(581):
        cells.text(SENTENCE, f"e{number}")

    assert cells.with_full_texts("").splitlines()[-1] == f"- `e0`, `e1`, `e2` and 578 more: {SENTENCE}"


def test_what_stands_elsewhere_need_not_stand_below_the_table() -> None:
    cells = Cells()
    assert cells.text(SENTENCE, "a", full="") == cells.text(SENTENCE, "b", full="the _rest_")
    assert cells.with_full_texts("").splitlines()[-1] == "- `b`: the _rest_"
    assert "`a`" not in cells.with_full_texts("")


def test_what_the_beginning_already_shows_need_not_stand_below_the_table() -> None:
    cells = Cells()
    cells.text(f"warm 1.0s within 2.0s; {SENTENCE}", "a", full="warm 1.0s within 2.0s")
    assert cells.with_full_texts("") == ""


@settings(deadline=None)
@given(LONG)
def test_what_is_cut_can_be_read_below_in_full(raw: str) -> None:
    cells = Cells()
    cell = cells.text(raw, raw)
    below = cells.with_full_texts("").splitlines()

    if cell == text(raw):
        assert below == []
    else:
        *_, only = below
        assert len(below) == 5
        assert shown(only.removeprefix("- ")) == f"{shown(name_cell(raw))}: {line(raw)}"


def test_long_names_are_listed_once_and_whole() -> None:
    long, hostile = "/models/" + "x" * 300, "|" * 20
    assert long_names(["/flux", "", "x" * CELL_LIMIT]) == ""
    assert long_names(["/flux", long, hostile, long]).splitlines() == [
        "Names that are cut in a table, in full:",
        "",
        f"- `{long}`",
        f"- <code>{'&#124;' * 20}</code>",
    ]


@settings(deadline=None)
@given(st.lists(LONG, max_size=3))
def test_long_names_are_those_that_a_cell_cuts(names: list[str]) -> None:
    both = {(name_cell(name), code(name, MESSAGE_LIMIT)) for name in names}
    lines = [row for row in long_names(names).splitlines() if row.startswith("- ")]
    assert set(lines) == {f"- {name}" for cell, name in both if cell != name}
