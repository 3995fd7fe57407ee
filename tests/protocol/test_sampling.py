from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import answer

from pytest_modal_bench.protocol.sampling import (
    ContainerHeaders,
    as_sample,
    identifier,
    number,
    parse_headers,
)


def test_headers_are_believed_as_far_as_they_make_sense() -> None:
    answered = answer(
        b"x" * 2048,
        x_cost_usd="0.0012",
        x_execution_time_sec="2.5",
        x_gpu_type="  L40S\t",
        content_type="image/png",
    )
    kept = as_sample(answered, start="warm", seed=7)

    assert (kept.cost_usd, kept.execution_sec, kept.gpu_type) == (0.0012, 2.5, "L40S")
    assert (kept.cost_basis, kept.cost_source) == ("measured", "the endpoint's own header")
    assert (kept.content_type, kept.size_bytes, kept.seed) == ("image/png", 2048, 7)


@given(st.one_of(st.text(), st.sampled_from(["", "nan", "inf", "-1", "-0.1", "1e999", "free", "$0.01"])))
def test_a_header_that_is_no_amount_is_unknown_never_zero(text: str) -> None:
    cost = as_sample(answer(x_cost_usd=text), start="warm", seed=None).cost_usd
    try:
        expected: float | None = float(text)
    except ValueError:
        expected = None
    if expected is not None and not (0 <= expected <= 1e9):
        expected = None

    assert cost == expected


def test_an_absent_header_is_unknown() -> None:
    kept = as_sample(answer(), start="warm", seed=None)

    assert (kept.cost_usd, kept.execution_sec, kept.gpu_type) == (None, None, None)
    assert (kept.cost_basis, kept.cost_source, kept.container) == (None, None, None)


def test_a_failed_answer_has_no_size() -> None:
    assert as_sample(answer(status=500), start="warm", seed=None).size_bytes is None


def test_a_sample_has_what_its_answers_headers_say_of_the_container() -> None:
    answered = answer(x_modal_bench_container="ta-1", x_modal_bench_request="3", x_modal_bench_gpu="H100")
    kept = as_sample(answered, start="cold", seed=None)

    assert (kept.start, kept.container, kept.container_request) == ("cold", "ta-1", 3)
    assert kept.gpu_type == "H100", "where the endpoint itself does not say it"


def test_headers_of_the_middleware_and_of_modal() -> None:
    read = parse_headers(
        {
            "x-modal-bench-container": "ta-1",
            "x-modal-bench-request": "3",
            "x-modal-bench-started": "2026-02-02T12:22:58.000+00:00",
            "x-modal-bench-uptime": "4.5",
            "x-modal-bench-region": "us-east-1",
            "server-timing": 'db;dur=1, handler;desc="x";dur=2500.5, cache',
            "modal-function-call-id": "fc-1",
        }
    )

    assert read == ContainerHeaders(
        container="ta-1",
        container_request=3,
        container_started_at="2026-02-02T12:22:58.000+00:00",
        container_uptime_sec=4.5,
        region="us-east-1",
        handler_sec=2.5005,
        call_id="fc-1",
    )


@given(
    st.dictionaries(
        st.sampled_from(
            sorted(
                ("x-modal-bench-container", "x-modal-bench-request", "x-modal-bench-uptime", "server-timing")
            )
        ),
        st.text() | st.sampled_from(["0", "-1", "1.5", "1e999", "nan", "handler;dur=nan", "handler;dur"]),
    )
)
def test_hostile_headers_are_bounded_or_nothing(headers: dict[str, str]) -> None:
    read = parse_headers(headers)

    assert read.container is None or (read.container.isprintable() and len(read.container) <= 100)
    assert read.container_request is None or read.container_request >= 1
    assert read.container_uptime_sec is None or 0 <= read.container_uptime_sec < float("inf")
    assert read.handler_sec is None or 0 <= read.handler_sec < float("inf")


def test_headers_give_no_commands_to_whoever_reads_the_log() -> None:
    assert identifier("c6 ##[stop-commands]tok") == "c6 # #[stop-commands]tok"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("1.5", 1.5),
        ("1e9", 1e9),
        ("1e10", None),
        ("1e308", None),
        ("inf", None),
        ("nan", None),
        ("-1", None),
    ],
)
def test_a_number_is_one_that_an_honest_header_may_say(text: str, value: float | None) -> None:
    assert number(text) == value
