from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import reference_run, result, run, sample

from pytest_modal_bench.model import SCHEMA, Run
from pytest_modal_bench.model.encoding import encode, load
from pytest_modal_bench.report.json import pieces, render


def test_a_report_is_indented_and_ends_with_a_newline() -> None:
    rendered = render(reference_run())
    assert rendered.startswith('{\n  "schema": 1,\n  "timestamp": "2026-02-02T12:22:58Z",\n')
    assert rendered.endswith("}\n")


def test_it_is_a_superset_of_the_reference_benchmarks() -> None:
    report = json.loads(render(reference_run()))
    assert {"timestamp", "workspace", "resources", "summary", "results"} <= report.keys()
    assert list(report["results"][0])[:12] == [
        *("endpoint", "path", "category", "description", "cold_time_sec", "warm_time_sec", "cost_usd"),
        *("gpu_type", "size_kb", "status", "error", "skipped_reason"),
    ]
    assert report["results"][1]["cold_time_sec"] is None


@pytest.mark.parametrize("given", [reference_run(), run([]), run([result(), result(error="a\nb")])])
def test_its_pieces_are_the_whole(given: Run) -> None:
    whole = msgspec.json.format(encode(given), indent=2) + b"\n"
    assert b"".join(pieces(given)) == whole
    assert render(given) == whole.decode()


def test_what_was_rendered_loads_again() -> None:
    assert load(render(reference_run())) == reference_run()


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0, 1e9))
def test_any_text_and_number_survives(message: str, elapsed_sec: float) -> None:
    called = sample(elapsed_sec=elapsed_sec, ok=False, client_busy=message)
    failed = result(status="failed", error=message, samples=[called])
    assert load(render(run([failed]))) == run([failed])


def test_a_lone_surrogate_does_not_cost_the_report() -> None:
    given = run([result(status="failed", error="HTTP 500: \ud800!", samples=[sample(error="\udfff")])])
    (loaded,) = load(render(given)).results
    assert (loaded.error, loaded.samples[0].error) == ("HTTP 500: ?!", "?")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "truncated"),
        ("# Modal Endpoint Benchmark Report", "malformed"),
        ("[]", "Expected `object`, got `array`"),
        ("{}", "missing required field `schema`"),
        ('{"schema": "1"}', r"Expected `int`, got `str` - at `\$.schema`"),
        (f'{{"schema": {SCHEMA}}}', "missing required field `timestamp`"),
        (f'{{"schema": {SCHEMA + 1}}}', f"schema is {SCHEMA + 1}, known is {SCHEMA}"),
        ('{"schema": 1, "x": ' + "[" * 100_000, "recursion"),
        (b"\xff\xfe", "malformed"),
        ("\ud800", "surrogates"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(text: str | bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        load(text)
    assert type(refusal.value) is ValueError
    assert str(refusal.value).startswith("not a report")
    assert "\n" not in str(refusal.value)


def test_a_wrong_field_is_named() -> None:
    text = render(reference_run()).replace('"status": "success"', '"status": "great"', 1)
    with pytest.raises(ValueError, match=r"Invalid enum value 'great' - at `\$\.results\[0\]\.status`"):
        load(text)


def test_a_field_of_a_later_minor_version_is_ignored() -> None:
    loaded = load(render(reference_run()).replace("{", '{"later": 1,', 1))
    assert isinstance(loaded, Run)
