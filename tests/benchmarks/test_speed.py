"""What the speed measurements make of their figures."""

from __future__ import annotations

import importlib
import json
import math
import random
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
VALUES = st.lists(st.floats(0.001, 1000.0), min_size=1, max_size=60)


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "speed"))
    return importlib.import_module


@pytest.fixture
def compared(speed: Any) -> Any:
    return speed("comparison").Comparison(
        *("small", "a small call", "s", [0.0030, 0.0020, 0.0040], {"curl": [0.0010, 0.0010, 0.0010]}),
        *("at most 1 ms more", False),
    )


@given(VALUES)
def test_an_interval_holds_the_median_and_is_made_of_what_was_measured(values: list[float]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks" / "speed"))
        found = importlib.import_module("comparison").spread(values)
    assert found.median == statistics.median(values)
    assert found.low <= found.median <= found.high
    assert {found.low, found.high} <= {*values}


@pytest.mark.parametrize("count", [8, 21, 40])
def test_an_interval_holds_the_true_median_in_19_of_20_measurements_or_more(speed: Any, count: int) -> None:
    drawn = random.Random(20261127)
    spread = speed("comparison").spread
    held = 0
    for _ in range(2000):
        low, high = spread([drawn.lognormvariate(0, 1) for _ in range(count)])[1:]
        held += low <= 1.0 <= high
    assert 0.94 <= held / 2000 <= 0.995


def test_rounds_are_compared_one_by_one(compared: Any) -> None:
    assert compared.ratio("curl").median == pytest.approx(3.0)
    assert compared.difference("curl").median == pytest.approx(0.002)


def test_contenders_take_turns_at_being_first_and_the_first_round_does_not_count(speed: Any) -> None:
    order: list[str] = []

    def asked(name: str) -> float:
        order.append(name)
        return float(len(order))

    figures = speed("comparison").interleave({name: lambda name=name: asked(name) for name in "abc"}, 3)

    assert "".join(order) == "abcbcacababc"
    assert {name: len(taken) for name, taken in figures.items()} == {"a": 3, "b": 3, "c": 3}
    assert 1.0 not in figures["a"]


def test_a_peer_that_took_nothing_has_an_infinite_ratio(speed: Any) -> None:
    nothing = speed("comparison").Comparison("m", "memory", "MiB", [3.0], {"peer": [0.0]}, "less", True)
    assert nothing.ratio("peer").median == math.inf


def test_a_line_says_what_was_measured_and_whether_it_is_enough(speed: Any, compared: Any) -> None:
    figures = speed("figures")
    line = figures.line(figures.record(compared))
    assert line == "a small call: ours 3 ms, curl 1 ms (x 3 (2 to 4)); at most 1 ms more: MISSED"
    assert figures.line(figures.record(compared.judged(met=True))).endswith("at most 1 ms more: met")


def test_a_table_has_a_row_for_each_and_the_machine_below(speed: Any, compared: Any) -> None:
    record = speed("figures").record(compared)
    before = {"version": "the one before", "figures": {"small": {"ours": 0.006, "ratios": {"curl": 6.0}}}}

    rows = speed("table").render([record, {**record, "key": "new"}], before).splitlines()

    assert rows[0] == "| what | before | ours | peers | ours / peer | target | met |"
    assert rows[2] == (
        "| a small call | 6 ms (curl x 6) | 3 ms | curl 1 ms | curl 3 (2 to 4) | at most 1 ms more | **no** |"
    )
    assert rows[3].startswith("| a small call | - | 3 ms |")
    assert rows[-2].startswith("Measured on ")
    assert rows[-1] == "_Before_ is the one before."


_STARTS = """
import subprocess, sys
held = bytearray(b"x" * (200 << 20))
del held
subprocess.run(sys.argv[1:], check=True)
"""


def test_the_peak_of_what_is_measured_is_not_that_of_what_starts_it(speed: Any, tmp_path: Path) -> None:
    apart = speed("apart")
    command = apart.apart([sys.executable, "-c", "held = b'x' * (50 << 20)"], tmp_path / "usage.json")

    subprocess.run([sys.executable, "-c", _STARTS, *command], check=True)

    assert 50 < apart.read(tmp_path / "usage.json").peak_mib < 150


def test_a_command_apart_ends_with_the_code_of_what_it_ran(speed: Any) -> None:
    command = speed("apart").apart([sys.executable, "-c", "raise SystemExit(3)"])
    assert subprocess.run(command, check=False).returncode == 3


NOTHING = {"version": "none", "figures": {}}


def test_what_has_no_peer_has_as_many_cells_as_all_others(speed: Any) -> None:
    alone = speed("comparison").Comparison("r", "a report", "s", [2.0], {}, "less than 3 s", True)
    rows = speed("table").render([speed("figures").record(alone)], NOTHING).splitlines()
    assert rows[2] == "| a report | - | 2 s | - | - | less than 3 s | yes |"


def test_the_table_goes_between_its_comments_and_nothing_else_changes(
    speed: Any, compared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = speed("table")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.BEGIN}\nolder\n{table.END}\nafter\n")
    (tmp_path / "small.json").write_text(json.dumps(speed("figures").record(compared)))
    monkeypatch.setattr(table, "README", readme)
    monkeypatch.setattr(table, "FOLDER", tmp_path)
    monkeypatch.setattr(table, "BEFORE", tmp_path / "before.json")

    table.keep(["small"], "0.0.9")
    table.write(["small"])
    once = readme.read_text()
    table.write(["small"])

    assert readme.read_text() == once
    assert once.startswith(f"before\n{table.BEGIN}\n")
    assert once.endswith(f"{table.END}\nafter\n")
    assert "| a small call | 3 ms (curl x 3) | 3 ms |" in once
    assert "_Before_ is 0.0.9." in once
    assert "older" not in once
