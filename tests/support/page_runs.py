"""Runs for the tests of pages: one with pictures, one of many endpoints, and any run with a text in all its fields."""

from __future__ import annotations

import io
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
from load_runs import loaded
from msgspec import inspect
from PIL import Image, ImageDraw
from report_runs import result, run, sample, streamed

from pytest_modal_bench.model import Check, Job, Media, Phases, Preview, Provider, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult


def webp(width: int = 160, height: int = 120, shade: int = 0, *, noise: bool = False) -> bytes:
    """Return a WebP image; one of noise is large."""
    image = (
        Image.effect_noise((width, height), 90).convert("RGB") if noise else Image.new("RGB", (width, height))
    )
    if not noise:
        ImageDraw.Draw(image).ellipse((10, 10, width - 10, height - 10), fill=(shade % 256, 120, 200))
    written = io.BytesIO()
    image.save(written, "WEBP", quality=70)
    return written.getvalue()


_SMALL = webp(32, 32)


def picture(*frames: bytes, kind: Any = "image") -> Preview:
    return Preview(kind=kind, frames=frames, width=160, height=120)


def measured(
    name: str, category: str, *, cold: float = 20.0, warm: float = 2.0, **fields: Any
) -> EndpointResult:
    """Return an endpoint of which a proven cold start and seven warm calls are known, with all their parts."""
    phases = Phases(connect_sec=0.02, tls_sec=0.03, send_sec=0.001, wait_sec=warm, download_sec=0.15)
    media = Media(kind="image", format="PNG", width=64, height=64, checked=True, size_bytes=4096, sha256="aa")
    known: dict[str, Any] = {
        "phases": phases,
        "media": media,
        "cost_usd": 0.001,
        "cost_basis": "estimated",
        "cost_source": "the client's seconds times the price of an L40S",
        "container": f"ta-{name}",
        "http_status": 200,
        "size_bytes": 4096,
    }
    provider = Provider(queue_sec=1.0, boot_sec=9.0, execution_sec=8.0)
    first = sample(
        "cold", cold, proof="no container before", provider=provider, unattributed_sec=cold - 18, **known
    )
    given: dict[str, Any] = {
        "verdict": "PASS",
        "cold_time_sec": cold,
        "warm_time_sec": warm,
        "cold_verified": True,
        "load_sec": 5.0,
        "cost_usd": 0.001,
        "cost_basis": "estimated",
        "media": media,
        "samples": [first, *(sample("warm", warm * (1 + number / 50), **known) for number in range(7))],
        "checks": [
            Check(
                metric="warm",
                against="budget",
                verdict="PASS",
                message=f"warm {warm} s within 5.0 s",
                value=warm,
            )
        ],
    }
    return result(name, category, **given | fields)


def many(number: int) -> Run:
    """Return a run of so many endpoints with five calls each; every tenth failed."""
    phases = Phases(connect_sec=0.02, tls_sec=0.03, send_sec=0.001, wait_sec=1.9, download_sec=0.15)
    results = []
    for index in range(number):
        known: dict[str, Any] = {
            "phases": phases,
            "container": f"ta-{index}",
            "cost_usd": 0.001,
            "http_status": 200,
        }
        cold = sample("cold", 10 + index % 40, proof=f"no container before, ta-{index} after", **known)
        failed: dict[str, Any] = {
            "status": "failed",
            "verdict": "FAIL",
            "error": f"HTTP 500: request {index} failed",
            "cause": ("killed", "application", "timeout")[index % 3],
            "meaning": "It failed.",
            "remedy": "See `modal app logs`.",
        }
        results.append(
            result(
                f"Endpoint {index}",
                f"Category {index % 20}",
                pool=f"pool-{index % 50}",
                cold_time_sec=10.0 + index % 40,
                warm_time_sec=1.0,
                cold_verified=True,
                samples=[cold, *(sample("warm", 1 + number / 10, **known) for number in range(4))],
                **({"verdict": "PASS", "status": "success"} if index % 10 else failed),
            )
        )
    return run(results, verdict="FAIL")


def everything() -> Run:
    """Return a run in which every section of a page has something to show."""
    image, clip = picture(webp()), picture(*(webp(shade=40 * n) for n in range(4)), kind="video")
    sound = Preview(kind="audio", peaks=tuple((n % 10) / 10 for n in range(60)))
    text = Preview(kind="text", text="Once upon a time\nthere was a test")
    stream = streamed(0.2)
    job = Job(submit_sec=0.1, waiting_sec=1.5, delivery_sec=0.2, asked=3, resolution_sec=0.5)
    results = [
        measured("Flux", "Pictures", previews=[image], sent='{"prompt": "a lake"}'),
        measured("Edit", "Pictures", previews=[clip], needs=("image",), cold_verified=False),
        measured("Speech", "Sound", previews=[sound]),
        measured(
            "Chat",
            "Text",
            previews=[text],
            ttft_sec=0.2,
            itl_sec=0.025,
            samples=[sample("warm", 1.0 + n / 10, stream=stream) for n in range(6)],
        ),
        measured("Job", "Jobs", samples=[sample("warm", 1.8, job=job)]),
        loaded(measured("Busy", "Pictures")),
        result(
            "Wan",
            "Video",
            status="failed",
            error="Timeout",
            cause="timeout",
            verdict="FAIL",
            remedy="Raise `timeout`.",
        ),
        result("Slow", "Video", verdict="WARN", reasons=["warm 3.0 s, 1.4x as long as before"]),
        result("Lora", "Video", status="skipped", skipped_reason="Missing: LoRA file", verdict="SKIP"),
    ]
    return run(
        results,
        verdict="FAIL",
        inputs={"image": image},
        versions={"pytest": "8.4"},
        machine={"cores": "8"},
        command="pytest --modal-bench",
        notes=["a note"],
    )


def holding(texts: Sequence[str], endpoints: int = 24) -> Run:
    """Return a run in which every field that is a text holds one of `texts`, and every other field is filled in.

    What is one of a few known words takes each of them in turn.
    """
    fill = _Filling(texts)
    made: Run = fill.value(inspect.type_info(Run))
    one = inspect.type_info(type(made.results[0]))
    made = msgspec.structs.replace(made, results=[fill.value(one) for _ in range(endpoints)], schema=1)
    assert sum(text in texts for text in strings(msgspec.to_builtins(made))) > 100 * endpoints
    return made


class _Filling:
    """Makes values of any type that the model has."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._numbers = count()
        self._within: list[type] = []
        """Structs that are being made: one inside itself, such as a result's base, is left out."""

    def value(self, of: inspect.Type) -> Any:
        number = next(self._numbers)
        match of:
            case inspect.UnionType():
                found = next(each for each in of.types if not isinstance(each, inspect.NoneType))
                is_within = isinstance(found, inspect.StructType) and found.cls in self._within
                return None if is_within else self.value(found)
            case inspect.DictType():
                return {self.value(of.key_type): self.value(of.value_type) for _ in range(2)}
            case inspect.ListType() | inspect.VarTupleType():
                made = [self.value(of.item_type) for _ in range(2)]
                return made if isinstance(of, inspect.ListType) else tuple(made)
            case inspect.StructType():
                self._within.append(of.cls)
                made_of = {field.name: self.value(field.type) for field in of.fields}
                self._within.pop()
                return of.cls(**made_of)
            case inspect.LiteralType():
                return of.values[number % len(of.values)]
        simple: dict[type[inspect.Type], Any] = {
            inspect.StrType: self._texts[number % len(self._texts)],
            inspect.BoolType: number % 2 == 0,
            inspect.IntType: 3,
            inspect.FloatType: 1.5 + number % 7,
            inspect.BytesType: _SMALL,
        }
        return simple[type(of)]


def strings(value: Any) -> Iterator[str]:
    """Yield every text in what is made of built-in types."""
    match value:
        case str():
            yield value
        case list() | tuple():
            for item in value:
                yield from strings(item)
        case dict():
            for key, item in value.items():
                yield from strings(key)
                yield from strings(item)
