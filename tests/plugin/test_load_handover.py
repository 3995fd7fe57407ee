from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from load_runs import searched

from pytest_modal_bench.model import Check
from pytest_modal_bench.plugin import load_handover
from pytest_modal_bench.plugin.load_handover import CutOff, cut_off, going_on, keep_cut_off, let_begin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHECK = Check(metric="load_p95", against="budget", verdict="FAIL", message="p95 9 s > 5 s", value=9.0)
KEPT = [CutOff("a", searched(), [CHECK]), CutOff("b", searched(), [])]


class Clock:
    """Stands in for the module `time`: who sleeps has others go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *meanwhile: Callable[[], object]) -> None:
        self.now = 0.0
        self.left: list[Any] = [*meanwhile]
        monkeypatch.setattr(load_handover, "time", self)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.left:
            self.left.pop(0)()


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    return tmp_path / "shared"


def test_a_load_waits_until_another_process_lets_it_begin(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, lambda: None, lambda: let_begin(shared))
    load_handover.wait_to_begin(shared)
    assert not clock.left

    slept = clock.now
    load_handover.wait_to_begin(shared)
    assert clock.now == slept, "once loads may begin nobody waits"


def test_loads_may_be_let_begin_again_and_nobody_else_looks_into_the_directory(shared: Path) -> None:
    let_begin(shared)
    let_begin(shared)

    assert shared.stat().st_mode & 0o077 == 0


def test_what_was_cut_off_is_read_once_no_load_goes_on_any_more(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_begin(shared)
    load = going_on(shared)
    load.__enter__()
    clock = Clock(
        monkeypatch,
        lambda: None,
        lambda: keep_cut_off(shared, KEPT),
        lambda: load.__exit__(None, None, None),
    )

    assert cut_off(shared) == KEPT
    assert not clock.left


def test_a_load_that_never_ends_is_not_waited_for_for_ever(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_begin(shared)
    clock = Clock(monkeypatch)
    with going_on(shared):
        assert cut_off(shared) == []

    assert 10 < clock.now < 20


def test_a_load_that_ends_in_an_error_goes_on_no_more(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_begin(shared)
    clock = Clock(monkeypatch)
    with pytest.raises(KeyboardInterrupt), going_on(shared):
        raise KeyboardInterrupt

    assert (cut_off(shared), clock.now) == ([], 0.0)


def test_where_the_directory_is_gone_a_load_ends_all_the_same_and_nothing_was_kept(shared: Path) -> None:
    let_begin(shared)
    with going_on(shared):
        for file in shared.iterdir():
            file.unlink()
        shared.rmdir()

    assert cut_off(shared) == []
