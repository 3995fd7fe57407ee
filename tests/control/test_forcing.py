"""Forcing cold starts: scaled to zero when asked, and put back as it was in every case."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.control.forcing import forced
from pytest_modal_bench.control.interface import Autoscaler, ControlError
from pytest_modal_bench.control.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_modal_bench.control.forcing import Forced
    from pytest_modal_bench.control.interface import CallRecord, Function

BEFORE = Autoscaler(min_containers=1, max_containers=4, buffer_containers=2, scaledown_window=300)


class Pool:
    """A function in memory, and its control plane. `log` is what it was asked; a question may be made to fail."""

    app = "flux"
    name = "ComfyUI.web"
    server_url = "https://api.modal.example"
    environment: str | None = "main"

    def __init__(self, before: Autoscaler = BEFORE, containers: Sequence[str] = ("ta-1", "ta-2")) -> None:
        self.now = before
        self.live = set(containers)
        self.log: list[Any] = []
        self.refusing: set[str] = set()
        self.nameless: set[str] = set()
        """Containers of which nobody knows that they are its own."""
        self.late: list[str] = []
        """Containers that come up, one with each count."""
        self.disturb: Callable[[int], None] = lambda _: None
        """Called with the number of each question, before it is answered."""

    def function(self, app: str, name: str) -> Function:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def web_url(self) -> str | None:
        raise NotImplementedError

    def gpu(self) -> str | None:
        raise NotImplementedError

    def deployed(self) -> str | None:
        raise NotImplementedError

    def rates(self) -> Mapping[str, str]:
        raise NotImplementedError

    def web_functions(self, apps: Collection[str] = ()) -> Any:
        raise NotImplementedError

    def records(self, limit: int) -> Sequence[CallRecord]:
        raise NotImplementedError

    def count(self) -> int:
        self._ask("count")
        self.live.update(self.late[:1])
        del self.late[:1]
        return len(self.live)

    def containers(self) -> frozenset[str]:
        self._ask("containers")
        return frozenset(self.live)

    def own_containers(self) -> frozenset[str]:
        self._ask("containers")
        return frozenset(self.live - self.nameless)

    def autoscaler(self) -> Autoscaler:
        self._ask("autoscaler")
        return self.now

    def set_autoscaler(self, settings: Autoscaler) -> None:
        changes = {k: v for k, v in msgspec.structs.asdict(settings).items() if v is not None}
        self._ask(changes)
        self.now = msgspec.structs.replace(self.now, **changes)

    def stop(self, container: str) -> None:
        self._ask(f"stop {container}")
        if container in self.refusing:
            raise ControlError(f"{container} may not be stopped")
        self.live.discard(container)

    def _ask(self, what: Any) -> None:
        self.disturb(len(self.log))
        self.log.append(what)


@pytest.fixture
def pool() -> Pool:
    return Pool()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


@contextmanager
def forcing(pool: Pool, journal: Journal, *, patience_sec: float = 5.0) -> Iterator[Forced]:
    with forced(pool, pool, journal, patience_sec=patience_sec, poll_sec=0.001) as it:
        yield it


def remembered(journal: Journal) -> list[Autoscaler]:
    """What the next run would put back."""
    left = journal.leftovers(Pool.server_url, Pool.environment)
    for entry in left.entries:
        entry.release()
    return [entry.change.before for entry in left.entries]


def interrupt(pool: Pool, disturb: Callable[[int], None]) -> None:
    """Ctrl-C, and trouble from then on."""
    pool.disturb = disturb
    raise KeyboardInterrupt


def test_no_container_is_kept_while_forced(pool: Pool, journal: Journal) -> None:
    with forcing(pool, journal):
        assert pool.now == Autoscaler(
            min_containers=0, max_containers=4, buffer_containers=0, scaledown_window=300
        )
    assert pool.now == BEFORE


def test_the_journal_comes_before_the_change(pool: Pool, journal: Journal, tmp_path: Path) -> None:
    def look(number: int) -> None:
        if number == 1:
            assert len(list(tmp_path.glob("*.json"))) == 1

    pool.disturb = look
    with forcing(pool, journal):
        pass
    assert pool.log[:2] == [
        "autoscaler",
        {"min_containers": 0, "buffer_containers": 0, "scaledown_window": 300},
    ]


def test_the_journal_forgets_after_the_settings_were_read_back(pool: Pool, journal: Journal) -> None:
    with forcing(pool, journal):
        pass
    assert pool.log[-2:] == [msgspec.structs.asdict(BEFORE), "autoscaler"]
    assert remembered(journal) == []


def test_zero_ends_all_containers(pool: Pool, journal: Journal) -> None:
    with forcing(pool, journal) as it:
        it.zero()
        assert pool.live == set()


def test_zero_is_believed_twice_with_the_window_at_its_least_and_once_with_the_window_back(
    pool: Pool, journal: Journal
) -> None:
    with forcing(pool, journal) as it:
        start = len(pool.log)
        it.zero()
        assert pool.log[start:] == [
            {"scaledown_window": 2},
            "count",
            "containers",
            "stop ta-1",
            "stop ta-2",
            "count",
            "count",
            {"scaledown_window": 300},
            "count",
        ]


def test_zero_can_be_asked_for_again_and_again(pool: Pool, journal: Journal) -> None:
    with forcing(pool, journal) as it:
        for _ in range(3):
            pool.live = {"ta-9"}
            it.zero()
            assert pool.live == set()


def test_containers_that_come_up_late_are_ended_too(pool: Pool, journal: Journal) -> None:
    pool.late = ["ta-3", "ta-4"]
    with forcing(pool, journal) as it:
        it.zero()
    assert pool.log.count("stop ta-4") == 1
    assert pool.live == set()


def test_a_container_is_told_to_end_once(pool: Pool, journal: Journal) -> None:
    pool.refusing = {"ta-1"}
    with (
        forcing(pool, journal, patience_sec=0.05) as it,
        pytest.raises(ControlError),
    ):
        it.zero()
    assert pool.log.count("stop ta-1") == 1


def test_containers_that_stay_are_told_with_how_many_since_when_and_why(pool: Pool, journal: Journal) -> None:
    pool.refusing = {"ta-1"}
    with (
        forcing(pool, journal, patience_sec=0.05) as it,
        pytest.raises(
            ControlError,
            match=r"^1 container of flux/ComfyUI.web left 0.05 s after all were told to end "
            r"\(since \d\d:\d\d:\d\d UTC\); 1 could not be stopped: ta-1 may not be stopped$",
        ),
    ):
        it.zero()
    assert pool.now == BEFORE
    assert remembered(journal) == []


def test_a_zero_at_the_last_moment_gets_its_second_look(pool: Pool, journal: Journal) -> None:
    def go(number: int) -> None:
        if number == 3:
            pool.live.clear()

    pool.disturb = go
    with forcing(pool, journal, patience_sec=0) as it:
        it.zero()
    assert pool.log.count("count") == 3


def test_a_refusal_is_none_if_the_container_goes_all_the_same(pool: Pool, journal: Journal) -> None:
    pool.refusing = {"ta-1"}

    def go(number: int) -> None:
        if number == 8:
            pool.live.clear()

    pool.disturb = go
    with forcing(pool, journal) as it:
        it.zero()


def test_a_container_that_comes_up_at_the_last_moment_is_told(pool: Pool, journal: Journal) -> None:
    def come_up(number: int) -> None:
        if number == 10:
            pool.live.add("ta-7")

    pool.disturb = come_up
    with (
        forcing(pool, journal) as it,
        pytest.raises(
            ControlError,
            match=r"1 container of flux/ComfyUI.web came up again at once: somebody else calls it",
        ),
    ):
        it.zero()


def test_settings_that_a_killed_run_left_are_put_back_not_those_that_it_made(
    pool: Pool, journal: Journal
) -> None:
    journal.open(
        server_url=pool.server_url, environment="main", app="flux", function="ComfyUI.web", before=BEFORE
    ).release()
    pool.now = Autoscaler(min_containers=0, max_containers=4, buffer_containers=0, scaledown_window=2)
    with forcing(pool, journal) as it:
        assert pool.now.scaledown_window == 300
        it.zero()
    assert pool.now == BEFORE


def test_a_run_that_is_at_it_already_is_left_alone(pool: Pool, journal: Journal) -> None:
    with forcing(pool, journal):
        asked = len(pool.log)
        with pytest.raises(ControlError, match="another run"), forcing(pool, journal):
            pass
        assert pool.log[asked:] == ["autoscaler"]


def test_settings_that_cannot_be_put_back_stay_in_the_journal(pool: Pool, journal: Journal) -> None:
    def fail(_: int) -> None:
        raise ControlError("gone")

    with (
        pytest.raises(ControlError) as raised,
        forcing(pool, journal),
    ):
        pool.disturb = fail
    assert str(raised.value) == (
        "the autoscaler of flux/ComfyUI.web could not be put back, the next run will try again: gone"
    )
    assert remembered(journal) == [BEFORE]


def test_settings_that_read_otherwise_than_they_were_put_back_stay_in_the_journal(
    pool: Pool, journal: Journal
) -> None:
    def lose(number: int) -> None:
        if number == 3:
            pool.now = msgspec.structs.replace(BEFORE, min_containers=7)

    pool.disturb = lose
    with (
        pytest.raises(ControlError, match=r"it is min_containers 7, .* instead of min_containers 1, "),
        forcing(pool, journal),
    ):
        pass
    assert remembered(journal) == [BEFORE]


def test_what_is_on_its_way_out_stays_what_it_is_and_is_told_of_settings_not_put_back(
    pool: Pool, journal: Journal
) -> None:
    def fail(_: int) -> None:
        raise ControlError("gone")

    with (
        pytest.raises(KeyboardInterrupt) as raised,
        forcing(pool, journal),
    ):
        interrupt(pool, fail)
    assert raised.value.__notes__ == [
        "the autoscaler of flux/ComfyUI.web could not be put back, the next run will try again: gone"
    ]
    assert remembered(journal) == [BEFORE]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_putting_back_is_delivered_after_it(
    pool: Pool, journal: Journal, signum: signal.Signals
) -> None:
    came: list[Any] = []
    previous = signal.signal(signum, lambda number, _: came.append((number, pool.now, remembered(journal))))
    try:
        with forcing(pool, journal):
            pool.disturb = lambda _: os.kill(os.getpid(), signum)
        assert came == [(signum, BEFORE, [])]
    finally:
        signal.signal(signum, previous)


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_an_interrupt_while_the_journal_is_written_leaves_no_entry(
    pool: Pool, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    original = getattr(os, step)
    came: list[str] = []

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        done = original(*args, **kwargs)
        if not came:
            came.append(step)
            os.kill(os.getpid(), signal.SIGINT)
        return done

    monkeypatch.setattr(os, step, interrupted)
    with pytest.raises(KeyboardInterrupt), forcing(pool, journal):
        raise AssertionError("the interrupt is delivered before anything is measured")
    assert came == [step]
    assert list(tmp_path.glob("*.json")) == []
    assert pool.now == BEFORE


def test_a_second_interrupt_does_not_keep_the_settings_from_being_put_back(
    pool: Pool, journal: Journal
) -> None:
    with (
        suppress(KeyboardInterrupt),
        forcing(pool, journal),
    ):
        interrupt(pool, lambda _: os.kill(os.getpid(), signal.SIGINT))
    assert pool.now == BEFORE
    assert remembered(journal) == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_works_in_any_thread(pool: Pool, journal: Journal) -> None:
    def work() -> None:
        with forcing(pool, journal) as it:
            it.zero()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert pool.now == BEFORE
    assert remembered(journal) == []


numbers = st.integers(0, 3600)
any_settings = st.builds(
    Autoscaler,
    min_containers=numbers,
    max_containers=numbers,
    buffer_containers=numbers,
    scaledown_window=numbers,
)


@settings(deadline=None, max_examples=60)
@given(before=any_settings, containers=st.sets(st.text("abc", min_size=1), max_size=4))
def test_any_settings_are_put_back(
    tmp_path_factory: pytest.TempPathFactory, before: Autoscaler, containers: set[str]
) -> None:
    pool = Pool(before, sorted(containers))
    journal = Journal(tmp_path_factory.mktemp("journal"))
    with forcing(pool, journal) as it:
        it.zero()
    assert pool.now == before
    assert pool.live == set()
    assert remembered(journal) == []


@settings(deadline=None, max_examples=100)
@given(
    first=st.integers(0, 20),
    lasting=st.integers(1, 20),
    kind=st.sampled_from([ControlError, KeyboardInterrupt, SystemExit, RuntimeError]),
)
def test_wherever_it_fails_the_settings_are_as_before_or_the_journal_has_them(
    tmp_path_factory: pytest.TempPathFactory, first: int, lasting: int, kind: type[BaseException]
) -> None:
    pool = Pool()
    journal = Journal(tmp_path_factory.mktemp("journal"))

    def fail(_: int) -> None:
        nonlocal first, lasting
        if first:
            first -= 1
        elif lasting:
            lasting -= 1
            raise kind("here")

    pool.disturb = fail
    with suppress(kind, ControlError), forcing(pool, journal, patience_sec=0.02) as it:
        it.zero()
    pool.disturb = lambda _: None
    left = remembered(journal)
    assert (pool.now, left) == (BEFORE, []) or left == [BEFORE]


def test_containers_that_nobody_knows_as_its_own_are_left_to_end_by_themselves(
    pool: Pool, journal: Journal
) -> None:
    pool.live = {"ta-1", "ta-2"}
    pool.nameless = {"ta-2"}

    def idle(number: int) -> None:
        if number == 8:
            pool.live.discard("ta-2")

    pool.disturb = idle
    with forcing(pool, journal) as it:
        it.zero()
    assert [each for each in pool.log if str(each).startswith("stop")] == ["stop ta-1"]
    assert pool.live == set()
