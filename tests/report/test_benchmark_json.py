from __future__ import annotations

import json
from typing import Any

import pytest
from report_runs import HOSTILE, reference_run, result, run, sample, streamed

from pytest_modal_bench.report.benchmark_json import render


def read(*results: Any) -> Any:
    return json.loads(render(run(results)))


def test_each_known_median_is_an_entry_and_smaller_is_better() -> None:
    times = [sample("cold", 44.4)] + [
        sample("warm", at, cost_usd=cost) for at, cost in ((1.9, 0.001), (2.3, 0.003))
    ]
    flux = result(
        cold_time_sec=44.4,
        cold_verified=False,
        warm_time_sec=2.1,
        cost_usd=0.002,
        cost_basis="estimated",
        gpu_type="L40S",
        samples=[*times, sample("warm", 60.0, ok=False, cost_usd=9.0), sample("warm", 0.1, dropped="cold")],
    )
    cold = {"name": "flux: cold", "unit": "s", "value": 44.4, "range": "44.4 - 44.4"}
    warm = {"name": "flux: warm", "unit": "s", "value": 2.1, "range": "1.9 - 2.3"}
    cost = {"name": "flux: cost", "unit": "USD", "value": 0.002, "range": "0.0010 - 0.0030"}
    assert read(flux) == [
        cold | {"extra": "n=1, unverified, L40S"},
        warm | {"extra": "n=2 of 3, L40S"},
        cost | {"extra": "n=2, estimated, L40S"},
    ]


def test_what_is_unknown_is_left_out() -> None:
    assert [entry["name"] for entry in json.loads(render(reference_run()))] == [
        "flux: cold",
        "flux: warm",
        "flux-dev: warm",
        "qwen-image-2512: cold",
        "qwen-image-2512: warm",
        "qwen-image-2512-fast: warm",
        "z-image-simple: cold",
        "z-image-simple: warm",
        "z-image-danrisi: warm",
    ]
    assert read(result(warm_time_sec=float("inf"), cost_usd=float("nan"))) == []


def test_a_run_without_numbers_is_an_empty_list() -> None:
    assert render(run()) == "[]\n"


def test_a_median_whose_samples_are_not_kept_has_no_range() -> None:
    assert read(result(warm_time_sec=2.0)) == [
        {"name": "flux: warm", "unit": "s", "value": 2.0, "extra": "n=0"}
    ]


@pytest.mark.parametrize("raw", HOSTILE)
def test_hostile_names_stay_in_the_code_span_and_cell_that_they_are_put_in(raw: str) -> None:
    (entry,) = read(result(id=raw, warm_time_sec=1.0, gpu_type=raw))
    assert not {"`", "|", "\n"} & set(entry["name"])
    assert len(entry["name"]) < 300


def test_a_stream_has_entries_of_its_own_of_which_smaller_is_better() -> None:
    streams = [streamed(0.2, tokens_per_sec=40.0), streamed(0.3, tokens_per_sec=50.0), None]
    chat = result(
        "Chat",
        ttft_sec=0.25,
        itl_p95_sec=0.03,
        tokens_per_sec=40.0,
        usd_per_million_tokens=0.42,
        cost_basis="estimated",
        samples=[sample(stream=stream) for stream in streams],
    )
    paces = {"name": "chat: time per output token", "unit": "s", "value": 0.025, "range": "0.020 - 0.025"}
    price = {"name": "chat: cost of 1M output tokens", "unit": "USD", "value": 0.42}
    assert read(chat) == [
        {"name": "chat: ttft", "unit": "s", "value": 0.25, "range": "0.20 - 0.30", "extra": "n=2 of 3"},
        {"name": "chat: itl p95", "unit": "s", "value": 0.03, "range": "0.030 - 0.030", "extra": "n=2 of 3"},
        paces | {"extra": "n=2 of 3"},
        price | {"extra": "n=2, estimated"},
    ]
