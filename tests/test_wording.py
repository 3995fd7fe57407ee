from __future__ import annotations

from pytest_modal_bench.wording import counted


def test_counted() -> None:
    assert (counted(1, "call"), counted(2, "call")) == ("1 call", "2 calls")
