from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.gate.common_shift import Move, shifts
from pytest_modal_bench.gate.side_by_side import Scatter
from pytest_modal_bench.run.moves import Moves, Shared

moves = st.builds(
    Move, metric=st.sampled_from(["warm", "cold"]), pool=st.text(), ratio=st.floats(0.001, 1000.0)
)


@settings(max_examples=20)
@given(st.lists(st.lists(moves, max_size=5), max_size=5))
def test_each_reads_what_all_have_written_in_its_order(written: list[list[Move]]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "moves"
        for each in written:
            Shared(path, Move).add(each)

        assert Shared(path, Move).all() == [move for each in written for move in each]


def test_before_anything_was_written_there_is_nothing_and_who_writes_makes_the_directory(
    tmp_path: Path,
) -> None:
    kept = Moves(tmp_path / "shared" / "moves")
    assert kept.all() == []
    assert kept.shifts() == []
    assert not (tmp_path / "shared").exists()

    kept.add([Move("warm", "pool", 2.0)])
    assert kept.all() == [Move("warm", "pool", 2.0)]
    modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "shared", tmp_path / "shared" / "moves")]
    assert modes == [0, 0], "others may read what a run found"


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    kept = Moves(tmp_path / "moves")
    kept.add([Move("warm", "one", 2.0), Move("warm", "two", 3.0)])
    whole = (tmp_path / "moves").read_bytes()
    for cut in range(1, 10):
        (tmp_path / "moves").write_bytes(whole[:-cut])
        assert kept.all() == [Move("warm", "one", 2.0)]


def test_what_many_write_at_a_time_stays_whole(tmp_path: Path) -> None:
    def write(number: int) -> None:
        kept = Shared(tmp_path / "moves", Move)
        for ratio in range(1, 21):
            kept.add([Move("warm", f"pool {number}", float(ratio)), Move("cold", f"pool {number}", 1.0)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Shared(tmp_path / "moves", Move).all()

    assert len(found) == 4 * 20 * 2
    for number in range(4):
        own = [move.ratio for move in found if move.pool == f"pool {number}" and move.metric == "warm"]
        assert own == [float(ratio) for ratio in range(1, 21)]


def test_a_shift_is_what_the_pools_of_all_processes_did_together(tmp_path: Path) -> None:
    one, other = Moves(tmp_path / "moves"), Moves(tmp_path / "moves")
    mine = [Move("warm", f"pool{number}", 1.5) for number in range(3)]
    theirs = [Move("warm", f"pool{number}", 1.5) for number in range(3, 6)]
    one.add(mine)
    assert one.shifts() == [], "of too few pools"

    other.add(theirs)
    assert one.shifts() == other.shifts() == shifts([*mine, *theirs])
    assert [(shift.metric, shift.pools) for shift in one.shifts()] == [("warm", 6)]


def test_what_is_shared_has_the_type_that_was_asked_for(tmp_path: Path) -> None:
    scatter = Scatter("flux", "warm", by_container=True, variance=0.1, degrees=3.5)
    Shared(tmp_path / "scatters", Scatter).add([scatter])
    (found,) = Shared(tmp_path / "scatters", Scatter).all()

    assert (found, type(found)) == (scatter, Scatter)


def test_a_ratio_that_is_no_number_keeps_nobody_from_reading_the_others(tmp_path: Path) -> None:
    kept = Moves(tmp_path / "moves")
    kept.add([Move("warm", "pool", ratio) for ratio in (2.0, float("inf"), float("nan"))])
    assert kept.all() == [Move("warm", "pool", 2.0)]
