from __future__ import annotations

from report_runs import result, sample

from pytest_modal_bench.model import Phases
from pytest_modal_bench.report.detail import cost, timing


def test_timing_has_a_row_for_each_start_in_the_order_of_a_container() -> None:
    phases = Phases(connect_sec=0.02, tls_sec=0.03, send_sec=0.001, wait_sec=1.5, download_sec=0.2)
    warm = [sample("warm", float(seconds), phases=phases) for seconds in range(1, 7)]
    samples = [*warm, sample("first", 29.7), sample("cold", 44.4), sample("cold", 600.0, ok=False)]
    _, _, header, delimiter, *rows = timing([result(samples=samples), result("Never called")]).splitlines()
    assert (
        header.replace(" ", "")
        == "|Endpoint|Start|OK|Median|95%Interval|Min-Max|Connect|TLS|Send|Wait|Download|"
    )
    assert set(delimiter) == {"|", "-", " "}
    assert [" ".join(row.split()) for row in rows] == [
        "| `flux` | cold | 1 of 2 | 44.4 | - | 44.4 - 44.4 | - | - | - | - | - |",
        "| `flux` | first | 1 of 1 | 29.7 | - | 29.7 - 29.7 | - | - | - | - | - |",
        "| `flux` | warm | 6 of 6 | 3.5 | 1.0 - 6.0 | 1.0 - 6.0 | 0.020 | 0.030 | 0.0010 | 1.5 | 0.20 |",
    ]


def test_failures_alone_leave_a_row_without_times() -> None:
    row = timing([result(status="failed", samples=[sample("cold", 9.0, ok=False)])]).splitlines()[-1]
    assert " ".join(row.split()) == "| `flux` | cold | 0 of 1 | - | - | - | - | - | - | - | - |"


def test_no_call_no_timing() -> None:
    assert timing([result()]) == ""


def test_cost_says_how_many_calls_it_knows() -> None:
    known = result(samples=[sample(cost_usd=0.01), sample(cost_usd=0.02), sample()])
    unknown = result("Wan2.6", samples=[sample()])
    assert cost([known, unknown, result("Never called")]).splitlines() == [
        "| Endpoint | Known Cost ($) | Calls with Known Cost |",
        "| -------- | -------------- | --------------------- |",
        "| `flux`   | 0.0300         | 2 of 3                |",
        "| `wan2.6` | -              | 0 of 1                |",
    ]


def test_no_known_cost_no_table() -> None:
    assert cost([result(samples=[sample()])]) == ""
