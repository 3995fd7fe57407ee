from __future__ import annotations

import pytest

from pytest_modal_bench.report.table import fold, folds, lines_outside_folds, table


def test_columns_are_padded_by_display_width() -> None:
    assert table(("Name", "S"), [("你好", "✅"), ("Flux", "⏭️ Missing")]).splitlines() == [
        "| Name | S          |",
        "| ---- | ---------- |",
        "| 你好 | ✅         |",
        "| Flux | ⏭️ Missing |",
    ]


def test_a_column_is_never_narrower_than_its_delimiter() -> None:
    assert table(("a",), [("",)]).splitlines() == ["| a   |", "| --- |", "|     |"]


def test_a_table_without_rows_is_its_header() -> None:
    assert table(("Name",), []).splitlines() == ["| Name |", "| ---- |"]


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        table(("a", "b"), [("a",)])


def test_a_fold_has_empty_lines_around_its_body_so_that_it_is_rendered() -> None:
    assert fold("Title", "| a |") == "<details>\n<summary>Title</summary>\n\n| a |\n\n</details>"
    assert fold("Title", "") == ""


def test_folds_take_no_empty_lines_between_them() -> None:
    both = folds([fold("A", "a"), "", fold("B", "b")])
    assert "</details>\n<details>" in both
    assert lines_outside_folds(f"# Title\n\n{both}\n\n---\n") == len("# Title\n\n\n---".splitlines())
