# ruff: noqa: E501 - the tables of the reference are wider
from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

import prettier
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from report_runs import ANY_TEXT, HOSTILE, reference_run, result, run, sample, tables

from pytest_modal_bench.model import Cause, Check, Job, Knee, Load, LoadStep, Media, Streamed
from pytest_modal_bench.report import benchmark_json, comment, comparison, gate_json
from pytest_modal_bench.report.cells import CELL_LIMIT
from pytest_modal_bench.report.escape import line, width
from pytest_modal_bench.report.markdown import render

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import EndpointResult, Run


def section(report: str, title: str) -> str:
    """Return what stands below a heading of the second level, up to the next."""
    _, _, rest = report.partition(f"\n## {title}\n\n")
    return rest.partition("\n\n## ")[0].partition("\n\n---")[0]


def headings(report: str) -> list[str]:
    return [row.removeprefix("## ") for row in report.splitlines() if row.startswith("## ")]


def folds(report: str) -> dict[str, str]:
    """Return what is in each fold, by its title."""
    found = re.findall(
        r"^<details>\n<summary>([^\n]*)</summary>\n\n(.*?)\n\n</details>$", report, re.MULTILINE | re.DOTALL
    )
    assert report.count("<details>") == report.count("</details>") == len(found)
    return dict(found)


def outside_folds(report: str) -> list[str]:
    """Return the lines that are seen as long as no fold is opened."""
    return re.sub(r"<details>.*?</details>\n?", "", report, flags=re.DOTALL).splitlines()


def hostile_run(texts: list[str]) -> Run:
    """Return a run that has each of `texts` everywhere that text can stand."""
    results: list[EndpointResult] = []
    for raw in texts:
        measured = {"path": raw, "id": raw, "cold_time_sec": 2.0, "warm_time_sec": 1.0} | hostile_evidence(
            raw
        )
        why = {"cause": "application", "meaning": raw, "remedy": raw}
        results += [
            result(raw, raw, **measured),
            result(raw, raw, path=raw, status="failed", error=raw, **why),
            result(raw, raw, path=raw, status="skipped", skipped_reason=raw),
            result(raw, raw, path=raw, status="not_run", skipped_reason=raw or None),
        ]
    first = texts[0] if texts else ""
    named = dict.fromkeys(("workspace", "environment", "timestamp", "simulated", "version", "command"), first)
    return run(results, finished=False, notes=texts, **named)


def hostile_evidence(raw: str) -> dict[str, object]:
    """Return fields of a result that has `raw` wherever evidence, answers and prices can bring it in."""
    media = Media(kind="other", format=raw, unchecked=raw, size_bytes=4, sha256="")
    cold = sample(
        proof=raw, container=raw, start="cold", cost_usd=0.1, cost_basis="estimated", cost_source=raw
    )
    stream = Streamed(ttft_sec=0.2, chunks=3, finish_reason=raw)
    job = Job(submit_sec=0.2, waiting_sec=9.0, asked=3)
    return {
        "samples": [
            cold,
            sample(dropped=raw),
            sample(stream=stream, reconnected=True, client_busy=raw),
            sample(job=job),
        ],
        "media": media,
        "cold_inconclusive": raw,
        "warm_inconclusive": raw,
        "cached": raw,
        "misfits": [raw],
        "notes": [raw],
        "load": hostile_load(raw),
    }


def hostile_load(raw: str) -> Load:
    """Return a load with `raw` in all its texts, as a report that others made may have it."""
    given: dict[str, Any] = {"kind": "burst", "value": 20, "took_sec": 3.0, "n": 4, "answered": 2}
    step = LoadStep(
        **given, errors={raw: 2}, client_busy=raw, scale_out_sec=(1.0,), late_share=0.5, behind=True
    )
    knee = Knee(kind="burst", value=None, sentence=raw)
    return Load(spec=raw, steps=(step,), knees=(knee,), engine=raw, stopped=raw, notes=(raw,))


def failing(number: int) -> list[EndpointResult]:
    """Return results that fail for the same reasons, which no cell can hold."""
    error, meaning, remedy = ("_why_ @team | " * 50 + word for word in ("one", "two", "three"))
    why = {"cause": "killed", "error": error, "meaning": meaning, "remedy": remedy, "verdict": "FAIL"}
    checks = [Check(metric="warm", against="budget", verdict="FAIL", message="`warm` " * 30)]
    return [result(f"E{each}", status="failed", checks=checks, **why) for each in range(number)]


def priced() -> list[EndpointResult]:
    """Return the results of the reference run with prices, so that it is known what a warm pool costs."""
    known = {"container_usd_per_sec": 0.000542, "scaledown_window_sec": 300.0}
    return [structs.replace(each, **known) for each in reference_run().results]


def begins(cell: str, raw: str) -> bool:
    """Whether a cell shows `raw`, or as much of it as fits."""
    return cell == line(raw) or (cell.endswith("…") and line(raw).startswith(cell.removesuffix("…")))


def of_each(texts: list[str], times: int) -> list[str]:
    return [raw for raw in texts for _ in range(times)]


def test_the_sections_of_the_reference_come_first_and_in_its_order() -> None:
    assert headings(render(reference_run())) == [
        "Summary",
        "Results by Category",
        "Key Findings",
        "Recommendations",
        "Failed Endpoints",
        "Skipped Endpoints",
        "How to Run This Benchmark",
    ]


def test_what_the_reference_lacks_is_folded() -> None:
    assert [*folds(render(reference_run()))] == ["Other commands", "Timing Detail", "Cold Starts"]


def test_github_renders_what_is_in_a_fold_as_markdown() -> None:
    lines = render(hostile_run(["a | b"])).splitlines()
    titles = [number for number, row in enumerate(lines) if row.startswith("<summary>")]
    ends = [number for number, row in enumerate(lines) if row == "</details>"]

    assert len(titles) == len(ends) >= 8
    assert all(lines[number + 1] == "" for number in titles)
    assert all(lines[number - 1] == "" for number in ends)


def test_streams_and_jobs_have_sections_beside_the_other_details_if_there_are_some() -> None:
    both = [sample(stream=Streamed(ttft_sec=0.2, chunks=3)), sample(job=Job(submit_sec=0.2))]
    found = [*folds(render(run([result(samples=both)])))]

    assert found[found.index("Timing Detail") :] == ["Timing Detail", "Streaming", "Jobs"]
    assert not {"Streaming", "Jobs"} & {*folds(render(reference_run()))}


def test_the_head_is_the_references_with_the_verdict_first() -> None:
    assert render(reference_run()).startswith(
        "# Modal Endpoint Benchmark Report\n"
        "\n"
        "**Verdict:** ❌ FAIL (7 FAIL, 6 PASS, 8 SKIP), see [Failed Endpoints](#failed-endpoints)  \n"
        "**Generated:** 2026-02-02 12:22:58 UTC  \n"
        "**Workspace:** ryla  \n"
        "**Test Resources:** Image=✅, Video=❌, LoRA=❌\n"
        "\n"
        "## Summary\n"
    )


def test_the_category_tables_are_the_references() -> None:
    assert (
        section(render(reference_run()), "Results by Category")
        == """\
### Flux

| Endpoint      | Path             | Cold (s) | Warm (s) | Δ Savings | Cost ($) | Status                |
| ------------- | ---------------- | -------- | -------- | --------- | -------- | --------------------- |
| Flux          | `/flux`          | 44.4     | 2.1      | 95%       | -        | ✅                    |
| Flux Dev      | `/flux-dev`      | -        | 29.7     | -         | -        | ✅                    |
| Flux Dev Lora | `/flux-dev-lora` | -        | -        | -         | -        | ⏭️ Missing: LoRA file |
| Flux Lora     | `/flux-lora`     | -        | -        | -         | -        | ⏭️ Missing: LoRA file |

### Face Consistency

| Endpoint              | Path                     | Cold (s) | Warm (s) | Δ Savings | Cost ($) | Status                    |
| --------------------- | ------------------------ | -------- | -------- | --------- | -------- | ------------------------- |
| Sdxl Instantid        | `/sdxl-instantid`        | -        | -        | -         | -        | ❌ Exceeded 30 redirects. |
| Flux Pulid            | `/flux-pulid`            | -        | -        | -         | -        | ❌ Timeout                |
| Flux Ipadapter Faceid | `/flux-ipadapter-faceid` | -        | -        | -         | -        | ❌ Timeout                |

### Qwen Image

| Endpoint             | Path                    | Cold (s) | Warm (s) | Δ Savings | Cost ($) | Status                 |
| -------------------- | ----------------------- | -------- | -------- | --------- | -------- | ---------------------- |
| Qwen Image 2512      | `/qwen-image-2512`      | 15.0     | 10.3     | 32%       | -        | ✅                     |
| Qwen Image 2512 Fast | `/qwen-image-2512-fast` | -        | 12.4     | -         | -        | ✅                     |
| Qwen Image 2512 Lora | `/qwen-image-2512-lora` | -        | -        | -         | -        | ⏭️ Missing: LoRA file  |
| Video Faceswap       | `/video-faceswap`       | -        | -        | -         | -        | ⏭️ Missing: test video |

### Qwen Edit

| Endpoint                | Path                       | Cold (s) | Warm (s) | Δ Savings | Cost ($) | Status                               |
| ----------------------- | -------------------------- | -------- | -------- | --------- | -------- | ------------------------------------ |
| Qwen Image Edit 2511    | `/qwen-image-edit-2511`    | -        | -        | -         | -        | ❌ HTTPSConnectionPool(host='ryla... |
| Qwen Image Inpaint 2511 | `/qwen-image-inpaint-2511` | -        | -        | -         | -        | ❌ HTTPSConnectionPool(host='ryla... |

### Z-Image

| Endpoint        | Path               | Cold (s) | Warm (s) | Δ Savings | Cost ($) | Status                |
| --------------- | ------------------ | -------- | -------- | --------- | -------- | --------------------- |
| Z Image Simple  | `/z-image-simple`  | 13.0     | 2.2      | 83%       | -        | ✅                    |
| Z Image Danrisi | `/z-image-danrisi` | -        | 2.3      | -         | -        | ✅                    |
| Z Image Lora    | `/z-image-lora`    | -        | -        | -         | -        | ⏭️ Missing: LoRA file |

### Video

| Endpoint    | Path           | Cold (s) | Warm (s) | Δ Savings | Cost ($) | Status                               |
| ----------- | -------------- | -------- | -------- | --------- | -------- | ------------------------------------ |
| Wan2        | `/wan2`        | -        | -        | -         | -        | ❌ HTTP 500: modal-http: internal... |
| Wan2.6      | `/wan2.6`      | -        | -        | -         | -        | ❌ HTTP 408: Missing request, pos... |
| Wan2.6 R2V  | `/wan2.6-r2v`  | -        | -        | -         | -        | ⏭️ Missing: test video               |
| Wan2.6 Lora | `/wan2.6-lora` | -        | -        | -         | -        | ⏭️ Missing: LoRA file                |

### Upscaling

| Endpoint | Path       | Cold (s) | Warm (s) | Δ Savings | Cost ($) | Status                 |
| -------- | ---------- | -------- | -------- | --------- | -------- | ---------------------- |
| Seedvr2  | `/seedvr2` | -        | -        | -         | -        | ⏭️ Missing: test video |"""
    )


def test_failures_are_whole_and_what_is_the_same_stands_once() -> None:
    pool = "HTTPSConnectionPool(host='ryla--ryla-qwen-edit-comfyui-fastapi-app.modal.run', port=443): Max retries"
    cause = r"(Caused by SSLError(SSLError(5, '[SYS] unknown error (\_ssl.c:1016)')))"
    assert section(render(reference_run()), "Failed Endpoints").splitlines() == [
        "- `/flux-pulid`, `/flux-ipadapter-faceid`: Timeout",
        "- `/sdxl-instantid`: Exceeded 30 redirects.",
        f"- `/qwen-image-edit-2511`: {pool} exceeded with url: /qwen-image-edit-2511 {cause}",
        f"- `/qwen-image-inpaint-2511`: {pool} exceeded with url: /qwen-image-inpaint-2511 {cause}",
        "- `/wan2`: HTTP 500: modal-http: internal error: function was terminated by signal",
        "- `/wan2.6`: HTTP 408: Missing request, possibly due to expiry or cancellation",
    ]


def test_skips_say_what_is_missing() -> None:
    assert section(render(reference_run()), "Skipped Endpoints").splitlines() == [
        "- `/flux-dev-lora`, `/flux-lora`, `/qwen-image-2512-lora`, `/z-image-lora`, `/wan2.6-lora`: Missing: LoRA file",
        "- `/video-faceswap`, `/wan2.6-r2v`, `/seedvr2`: Missing: test video",
    ]


def test_findings_compare_the_same_endpoints_and_say_how_many() -> None:
    assert section(render(reference_run()), "Key Findings").splitlines() == [
        "- **Average Cold Start:** 24.1s (3 endpoints)",
        "- **Average Warm Time:** 4.9s (the same 3 endpoints)",
        "- **Warm vs Cold Improvement:** 80% faster (paired, 3 endpoints)",
        "- **Total Benchmark Cost:** -",
    ]


def test_findings_of_one_endpoint_that_is_slower_warm() -> None:
    assert section(
        render(run([result(cold_time_sec=2.0, warm_time_sec=3.0, cold_verified=True)])), "Key Findings"
    ).splitlines() == [
        "- **Average Cold Start:** 2.0s (1 endpoint)",
        "- **Average Warm Time:** 3.0s (the same endpoint)",
        "- **Warm vs Cold Improvement:** 50% slower (paired, 1 endpoint)",
        "- **Total Benchmark Cost:** -",
    ]


def test_without_pairs_no_comparison() -> None:
    unpaired = [result("A", cold_time_sec=9.0), result("B", warm_time_sec=1.0)]
    assert section(render(run(unpaired)), "Key Findings") == "- **Total Benchmark Cost:** -"


def test_recommendations_are_numbered() -> None:
    sentences = section(render(reference_run()), "Recommendations").splitlines()
    assert [sentence[:5] for sentence in sentences] == ["1. **"]


@pytest.mark.parametrize(
    ("costs", "shown"),
    [
        ([None, None], "-"),
        ([0.1, 0.0234], "$0.1234"),
        ([0.1234, None], "≥ $0.1234 (1 of 2 calls)"),
        ([0.00001], "$0.000010"),
        ([], "-"),
    ],
)
def test_the_total_cost_is_never_made_up(costs: list[float | None], shown: str) -> None:
    report = render(run([result(samples=[sample(cost_usd=cost) for cost in costs])]))
    assert tables(report)[0][-1] == ["Total Benchmark Cost", shown]
    assert section(report, "Key Findings").endswith(f"- **Total Benchmark Cost:** {shown}")
    assert ("Cost" in folds(report)) == (shown != "-")


def test_an_estimate_in_the_total_makes_it_one() -> None:
    estimated = sample(cost_usd=0.1, cost_basis="estimated")
    report = render(run([result(samples=[estimated, sample(cost_usd=0.2, cost_basis="measured")])]))
    assert tables(report)[0][-1] == ["Total Benchmark Cost", "~$0.3000"]

    lower = render(run([result(samples=[estimated, sample()])]))
    assert tables(lower)[0][-1] == ["Total Benchmark Cost", "≥ ~$0.1000 (1 of 2 calls)"]


def test_an_estimate_in_a_row_is_marked() -> None:
    priced = [
        result("A", cost_usd=0.1, cost_basis="estimated"),
        result("B", cost_usd=0.1, cost_basis="measured"),
    ]
    assert [row[5] for row in tables(render(run(priced)))[1][1:]] == ["~0.1000", "0.1000"]


def test_what_there_is_to_tell_of_answers_costs_and_failures_comes_last() -> None:
    media = Media(kind="image", format="PNG", width=64, height=64, size_bytes=4, sha256="", checked=True)
    answered = result("A", media=media, samples=[sample(media=media, cost_usd=0.1, cost_basis="measured")])
    failed = result(
        "B", status="failed", error="boom", cause="application", meaning="It did.", remedy="Do not."
    )
    report = render(run([answered, failed], notes=["the control plane does not answer"]))
    assert [*folds(report)][-4:] == ["Timing Detail", "Answers", "Cost", "Notes"]
    assert section(report, "Failed Endpoints") == (
        "- `/b`: boom<br>**Application:** It did.<br>**Try:** Do not."
    )
    assert "decoded whole (1 answer)" in folds(report)["Answers"]


def test_notes_are_those_of_the_run_and_then_those_of_each_endpoint() -> None:
    noted = result("A", notes=["declared image/png, is text"], misfits=["no such field"], cached="same bytes")
    assert folds(render(run([noted], notes=["limit: $5"])))["Notes"].splitlines() == [
        "- limit: `$`5",
        "- `/a`: cached? same bytes",
        "- `/a`: no such field",
        "- `/a`: declared image/png, is text",
    ]


def test_an_endpoint_that_the_limit_kept_from_being_called_says_so() -> None:
    report = render(run([result("A", status="not_run", skipped_reason="the limit is reached")]))
    assert tables(report)[1][1][6] == "⏹️ Not run: cost limit"
    assert section(report, "Endpoints Not Run") == "- `/a`: the limit is reached"


def test_a_cold_start_without_proof_is_marked_and_explained_once() -> None:
    unproven = [result(name, cold_time_sec=44.4, cold_verified=False) for name in ("A", "B")]
    report = render(run([*unproven, result("C", cold_time_sec=15.0, cold_verified=True)]))
    assert [row[2] for row in tables(report)[1]] == ["Cold (s)", "44.4?", "44.4?", "15.0"]
    assert report.count("`?`") == 1
    assert section(report, "Results by Category").splitlines()[-1].startswith("`?`: nothing proves")


def test_proven_cold_starts_need_no_footnote() -> None:
    assert "`?`" not in render(reference_run())


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"status": "success"}, "✅"),
        ({"status": "success", "cached": "3 answers with the same bytes"}, "✅ cached?"),
        ({"status": "failed", "error": "x" * 30}, f"❌ {'x' * 30}"),
        ({"status": "failed", "error": "x" * 31}, f"❌ {'x' * 30}..."),
        ({"status": "failed"}, "❌"),
        ({"status": "skipped", "skipped_reason": "Missing: test image, test video"}, None),
        ({"status": "skipped"}, "⏭️"),
        ({"status": "not_run"}, "⏹️ Not run"),
        ({"status": "not_run", "skipped_reason": "the limit is reached"}, "⏹️ Not run: cost limit"),
    ],
)
def test_status(fields: dict[str, str], shown: str | None) -> None:
    assert tables(render(run([result(**fields)])))[1][1][6] == (shown or "⏭️ Missing: test image, test video")


def test_a_result_without_a_message_is_listed_by_its_path() -> None:
    report = render(run([result("A", status="failed"), result("B", status="not_run")]))
    assert section(report, "Failed Endpoints") == "- `/a`"
    assert section(report, "Endpoints Not Run") == "- `/b`"


def test_times_and_costs_keep_their_digits() -> None:
    quick = result(cold_time_sec=1.25, warm_time_sec=0.0213, cost_usd=0.00004, cold_verified=True)
    assert tables(render(run([quick])))[1][1][2:6] == ["1.2", "0.021", "98%", "0.000040"]


def test_the_head_says_what_is_known_of_the_run() -> None:
    resources = {"image": True, "video": None}
    cut_off = run(
        [result(status="not_run")],
        environment="staging",
        resources=resources,
        simulated="model load and inference times, at 0.01 of their length",
        finished=False,
        timestamp="2026-02-02T13:22:58+01:00",
    )
    assert render(cut_off).split("\n\n")[1].splitlines() == [
        "**Verdict:** ⏭️ SKIP so far (1 SKIP)  ",
        "**Generated:** 2026-02-02 12:22:58 UTC  ",
        "**Workspace:** ryla  ",
        "**Environment:** staging  ",
        "**Test Resources:** Image=✅, Video=❓, LoRA=❓  ",
        "**Simulated:** model load and inference times, at 0.01 of their length  ",
        "**Unfinished:** this run was cut off, or was still going on when this report was written",
    ]


@pytest.mark.parametrize("timestamp", ["yesterday", "0001-01-01T00:00:00+23:00"])
def test_a_time_that_cannot_be_read_is_shown_as_it_is(timestamp: str) -> None:
    assert f"**Generated:** {timestamp}  \n" in render(run(timestamp=timestamp))


def test_the_summary_counts_what_was_not_run_only_if_something_was_not() -> None:
    assert "Not Run" not in render(reference_run())
    assert ["Not Run", "1"] in tables(render(run([result(status="not_run")])))[0]


def test_categories_come_in_the_order_of_their_first_endpoint() -> None:
    mixed = [result(name, category) for name, category in [("A", "Video"), ("B", ""), ("C", "Video")]]
    lines = render(run(mixed)).splitlines()
    assert [row for row in lines if row.startswith("### ")] == ["### Video", "### No Category"]


def test_the_run_can_be_made_again() -> None:
    script = section(render(run(command="pytest --modal-bench -k 'a ``` b'")), "How to Run This Benchmark")
    assert script.startswith(
        "````bash\n# This run again\npytest --modal-bench -k 'a ``` b'\n````\n\n<details>"
    )


_LINES = 120


def of_reasons(number: int, **fields: Any) -> Run:
    """Return the reference run, but of its endpoints so many failed, each for a cause of its own."""
    causes = get_args(Cause)
    reference = reference_run()
    for one in reference.results:
        one.status = "success" if one.status == "failed" else one.status
    for place, one in enumerate(reference.results[:number]):
        why = {"cause": causes[place], "meaning": f"Meaning {place}.", "remedy": f"Remedy {place}."}
        reference.results[place] = result(
            one.endpoint, one.category, status="failed", error=f"Error {place}. {'x' * 250}", **why
        )
    named = {"environment": "staging", "simulated": "all of it", "command": "pytest --modal-bench"}
    return run(reference.results, **{**named, **fields})


@pytest.mark.parametrize("failed", [0, 7, 12, 20, 21])
def test_twenty_one_endpoints_take_120_lines_at_most_and_the_verdict_is_among_the_first(failed: int) -> None:
    notes = [f"note {number}" for number in range(30)]
    report = render(of_reasons(failed, finished=False, notes=notes))
    seen = outside_folds(report)

    assert len(seen) <= _LINES
    assert any(row.startswith("**Verdict:** ") for row in seen[:10])
    section_of_failed = section(report, "Failed Endpoints")
    for place in range(failed):
        assert section_of_failed.count(f": Error {place}. x") == 1
        assert section_of_failed.count(f"Meaning {place}.<br>**Try:** Remedy {place}.") == 1
    if failed:
        shown = [row for row in section("\n".join(seen), "Failed Endpoints").splitlines() if "Remedy" in row]
        assert len(shown) >= min(failed, 3)
        assert (f"<summary>{failed - len(shown)} more endpoint" in report) == (len(shown) < failed)


def test_training_a_lora_is_shown_only_where_it_is_missing() -> None:
    training = "modal run …/lora-training/app.py --character-id=test-benchmark --steps=100"
    assert training in render(reference_run())
    assert training not in render(run(resources={"lora": True}))
    assert training not in render(run(resources={}))


def test_an_empty_run_still_is_a_report() -> None:
    assert headings(render(run())) == ["Summary", "Key Findings", "How to Run This Benchmark"]
    assert render(run()).endswith("\n---\n\n_Report generated by pytest-modal-bench 0.1.0_\n")


@settings(deadline=None)
@given(st.lists(ANY_TEXT, max_size=3))
def test_hostile_text_changes_no_table_and_shows_as_it_is(texts: list[str]) -> None:
    report = render(hostile_run(texts))
    shown = [row for rows in tables(report) if rows[0][1] == "Path" for row in rows[1:]]
    by_category = [raw for category in dict.fromkeys(texts) for raw in texts if raw == category]
    assert all(begins(row[0], raw) for row, raw in zip(shown, of_each(by_category, 4), strict=True))
    assert all(len(row) == len(rows[0]) for rows in tables(report) for row in rows)
    rows = [row for row in report.splitlines() if row.startswith("|")]
    assert all(
        width(row) == width(following) for row, following in pairwise(rows) if following.startswith("| -")
    )


SECONDS = st.none() | st.floats(0, 1e6)
STREAMS = st.builds(
    Streamed,
    ttft_sec=SECONDS,
    itl_sec=SECONDS,
    itl_p95_sec=SECONDS,
    itl_max_sec=SECONDS,
    chunks=st.integers(0, 2**40),
    output_tokens=st.none() | st.integers(1, 2**40),
    tokens_per_sec=SECONDS,
    finish_reason=st.none() | ANY_TEXT,
)
JOBS = st.builds(
    Job,
    submit_sec=st.floats(0, 1e6),
    waiting_sec=SECONDS,
    delivery_sec=SECONDS,
    asked=st.integers(0, 10**6),
    resolution_sec=SECONDS,
)
SAMPLES = st.builds(
    sample,
    st.sampled_from(["cold", "first", "warm"]),
    st.floats(0, 1e6),
    ok=st.booleans(),
    cause=st.none() | st.just("timeout"),
    dropped=st.none() | ANY_TEXT,
    reconnected=st.booleans(),
    client_busy=st.none() | ANY_TEXT,
    stream=st.none() | STREAMS,
    job=st.none() | JOBS,
)
STREAMED_RESULTS = st.builds(
    result,
    name=ANY_TEXT,
    id=ANY_TEXT,
    case=st.none() | ANY_TEXT,
    samples=st.lists(SAMPLES, max_size=4),
    cold_verified=st.none() | st.booleans(),
    cost_basis=st.none() | st.sampled_from(["measured", "estimated"]),
    **dict.fromkeys(
        (
            *("ttft_sec", "itl_sec", "itl_p95_sec", "tokens_per_sec", "output_tokens"),
            *("cold_ttft_sec", "usd_per_million_tokens"),
        ),
        SECONDS,
    ),
)


@settings(deadline=None)
@given(st.lists(STREAMED_RESULTS, max_size=3))
def test_any_streams_and_jobs_make_tables_and_nothing_else(results: list[EndpointResult]) -> None:
    given_run = run(results)
    report = render(given_run)
    rows = [row for row in report.splitlines() if row.startswith("|")]

    assert all(len(row) == len(found[0]) for found in tables(report) for row in found)
    assert all(
        width(row) == width(following) for row, following in pairwise(rows) if following.startswith("| -")
    )
    for other in (comment.render(given_run), comparison.render(given_run, given_run)):
        assert all(len(row) == len(found[0]) for found in tables(other) for row in found)
    assert isinstance(json.loads(benchmark_json.render(given_run)), list)
    assert len(json.loads(gate_json.render(given_run))["endpoints"]) == len(results)


@settings(deadline=None)
@given(st.lists(st.builds(lambda raw, times: raw * times, ANY_TEXT, st.integers(1, 50)), max_size=3))
def test_no_text_makes_a_wide_cell(texts: list[str]) -> None:
    given_run = hostile_run(texts)
    given_run.command = None  # it is shown as it is, in a block of code
    rows = [row for row in render(given_run).splitlines() if row.startswith("|")]
    cells = [cell.strip() for row in rows for cell in re.split(r"(?<!\\)\|", row)]
    assert max(map(width, cells)) <= CELL_LIMIT + len("<code></code>")


def test_what_a_cell_cuts_stands_in_full_outside_of_the_tables() -> None:
    def long(what: str) -> str:
        return f"{what} {'and so on ' * 12}to the end of {what}"

    fields = (
        "endpoint",
        "path",
        "id",
        "proof",
        "container",
        "format",
        "unchecked",
        "source",
        "meaning",
        "remedy",
    )
    texts = {what: long(what) for what in (*fields, "check", "skipped", "error")}
    media = Media(kind="other", format=texts["format"], unchecked=texts["unchecked"], size_bytes=4, sha256="")
    cold = sample(
        "cold", proof=texts["proof"], container=texts["container"], cost_usd=1.0, cost_source=texts["source"]
    )
    check = Check(metric="warm", against="budget", verdict="WARN", message=texts["check"])
    named = {"path": texts["path"], "id": texts["id"]}
    why = {"cause": "killed", "meaning": texts["meaning"], "remedy": texts["remedy"], "verdict": "FAIL"}
    report = render(
        run(
            [
                result(
                    texts["endpoint"], samples=[cold], media=media, checks=[check], verdict="WARN", **named
                ),
                result("Failed", status="failed", error=texts["error"], **why),
                result("Skipped", status="skipped", skipped_reason=texts["skipped"], verdict="SKIP"),
            ]
        )
    )
    in_tables = [cell for table in tables(report) for row in table for cell in row]
    outside = [row for row in report.splitlines() if not row.startswith("|")]

    assert max(map(len, in_tables)) == CELL_LIMIT
    for what, text in texts.items():
        is_in_table = any(f"{what} and so on" in cell for cell in in_tables)
        assert is_in_table == (what not in {"meaning", "remedy"})
        assert sum(text in row for row in outside) == 1, what


def test_names_that_are_cut_come_last_each_once() -> None:
    long = "/models/" + "x" * 300
    report = render(
        run([result("Flux", path=long, id=long), result("Wan"), result("y" * 81, path="/y", id="y")])
    )
    assert [*folds(report)][-1] == "Long Names"
    assert folds(report)["Long Names"].splitlines()[2:] == [f"- `{long}`", f"- `{'y' * 81}`"]
    assert "Long Names" not in folds(render(reference_run()))


def test_a_skipped_endpoint_that_also_failed_loses_neither_message() -> None:
    both = result(status="skipped", skipped_reason="Missing: test image", error="HTTP 500")
    assert section(render(run([both])), "Skipped Endpoints") == "- `/flux`: HTTP 500; Missing: test image"


def test_ten_megabytes_of_text_make_a_small_report() -> None:
    report = render(hostile_run(["y\n" * 5_000_000]))
    assert len(report) < 100_000
    assert "… (10000000 characters)" in report


@pytest.mark.skipif(not prettier.INSTALLED, reason=prettier.WHY_NOT)
def test_prettier_leaves_every_report_as_it_is(tmp_path: Path) -> None:
    alphabet = [
        chr(point) for start, end in ((0x20, 0x3100), (0x1F000, 0x1FA00)) for point in range(start, end)
    ]
    # Seven entities fit into a cell.
    rows = ["x".join(alphabet[start : start + 7]) for start in range(0, len(alphabet), 7)]
    reports = {
        "reference": reference_run(),
        "empty": run(),
        "together": hostile_run([*HOSTILE]),
        "alphabet": run([result("x", path="/x", status="skipped", skipped_reason=row) for row in rows]),
        "long": hostile_run([raw * 30 for raw in HOSTILE[:-1]]),
        "shared": run(failing(100)),
        "priced": run(priced()),
        "at traffic": run(priced(), traffic_per_hour=60),
        **{f"hostile-{number}": hostile_run([raw]) for number, raw in enumerate(HOSTILE)},
        **{f"pair-{number}": hostile_run([a + b, b]) for number, (a, b) in enumerate(pairwise(HOSTILE[:-1]))},
    }
    for name, given_run in reports.items():
        (tmp_path / f"{name}.md").write_text(render(given_run), "utf-8")
    prettier.leaves_alone(tmp_path, ".")
