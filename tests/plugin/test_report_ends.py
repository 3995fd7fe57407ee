from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_modal_bench.plugin.report_ends import end_of


def report(outcome: str, when: str = "call", longrepr: Any = None, **fields: Any) -> Any:
    flags = {name: name == outcome for name in ("passed", "failed", "skipped")}
    return SimpleNamespace(when=when, longrepr=longrepr, **flags, **fields)


def crash(message: str) -> SimpleNamespace:
    return SimpleNamespace(reprcrash=SimpleNamespace(message=message))


@pytest.mark.parametrize(
    ("given", "end"),
    [
        (report("passed"), ("passed", None)),
        (report("passed", "setup"), (None, None)),
        (report("passed", "teardown"), (None, None)),
        (report("passed", wasxfail="known"), ("passed", None)),
        (
            report("failed", longrepr=crash("AssertionError: too\n  dark")),
            ("failed", "AssertionError: too dark"),
        ),
        (report("failed", "setup", crash("RuntimeError: broken")), ("error", "RuntimeError: broken")),
        (report("failed", "teardown", crash("RuntimeError: broken")), ("error", "RuntimeError: broken")),
        (report("failed", longrepr="[XPASS(strict)] known"), ("failed", "[XPASS(strict)] known")),
        (report("failed", "???", "worker 'gw0' crashed"), ("error", "worker 'gw0' crashed")),
        (report("skipped", longrepr=("test_a.py", 3, "Skipped: no GPU")), ("skipped", "no GPU")),
        (report("skipped", wasxfail="reason: known"), ("xfailed", "expected to fail: known")),
        (report("skipped", wasxfail=""), ("xfailed", "expected to fail")),
        (report("rerun"), (None, None)),
    ],
)
def test_how_a_test_ended_and_why(given: Any, end: tuple[str | None, str | None]) -> None:
    assert end_of(given, by_gate=False) == end


def test_what_the_gate_has_failed_it_says_itself() -> None:
    assert end_of(report("failed", longrepr=crash("Failed: /ok: Timeout")), by_gate=True) == ("failed", None)
