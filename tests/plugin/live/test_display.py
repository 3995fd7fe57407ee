from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from progress_events import begun, ended, endpoint
from report_runs import result

from pytest_modal_bench.plugin.live.board import Board
from pytest_modal_bench.plugin.live.lines import Lines
from pytest_modal_bench.report.escape import width

if TYPE_CHECKING:
    from pytest_modal_bench.model import Endpoint


pytest.importorskip("rich")

from pytest_modal_bench.plugin.live.display import Display


def board(*endpoints: Endpoint) -> Board:
    made = Board(endpoints, rounds=3)
    made.selected = list(endpoints)
    return made


def drawn(
    known: Board, columns: int = 80, lines: int = 24, *, now: float = 20.0, colours: bool = False
) -> list[str]:
    display = Display(known, Lines(known.endpoints.values(), lambda text, **_: text), colours=colours)
    return display.drawn(now, 151.0, os.terminal_size((columns, lines)))


def test_it_shows_what_is_waited_for_what_that_took_before_and_what_is_left() -> None:
    known = board(endpoint("flux"), endpoint("wan", "other"))
    known.earlier = {"wan": result("Wan", cold_time_sec=44.4, warm_time_sec=5.0)}
    known.take(ended("flux", sec=12.3, cost_usd=0.25, cost_basis="estimated"), 1.0)
    known.take(ended("flux", sec=12.3), 1.0)
    known.take(begun("flux", number=2), 10.0)
    known.take(begun("wan", "cold", rounds=1), 5.0)

    head, *rows, last = (re.split(r"\s{2,}", line) for line in drawn(known))
    assert head == ["Endpoint", "Waiting for", "So far", "Before", "Deadline", "Left"]
    assert rows == [
        ["Flux", "warm 2 of 3", "10 s", "12.3 s", "600 s", "0:15"],
        ["Wan", "cold", "15 s", "44.4? s", "600 s", "0:44"],
    ]
    assert last == ["0 of 2 endpoints", "2:31", "at least ~$0.2500", "left 0:59"]


@pytest.mark.parametrize(
    ("columns", "heads"),
    [
        (200, ["Endpoint", "Waiting for", "So far", "Before", "Deadline", "Left"]),
        (60, ["Endpoint", "Waiting for", "So far", "Before", "Deadline"]),
        (50, ["Endpoint", "Waiting for", "So far", "Before"]),
        (40, ["Endpoint", "Waiting for", "So far"]),
    ],
)
def test_a_narrow_window_has_fewer_columns_and_nothing_wraps(columns: int, heads: list[str]) -> None:
    known = board(
        endpoint("a-very-long-name-of-an-endpoint-that-does-not-fit"), endpoint("\u4f60" * 30, "other")
    )
    for number, id_ in enumerate(known.endpoints):
        known.take(begun(id_, number=2), float(number))

    lines = drawn(known, columns)
    assert re.split(r"\s{2,}", lines[0]) == heads
    assert len(lines) == 4
    assert max(map(width, lines)) < columns
    assert all(re.search(r"… +warm 2 of 3 +\d+ s", line) for line in lines[1:3])


def test_a_low_window_shows_some_and_counts_the_others() -> None:
    known = board(*(endpoint(f"e{number}", str(number)) for number in range(20)))
    for id_ in known.endpoints:
        known.take(begun(id_), 1.0)

    lines = drawn(known, lines=10)
    assert len(lines) == 9
    assert lines[-2] == "… and 14 more"


def test_names_mark_nothing_up() -> None:
    hostile = endpoint("[red]:smile:[link=https://example.com]x[/link]")
    known = board(hostile)
    known.take(begun(hostile.id), 1.0)
    assert "[red]:smile:[link" in drawn(known, 200)[1].lower()


def test_colours_are_there_only_if_they_are_wanted() -> None:
    known = board(endpoint("flux"))
    known.take(begun(), 1.0)
    assert not any("\x1b" in line for line in drawn(known))
    assert any("\x1b[" in line for line in drawn(known, colours=True))
