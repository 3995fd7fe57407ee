from __future__ import annotations

from pytest_modal_bench.report.html.rows import Rows


def test_rows_are_made_only_when_they_are_gone_through_and_each_time_anew() -> None:
    made = []

    def make(number: int) -> int:
        made.append(number)
        return number * number

    rows = Rows(lambda: map(make, range(3)), 3)

    assert (len(rows), bool(rows), made) == (3, True, [])
    assert [*rows] == [*rows] == [0, 1, 4]
    assert made == [0, 1, 2] * 2
    assert 4 in rows
    assert 5 not in rows
    assert not Rows(lambda: iter(()), 0)
