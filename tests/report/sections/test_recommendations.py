from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from report_runs import reference_run, result, run, sample

from pytest_modal_bench.model import Media, Provider
from pytest_modal_bench.report.sections.recommendations import recommendations

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult


def picture(**fields: Any) -> Media:
    given: dict[str, Any] = {"kind": "image", "width": 512, "height": 512, "frames": 1, "size_bytes": 9}
    return Media(sha256="aa", **given | fields)


def warm(name: str, *times: float, category: str = "Flux", **fields: Any) -> EndpointResult:
    """Return an endpoint whose warm calls took so many seconds, and that answers with a picture."""
    given = {"media": picture(), "warm_time_sec": sorted(times)[len(times) // 2]} | fields
    return result(name, category, samples=[sample("warm", each) for each in times], **given)


def sentences(*results: EndpointResult, **fields: Any) -> list[str]:
    return recommendations(run(results, **fields)).splitlines()


FAST, SLOW = warm("Flux", 2.0, 2.1, 2.2), warm("Flux Dev", 29.0, 29.7, 30.0)


def test_where_no_price_is_known_a_warm_container_is_worth_the_seconds_that_it_saves_most() -> None:
    assert recommendations(reference_run()) == (
        "1. **Keep a container of Flux warm** where calls come further apart than its scaledown window"
        " - each saves 42.3s: 2.1s warm, 44.4s cold"
    )


def test_a_cold_start_that_noise_explains_is_no_reason_to_keep_a_container() -> None:
    barely = [sample("cold", 2.6), *(sample("warm", each) for each in (2.0, 2.1, 2.2))]
    among = [sample("cold", 3.5), *(sample("warm", each) for each in (2.0, 2.1, 9.0))]
    times: dict[str, Any] = {"cold_time_sec": 3.5, "warm_time_sec": 2.1}

    assert sentences(result(samples=barely, **times), result("B", samples=among, **times)) == []


def test_in_a_category_the_fastest_is_named_with_what_it_saves_against_the_slowest() -> None:
    middle = warm("Flux Lora", 8.0, 8.1, 8.2)
    (sentence,) = sentences(middle, SLOW, FAST)
    assert sentence == (
        "1. **Use Flux instead of Flux Dev** where its pictures will do"
        " - a warm call takes 27.6s less (2.1s, not 29.7s)"
    )


def test_what_it_saves_in_dollars_is_said_where_both_costs_are_known_in_the_same_way() -> None:
    def said(fast_usd: float, slow_usd: float, basis: str, other: str) -> str:
        fast = warm("Flux", 2.0, 2.1, 2.2, cost_usd=fast_usd, cost_basis=basis)
        slow = warm("Dev", 29.0, 29.7, 30.0, cost_usd=slow_usd, cost_basis=other)
        (sentence,) = sentences(fast, slow)
        return sentence.partition("not 29.7s)")[2]

    assert said(0.001, 0.016, "measured", "measured") == " and costs 0.0150 USD less"
    assert said(0.02, 0.01, "estimated", "estimated") == " and costs ~0.0100 USD more"
    assert said(0.02, 0.01, "measured", "estimated") == ""


@pytest.mark.parametrize(
    "other",
    [
        warm("Other", 29.0, 29.7, 30.0, category="Video"),
        warm("Other", 2.8, 2.9, 3.0, warm_time_sec=2.9),
        warm("Other", 2.1, 29.7, 30.0),
        warm("Other", 29.0, 30.0),
        warm("Other", 29.0, 29.7, 30.0, media=picture(width=1024)),
        warm("Other", 29.0, 29.7, 30.0, media=picture(kind="video")),
        warm("Other", 29.0, 29.7, 30.0, needs=("video",)),
        warm("Other", 29.0, 29.7, 30.0, media=None),
        warm("Other", 29.0, 29.7, 30.0, status="failed"),
    ],
    ids=["category", "a third slower", "overlap", "two calls", "size", "kind", "needs", "unknown", "failed"],
)
def test_endpoints_are_compared_only_within_a_category_and_beyond_noise(other: EndpointResult) -> None:
    assert sentences(FAST, other) == []


def test_texts_and_json_are_never_taken_for_the_same_thing() -> None:
    answers = [picture(kind="json", width=None, height=None)] * 2
    assert (
        sentences(warm("A", 1.0, 1.0, 1.0, media=answers[0]), warm("B", 9.0, 9.0, 9.0, media=answers[1]))
        == []
    )


def test_simulated_seconds_are_worth_no_dollars() -> None:
    costs: list[dict[str, Any]] = [{"cost_usd": usd, "cost_basis": "measured"} for usd in (0.001, 0.016)]
    pair = warm("Flux", 2.0, 2.1, 2.2, **costs[0]), warm("Dev", 29.0, 29.7, 30.0, **costs[1])

    assert "USD" in sentences(*pair)[0]
    assert "USD" not in sentences(*pair, simulated="inference times")[0]


def test_nothing_measured_recommends_nothing() -> None:
    assert recommendations(run([result(status="skipped"), result(status="failed")])) == ""


def booted(name: str, *, boot: float, load: float) -> EndpointResult:
    cold = sample("cold", boot + load, provider=Provider(boot_sec=boot))
    return result(name, load_sec=load, cold_time_sec=boot + load, cold_verified=True, samples=[cold])


def test_where_a_cold_start_can_be_shortened_is_told_by_its_larger_part() -> None:
    (sentence,) = sentences(booted("A", boot=2.0, load=20.0), booted("B", boot=9.0, load=3.0))
    assert sentence == (
        "1. **Load A's model sooner** - up to about 20.0s of its cold start are load (boot: 2.0s):"
        " load it before the first request, or restore it from a memory snapshot"
    )
    assert sentences(booted("B", boot=9.0, load=3.0))[0].startswith(
        "1. **Make B's container lighter** - up to 9.0s"
    )
    assert sentences(booted("C", boot=9.0, load=8.0)) == [], "neither part is clearly the larger"


def test_what_rests_on_an_unproven_cold_start_has_its_question_mark() -> None:
    samples = [sample("cold", 44.4), *(sample("warm", 2.1) for _ in range(3))]
    doubtful = result(cold_time_sec=44.4, warm_time_sec=2.1, cold_verified=False, samples=samples)
    assert sentences(doubtful)[0].endswith("each saves 42.3s?: 2.1s warm, 44.4s? cold")


def test_names_are_escaped_and_told_apart() -> None:
    evil = warm("@team *x*", 2.0, 2.1, 2.2)
    assert sentences(evil, SLOW)[0].startswith(r"1. **Use `@`team \*x\* instead of Flux Dev**")
    twins = warm("Flux", 2.0, 2.1, 2.2, id="one"), warm("Flux", 29.0, 29.7, 30.0, id="two")
    assert sentences(*twins)[0].startswith("1. **Use one instead of two**")
