from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import ANY_TEXT, result, sample, streamed, tables

from pytest_modal_bench.report.sections.streaming import streaming

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult

MEDIANS: dict[str, Any] = {
    "ttft_sec": 0.2,
    "itl_sec": 0.025,
    "itl_p95_sec": 0.03,
    "tokens_per_sec": 40.0,
    "output_tokens": 41,
    "usd_per_million_tokens": 0.42,
    "cost_basis": "measured",
}


def measured(**fields: Any) -> EndpointResult:
    """Return an endpoint with a cold, a first and two warm calls."""
    samples = [
        sample("cold", 9.0, proof="new", stream=streamed(5.0)),
        sample("first", 3.0, stream=streamed(0.5)),
        sample(stream=streamed(itl_max_sec=0.09)),
        sample(stream=streamed(itl_max_sec=0.07)),
    ]
    known: dict[str, Any] = {"samples": samples, "cold_ttft_sec": 5.0, "cold_verified": True} | MEDIANS
    return result(**known | fields)


def row(one: EndpointResult) -> dict[str, str]:
    (found,) = tables(streaming([one]))
    return dict(zip(*found, strict=True))


def test_a_stream_has_its_times_tokens_and_their_price() -> None:
    assert row(measured()) == {
        "Endpoint": "flux",
        "TTFT Cold": "5.0",
        "TTFT First": "0.50",
        "TTFT Warm": "0.20",
        "ITL": "0.025",
        "ITL 95%": "0.030",
        "ITL Longest": "0.090",
        "Output Tokens": "41",
        "Tokens/s": "40.0",
        "$/1M Tokens": "0.4200",
        "Finish Reasons": "stop",
    }


def test_where_no_stream_came_there_is_nothing() -> None:
    failed = sample("warm", ok=False, stream=streamed())
    dropped = sample(dropped="another container", stream=streamed())

    assert streaming([]) == ""
    assert streaming([result(samples=[sample()]), result(samples=[failed, dropped])]) == ""


def test_outputs_that_nobody_counts_as_tokens_are_chunks() -> None:
    def shown(*chunks: int) -> str:
        streams = [streamed(chunks=each, output_tokens=None) for each in chunks]
        unknown = measured(samples=[sample(stream=stream) for stream in streams], output_tokens=None)
        return row(unknown)["Output Tokens"]

    assert (shown(41), shown(40, 41), shown(1)) == ("41 chunks", "40.5 chunks", "1 chunk")


def test_what_is_unknown_is_a_dash() -> None:
    cold_only = result(samples=[sample("cold", 9.0, stream=streamed(5.0, finish_reason=None))])

    assert [*row(cold_only).values()] == ["flux", *["-"] * 10]


def test_an_estimate_and_an_unproven_cold_start_are_marked() -> None:
    shown = row(measured(cost_basis="estimated", cold_verified=False))

    assert (shown["$/1M Tokens"], shown["TTFT Cold"], shown["TTFT Warm"]) == ("~0.4200", "5.0?", "0.20")


def test_a_median_over_some_of_the_calls_is_marked() -> None:
    one = measured()
    shown = row(measured(samples=[*one.samples, sample("warm", 1.0, ok=False)]))

    of_warm = [*shown][3:10]
    assert [shown[name] for name in of_warm] == [
        "0.20*",
        "0.025*",
        "0.030*",
        "0.090*",
        "41*",
        "40.0*",
        "0.4200*",
    ]
    assert (shown["TTFT Cold"], shown["TTFT First"]) == ("5.0", "0.50")

    cold_failed = row(measured(samples=[*one.samples, sample("cold", 1.0, ok=False)]))
    assert (cold_failed["TTFT Cold"], cold_failed["TTFT Warm"]) == ("5.0*", "0.20")


@pytest.mark.parametrize(
    ("reasons", "shown"),
    [
        (["stop", "stop"], "stop"),
        (["stop", "length", "stop"], "stop (2 calls), length (1 call)"),
        (["stop", None], "stop (1 call)"),
        ([None], "-"),
    ],
)
def test_why_streams_ended_is_counted_where_it_differs(reasons: list[str | None], shown: str) -> None:
    samples = [sample(stream=streamed(finish_reason=reason)) for reason in reasons]

    assert row(measured(samples=samples))["Finish Reasons"] == shown


@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_a_servers_own_words_change_no_table(texts: list[str]) -> None:
    results = [measured(id=raw, samples=[sample(stream=streamed(finish_reason=raw))]) for raw in texts]
    (found,) = tables(streaming(results))

    assert len(found) == 1 + len(texts)
    assert {len(cells) for cells in found} == {11}
