from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.control.pool_observer import NoPoolObserver

if TYPE_CHECKING:
    from pytest_modal_bench.control.pool_observer import PoolObserver


def test_where_there_is_nobody_to_ask_there_is_no_answer() -> None:
    nobody: PoolObserver = NoPoolObserver()

    assert (nobody.before(), nobody.after(), nobody.records(["fc-1"])) == (None, None, None)
