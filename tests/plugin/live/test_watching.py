from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs
from progress_events import begun, ended, endpoint
from report_runs import result

from pytest_modal_bench.plugin.live import watching
from pytest_modal_bench.plugin.live.watching import Watching
from pytest_modal_bench.protocol.progress import EndpointEnded

pytest.importorskip("rich")


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Written(io.StringIO):
    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


class Session:
    """A session that is watched, without a thread: time goes by with `after`, which says what has been written."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, tty: bool = False, verbose: int = 0, **options: Any
    ) -> None:
        for name in ("CI", "BUILD_NUMBER"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", options.pop("term", "xterm"))
        self.clock = Clock()
        monkeypatch.setattr(watching, "time", self.clock)
        monkeypatch.setattr("threading.Thread.start", lambda _: None)
        monkeypatch.setattr("threading.Thread.join", lambda _, **__: None)
        self.file = Written(tty=tty)
        writer = SimpleNamespace(_file=self.file, markup=lambda text, **_: text, hasmarkup=False)
        reporter_type = type(
            "TerminalReporter", (), {"__module__": options.pop("reporter", "_pytest.terminal")}
        )
        self.reporter = reporter_type()
        self.reporter._tw = writer  # noqa: SLF001
        self.reporter.showfspath = True
        self.cleanups: list[Any] = []
        config: Any = SimpleNamespace(
            option=SimpleNamespace(**{"verbose": verbose, "capture": "fd", **options}),
            pluginmanager=SimpleNamespace(get_plugin=lambda _: self.reporter),
            get_verbosity=lambda _: verbose,
            add_cleanup=self.cleanups.append,
        )
        self.watching = Watching(config, [endpoint("flux"), endpoint("wan", "other")], rounds=3)
        self.watching.pytest_sessionstart()

    def after(self, seconds: float = 0.0) -> str:
        self.clock.now += seconds
        self.watching._tick(self.clock.now)  # noqa: SLF001
        return self.new()

    def new(self) -> str:
        """What has been written since the last time."""
        text = self.file.getvalue()
        self.file.seek(0)
        self.file.truncate()
        return text


def test_a_log_says_every_half_minute_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(monkeypatch)
    session.watching.take(begun(start="cold", rounds=1))
    session.after(10)
    session.watching.take(begun("wan", number=2))
    assert session.after(19.9) == ""
    assert session.after(0.2) == "modal-bench: waiting for Flux: cold, 30 s of at most 600.0 s\n"
    assert session.after(5) == ""
    assert session.after(25) == (
        "modal-bench: waiting for Flux: cold, 60 s of at most 600.0 s\n"
        "modal-bench: waiting for Wan: warm 2 of 3, 50 s of at most 600.0 s\n"
    )
    session.watching.take(ended(start="cold", sec=65.0))
    session.watching.take(EndpointEnded(endpoint="flux"))
    assert session.new() == "", "calls are no lines of a log"
    session.watching.pytest_modal_bench_result(result("Flux"))
    assert session.new() == "modal-bench: Flux  PASS\n"
    assert session.after(31).startswith("modal-bench: waiting for Wan")


def test_an_endpoints_line_comes_again_only_if_it_says_something_new(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(monkeypatch)
    for verdict, lines in (("PASS", 1), ("PASS", 0), ("FAIL", 1)):
        session.watching.pytest_modal_bench_result(result("Flux", verdict=verdict))
        assert session.new().count("\n") == lines


def test_a_terminal_has_each_calls_result_and_a_display_of_what_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Session(monkeypatch, tty=True)
    session.watching.take(begun(start="cold", rounds=1))
    assert session.after(0.9) == ""
    assert re.search(r"^Flux +cold +1 s ", session.after(0.2), re.MULTILINE)
    session.after(42)
    session.watching.take(ended(start="cold", sec=44.0, proof="no container before"))
    assert "Flux  cold        44.0 s  proven\n" in session.new()
    session.watching.take(begun())
    assert "warm 1 of 3" in session.new(), "the display is there again before the call begins"


def test_quick_calls_are_not_disturbed_and_written_together(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(monkeypatch, tty=True)
    written = []
    for number in range(1, 301):
        session.watching.take(begun(number=number, rounds=300))
        assert session.after(0.005) == ""
        session.watching.take(structs.replace(ended(sec=0.005), number=number))
        written.append(session.new())
    session.watching.take(EndpointEnded(endpoint="flux"))
    written.append(session.new())
    lines = "".join(written).splitlines()
    assert sum(map(bool, written)) == len(lines) <= 1 + 300 * 0.005 / 0.25 + 1
    assert lines[0] == "Flux  warm 1    0.0050 s"
    assert re.fullmatch(r"Flux  warm 2 to \d+  0.0050 s  median", lines[1])
    assert re.fullmatch(r"Flux  warm \d+ to 300  0.0050 s  median", lines[-1])


def test_a_display_of_others_is_drawn_below_the_lines_of_quick_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(monkeypatch, tty=True)
    session.watching.take(begun("wan", "cold", rounds=1))
    session.after(5)
    session.watching.take(begun())
    session.watching.take(ended(sec=0.005))
    text = session.new()
    assert text.index("Flux  warm 1    0.0050 s\n") < text.index("Waiting for") < text.index("Wan  ")


def test_at_the_end_nothing_more_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(monkeypatch, tty=True)
    session.watching.take(begun())
    session.after(2)
    session.watching.pytest_keyboard_interrupt()
    assert session.new().endswith("\x1b[J")
    session.watching.take(begun("wan"))
    session.watching.pytest_sessionfinish()
    assert session.after(60) == ""
    for cleanup in session.cleanups:
        cleanup()
    assert session.reporter._tw._file is session.file  # noqa: SLF001


@pytest.mark.parametrize(
    "options",
    [
        {"tty": False},
        {"term": "dumb"},
        {"term": ""},
        {"capture": "no"},
        {"capture": "tee-sys"},
        {"reporter": "pytest_sugar"},
    ],
    ids=str,
)
def test_where_nothing_can_be_drawn_there_are_plain_lines(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    session = Session(monkeypatch, **{"tty": True, **options})
    session.watching.take(begun())
    session.after(5)
    session.watching.take(ended(sec=5.0))
    assert session.new() == ""
    session.watching.pytest_modal_bench_result(result("Flux"))
    assert session.new() == "modal-bench: Flux  PASS\n"
    assert session.watching.pytest_report_header() is None


@pytest.mark.parametrize(("tty", "told"), [(True, True), (False, False)])
def test_where_the_extra_is_missing_a_terminal_is_told_how_to_get_the_display(
    monkeypatch: pytest.MonkeyPatch, *, tty: bool, told: bool
) -> None:
    monkeypatch.setattr(watching, "find_spec", lambda _: None)
    session = Session(monkeypatch, tty=tty)
    hint = 'modal-bench: for a live display: pip install "pytest-modal-bench[live]"'
    assert session.watching.pytest_report_header() == (hint if told else None)
    session.watching.take(begun())
    assert "waiting for Flux" in session.after(30)


def test_lines_take_the_place_of_letters_while_tests_run_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def status(session: Session) -> Any:
        hook = session.watching.pytest_report_teststatus()
        next(hook)
        with pytest.raises(StopIteration) as stopped:
            hook.send(("passed", ".", "PASSED"))
        return stopped.value.value

    session = Session(monkeypatch)
    assert status(session) == ("passed", "", "")
    assert not session.reporter.showfspath
    session.watching.pytest_sessionfinish()
    assert status(session) == ("passed", ".", "PASSED"), "the summary has pytest's words"
    assert status(Session(monkeypatch, verbose=1)) == ("passed", ".", "PASSED")


def test_an_endpoint_of_which_nothing_is_known_yet_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(monkeypatch)
    session.watching.pytest_modal_bench_result(result("Flux", status="not_run"))
    assert session.new() == ""
    session.watching.pytest_modal_bench_result(
        result("Flux", status="not_run", skipped_reason="the limit is reached")
    )
    assert session.new() == "modal-bench: Flux  SKIP  the limit is reached\n"


def test_quiet_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(monkeypatch, tty=True, verbose=-1)
    session.watching.take(begun())
    session.watching.pytest_modal_bench_result(result("Flux"))
    assert session.after(60) == ""
    assert session.reporter.showfspath
