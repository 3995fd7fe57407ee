from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from hypothesis import given
from msgspec import structs
from progress_events import begun, ended, endpoint
from report_runs import ANY_TEXT, result, sample

from pytest_modal_bench.plugin.live.board import Row
from pytest_modal_bench.plugin.live.lines import Lines

if TYPE_CHECKING:
    from pytest_modal_bench.protocol.progress import CallEnded


def plain(text: str, **_: bool) -> str:
    return text


LINES = Lines([endpoint("flux"), endpoint("chat")], plain)


def call(*events: CallEnded) -> list[str]:
    return list(LINES.calls(events))


def test_a_call_says_what_it_was_and_how_long_it_took() -> None:
    assert call(
        ended(start="cold", sec=44.4, proof="no container before"),
        ended(start="cold", sec=44.4),
        ended(start="first", sec=30.0),
        ended(start="warm", sec=0.0123),
        ended("chat", sec=600.0, ok=False, error="Timeout after 600 s", cause="timeout"),
        ended(start="first", sec=3.0, asked="warm", dropped="its container changed"),
    ) == [
        "Flux  cold        44.4 s  proven",
        "Flux  cold       44.4? s  not proven",
        "Flux  first       30.0 s",
        "Flux  warm 1     0.012 s",
        "Chat  warm 1     600.0 s  failed: Timeout after 600 s",
        "Flux  warm 1       3.0 s  does not count: its container changed",
    ]


def test_many_quick_calls_at_once_are_one_line() -> None:
    quick = [structs.replace(ended(sec=0.005), number=number) for number in range(2, 60)]
    failed = ended(ok=False, error="HTTP 500: boom")
    assert call(*quick, failed, *quick[:3]) == [
        "Flux  warm 2 to 59  0.0050 s  median",
        "Flux  warm 1       2.0 s  failed: HTTP 500: boom",
        "Flux  warm 2    0.0050 s",
        "Flux  warm 3    0.0050 s",
        "Flux  warm 4    0.0050 s",
    ]


def test_an_endpoint_ends_with_verdict_times_and_cost_or_why_not() -> None:
    cold, warm = sample("cold", 44.4), sample("warm", 2.1)
    done: dict[str, Any] = {
        "samples": [cold, warm],
        "cold_time_sec": 44.4,
        "warm_time_sec": 2.1,
        "cost_usd": 0.0012,
        "cost_basis": "estimated",
    }
    assert (
        LINES.ended(result("Flux", **done), after_calls=False)
        == "Flux  PASS  cold 44.4? s  warm 2.1 s  cost ~$0.0012"
    )
    slow = result("Flux", **done, verdict="WARN", reasons=["warm 2.1 s > 2 s"])
    assert LINES.ended(slow, after_calls=True).endswith("cost ~$0.0012  warm 2.1 s > 2 s")
    made = sample("cold", 1.0, ok=False, error="HTTP 500: boom")
    failed = result("Chat", status="failed", error="HTTP 500: boom", samples=[made])
    assert LINES.ended(failed, after_calls=False) == "Chat  FAIL  HTTP 500: boom"
    assert LINES.ended(failed, after_calls=True) == "Chat  FAIL", "the line of the call says why"
    skipped = result("Chat", status="skipped", skipped_reason="Missing: test image")
    assert LINES.ended(skipped, after_calls=True) == "Chat  SKIP  Missing: test image"


def test_waiting_says_for_what_and_how_long() -> None:
    row = Row(endpoint("flux"), begun=0.0, text="warm 2 of 3", since=30.0, call=begun(number=2))
    assert (
        LINES.waiting(row, 60.4)
        == "waiting for Flux: warm 2 of 3, 30 s of at most 600.0 s; it began 60 s ago"
    )
    row = Row(endpoint("flux"), begun=30.0, text="scaling to zero", since=30.0)
    assert LINES.waiting(row, 60.0) == "waiting for Flux: scaling to zero, 30 s"


def test_in_a_narrow_terminal_names_are_cut() -> None:
    long = structs.replace(endpoint("it"), name="Qwen Image 2512 (large)")
    (line,) = Lines([long], plain, columns=40).calls([ended("it")])
    assert line == "Qwen I…large)  warm 1       2.0 s"


def test_endpoints_with_the_same_name_are_called_by_their_ids() -> None:
    twins = [structs.replace(endpoint(id_), name="Generate") for id_ in ("a-generate", "b-generate")]
    assert Lines(twins, plain).name("b-generate") == "b-generate"


@given(ANY_TEXT, ANY_TEXT)
def test_texts_from_outside_are_one_harmless_line(name: str, error: str) -> None:
    hostile = Lines([structs.replace(endpoint("it"), name=name)], plain)
    failed = result("It", status="failed", error=error)
    for line in (
        *hostile.calls([ended("it", ok=False, error=error)]),
        hostile.ended(failed, after_calls=False),
    ):
        assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in line)
        assert "##[" not in line
