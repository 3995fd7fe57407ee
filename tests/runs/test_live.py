from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from pseudo_terminal import TerminalProcess

if TYPE_CHECKING:
    from project import Project, Service

pytest.importorskip("rich")

HEAD = "Waiting for"
NOT_DRAWN = re.compile(rb"\x1b\[\d*[AJ]")
"""What moves the cursor up, or erases."""


def is_clean(text: str) -> None:
    """Nothing of a display is left, and every line about a call is there once."""
    assert HEAD not in text
    assert "So far" not in text
    assert not re.search(r"\d of \d endpoints", text)
    results = [line for line in text.splitlines() if re.match(r"\w+ +(cold|warm|first|PASS|FAIL) ", line)]
    assert len(results) == len(set(results))


@pytest.mark.parametrize(("columns", "spread"), [(80, ()), (200, ("-n", "2"))], ids=["alone", "spread"])
def test_a_terminal_shows_what_is_waited_for_and_nothing_of_it_is_left(
    project: Project, service: Service, columns: int, spread: tuple[str, ...]
) -> None:
    service.headers["/held1"] = {"X-Cost-Usd": "0.25"}
    project.catalogue(service.url, "/held1", "/held2", "/fail", apps=2)
    with TerminalProcess(project.pytester.path, "--modal-bench", *spread, columns=columns) as running:
        screen = running.until_shown(HEAD, "^Held1.* [2-9] s ", *(["^Held2.* [2-9] s "] if spread else []))
        rows = [line for line in screen.splitlines() if re.match(r"Held\d +cold +\d+ s +- +10.0 s +-$", line)]
        assert len(rows) == (2 if spread else 1)
        assert "0 of 3 endpoints" in screen
        assert "$" not in screen
        assert max(map(len, screen.splitlines())) <= columns
        service.released.set()
        assert running.wait() == int(pytest.ExitCode.TESTS_FAILED)
        text = running.screen.text

    is_clean(text)
    for line in (
        r"Held1  cold  +\d+(\.\d)?\? s  not proven",
        r"Held1  warm 3 +[\d.]+ s",
        r"Held1  PASS  cold \d+(\.\d)?\? s  warm [\d.]+ s  cost \$0\.2500",
        r"Fail   first  +[\d.]+ s  failed: HTTP 500: boom",
        r"Fail   FAIL",
        r"FAIL     Fail      .*",
        r"PASS     Held1     .*",
        r"=+ 1 failed, 2 passed in .*=+",
    ):
        assert re.search(f"^{line}$", text, re.MULTILINE), f"{line}\n{text}"


@pytest.mark.parametrize(
    ("how", "spread"),
    [("Ctrl-C", ()), ("Ctrl-C", ("-n", "2")), ("SIGTERM", ())],
    ids=["Ctrl-C", "Ctrl-C with workers", "SIGTERM"],
)
def test_a_run_that_is_stopped_leaves_nothing_of_its_display(
    project: Project, service: Service, spread: tuple[str, ...], how: str
) -> None:
    project.catalogue(service.url, "/ok", "/held1", "/held2", apps=2)
    with TerminalProcess(project.pytester.path, "--modal-bench", *spread, columns=80) as running:
        running.until_shown(HEAD, "^Held.* [1-9] s ", "^Ok     PASS")
        if how == "Ctrl-C":
            running.type(b"\x03")
        else:
            running.send(signal.SIGTERM)
        assert running.wait() == int(pytest.ExitCode.INTERRUPTED)
        text = running.screen.text

    is_clean(text)
    assert "KeyboardInterrupt" in text
    assert re.search(r"^PASS     Ok   ", text, re.MULTILINE)
    assert "report: modal-bench-report.md" in text
    assert "Traceback" not in text


def test_a_worker_that_dies_is_waited_for_no_longer(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/held", "/held2")
    with TerminalProcess(project.pytester.path, "--modal-bench", "-n1", columns=80) as running:
        running.until_shown(HEAD, "^Held .* [1-9] s ")
        (worker,) = running.workers()
        worker.kill()
        running.until_shown(HEAD, "^Held2 .* [1-9] s ", "^1 of 2 endpoints")
        service.released.set()
        assert running.wait() == int(pytest.ExitCode.TESTS_FAILED)
        text = running.screen.text

    is_clean(text)
    assert "node down: Not properly terminated" in text
    assert re.search(r"^Held   +FAIL  .*crashed while running", text, re.MULTILINE) or "crashed" in text


def test_lines_of_pytest_are_completed_after_the_display(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/held")
    with TerminalProcess(project.pytester.path, "--modal-bench", "-v", columns=40) as running:
        screen = running.until_shown(HEAD, "^Held .* [1-9] s$")
        drawn = screen.splitlines()[-3:]
        assert [line.split() for line in drawn[:2]] == [
            ["Endpoint", "Waiting", "for", "So", "far"],
            ["Held", "cold", drawn[1].split()[2], "s"],
        ]
        assert drawn[2].startswith("0 of 1 endpoints  0:0")
        service.released.set()
        assert running.wait() == 0
        text = running.screen.text

    is_clean(text)
    lines = text.splitlines()
    begun = lines.index("endpoints.toml::test_endpoint[held]")
    assert lines[begun + 1].startswith("Held  cold ")
    assert lines[begun + 4].startswith("Held  warm 3 ")
    assert re.match(r"endpoints\.toml::test_endpoint\[held\] PASS", lines[begun + 5])  # of 40 columns


@pytest.mark.parametrize(
    ("args", "environ"),
    [(("-s",), {}), ((), {"CI": "true"})],
    ids=["-s", "CI"],
)
def test_where_others_may_write_or_nothing_can_be_drawn_there_are_plain_lines(
    project: Project, service: Service, args: tuple[str, ...], environ: dict[str, str]
) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makepyfile(
        test_mine="""
        def test_mine(endpoint_result):
            print("its own", end="")
            print(" words")
        """
    )
    with TerminalProcess(
        project.pytester.path,
        "--modal-bench",
        "--color=no",
        *args,
        columns=80,
        environ=environ,
    ) as running:
        assert running.wait() == 0
        text = running.screen.text

    is_clean(text)
    assert not NOT_DRAWN.search(running.written)
    assert re.search(r"^modal-bench: Ok  PASS  cold [\d.]+\? s  warm [\d.]+ s$", text, re.MULTILINE)
    assert ("its own words" in text) == (args == ("-s",))


def test_quiet_means_nothing_at_all(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/held")
    with TerminalProcess(project.pytester.path, "--modal-bench", "-q", columns=80) as running:
        service.released.wait(2)
        service.released.set()
        assert running.wait() == 0
        before_summary = running.screen.text.partition("= modal-bench =")[0]

    assert before_summary.split("\n")[0].split() == [".", "[100%]"]
    assert "Held" not in before_summary
    assert not NOT_DRAWN.search(running.written)


def test_without_colours_the_display_has_none(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/held")
    with TerminalProcess(
        project.pytester.path, "--modal-bench", columns=80, environ={"NO_COLOR": "1"}
    ) as running:
        running.until_shown(HEAD, "^Held .* [1-9] s ")
        service.released.set()
        assert running.wait() == 0

    assert not re.search(rb"\x1b\[[\d;]*m", running.written)
    assert NOT_DRAWN.search(running.written)
