"""Runs for the tests of reports to render: the reference run, and any other made of results."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pytest_modal_bench.model import EndpointResult, Phases, Run, Sample, Streamed, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

_TLS = (
    "HTTPSConnectionPool(host='ryla--ryla-qwen-edit-comfyui-fastapi-app.modal.run', port=443): Max retries"
    " exceeded with url: /qwen-image-{}-2511"
    " (Caused by SSLError(SSLError(5, '[SYS] unknown error (_ssl.c:1016)')))"
)


HOSTILE = (
    "",
    " ",
    "a | b",
    "|||",
    r"\|",
    "\\",
    "`",
    "``|``",
    "one\r\n\ntwo",
    "\n- item\n# title\n| a |\n| - |",
    "<script>alert(1)</script>",
    "<!-- prettier-ignore -->",
    "</code></td>",
    "@team and owner/repo#1, #2, GH-3",
    "@@#@",
    "mail someone@example.com",
    "see https://example.com/a_b?c=*d* or www.example.com",
    "[text](javascript:alert(1)) ![image](https://example.com/x.png)",
    "[[wiki]] [^1] [a]: b [x][y]",
    "_a__a_[[w]]@team{{ liquid }} {% raw %}",
    ":tada: $x_1$ $$y$$ $`z`$",
    "&lt; &amp;amp; &#64; &nbsp;",
    "\x1b[31mred\x1b[0m \x1b]8;;https://example.com\x07link\x1b]8;;\x07",
    "\x00\x07\x1b\x7f\x9b",
    "_a_ __b__ *c* **d** ***e*** ~f~ ~~g~~ snake_case __init__.py (_x",
    "--- === +++ 1. 1) > #",
    "\u4f60\u597d\uff0c\u4e16\u754c hello_\u4f60_\u597d",
    "\uce74\ud14c\uace0\ub9ac \u30ab\u30c6\u30b4\u30ea\u3000\uff46\uff55\uff4c\uff4c",
    "\U0001f3ac \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd",
    "\U0001f1e9\U0001f1ea 1\ufe0f\u20e3 \u2764\ufe0f \u2764 \u270d",
    "e\u0301 \u0e01\u0e47 \u05e2\u05d1 \u0646\u0635",
    "\u202egnp.exe \u200b\ufeff\ufffe\ud800\U0010ffff",
    "x" * 500,
    "y\n" * 5_000_000,
)
"""What a server, or whoever wrote a catalogue, may send."""


def sample(start: Any = "warm", elapsed_sec: float = 1.0, *, ok: bool = True, **fields: Any) -> Sample:
    started_at = "2026-02-02T12:22:58Z"
    return Sample(start=start, ok=ok, elapsed_sec=elapsed_sec, started_at=started_at, **fields)


def streamed(ttft_sec: float = 0.2, **fields: Any) -> Streamed:
    """Return what a stream of 41 tokens was in time, 40 of them a second."""
    given: dict[str, Any] = {
        "itl_sec": 0.025,
        "itl_p95_sec": 0.03,
        "itl_max_sec": 0.09,
        "chunks": 41,
        "output_tokens": 41,
        "tokens_per_sec": 40.0,
        "finish_reason": "stop",
    }
    return Streamed(ttft_sec=ttft_sec, **given | fields)


def result(name: str = "Flux", category: str = "Flux", **fields: Any) -> EndpointResult:
    slug = name.lower().replace(" ", "-")
    given = {"path": f"/{slug}", "status": "success", "id": slug, "app": "app", "pool": "pool"} | fields
    return EndpointResult(endpoint=name, category=category, **given)


def run(results: Sequence[EndpointResult] = (), **fields: Any) -> Run:
    given: dict[str, Any] = {
        "timestamp": "2026-02-02T12:22:58Z",
        "workspace": "ryla",
        "resources": {"image": True, "video": False, "lora": False},
        "rounds": 3,
        "finished": True,
        "version": "0.1.0",
        "summary": Summary.of([*results]),
    } | fields
    return Run(results=[*results], **given)


def reference_run() -> Run:
    """Return the run behind the reference report, with its times."""
    return run(
        [
            _measured("Flux", "Flux", 44.4, 2.1),
            _measured("Flux Dev", "Flux", None, 29.7),
            _skipped("Flux Dev Lora", "Flux", "LoRA file"),
            _skipped("Flux Lora", "Flux", "LoRA file"),
            _failed("Sdxl Instantid", "Face Consistency", "Exceeded 30 redirects."),
            _failed("Flux Pulid", "Face Consistency", "Timeout"),
            _failed("Flux Ipadapter Faceid", "Face Consistency", "Timeout"),
            _measured("Qwen Image 2512", "Qwen Image", 15.04, 10.26),
            _measured("Qwen Image 2512 Fast", "Qwen Image", None, 12.4),
            _skipped("Qwen Image 2512 Lora", "Qwen Image", "LoRA file"),
            _skipped("Video Faceswap", "Qwen Image", "test video"),
            _failed("Qwen Image Edit 2511", "Qwen Edit", _TLS.format("edit")),
            _failed("Qwen Image Inpaint 2511", "Qwen Edit", _TLS.format("inpaint")),
            _measured("Z Image Simple", "Z-Image", 13.0, 2.2),
            _measured("Z Image Danrisi", "Z-Image", None, 2.3),
            _skipped("Z Image Lora", "Z-Image", "LoRA file"),
            _failed(
                "Wan2", "Video", "HTTP 500: modal-http: internal error: function was terminated by signal\n"
            ),
            _failed("Wan2.6", "Video", "HTTP 408: Missing request, possibly due to expiry or cancellation\n"),
            _skipped("Wan2.6 R2V", "Video", "test video"),
            _skipped("Wan2.6 Lora", "Video", "LoRA file"),
            _skipped("Seedvr2", "Upscaling", "test video"),
        ]
    )


def _measured(name: str, category: str, cold: float | None, warm: float) -> EndpointResult:
    phases = Phases(connect_sec=0.021, tls_sec=0.034, send_sec=0.0004, wait_sec=1.9, download_sec=0.15)
    samples = [sample("warm", warm, phases=phases) for _ in range(3)]
    if cold:
        samples.insert(0, sample("cold", cold, phases=phases, proof="no container before"))
    return result(
        name,
        category,
        pool=category,
        cold_time_sec=cold,
        warm_time_sec=warm,
        cold_verified=True if cold else None,
        samples=samples,
    )


def _failed(name: str, category: str, error: str) -> EndpointResult:
    return result(name, category, status="failed", error=error)


def _skipped(name: str, category: str, missing: str) -> EndpointResult:
    return result(name, category, status="skipped", skipped_reason=f"Missing: {missing}")


ANY_TEXT = st.text() | st.text("|\\`*_~[](){}<>!#@$:;&-=.\n ab1") | st.sampled_from(HOSTILE[:-1])


def tables(report: str) -> list[list[list[str]]]:
    """Return the text of each cell of each row of each table, as a reader sees it."""
    found: list[list[list[str]]] = []
    for before, token in pairwise(MarkdownIt("commonmark", {"html": True}).enable("table").parse(report)):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and before.type in {"th_open", "td_open"}:
            shown = [part.content for part in token.children or () if part.type in {"text", "code_inline"}]
            found[-1][-1].append("".join(shown))
    return found
