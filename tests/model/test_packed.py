from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from report_runs import result, sample, streamed

from pytest_modal_bench.model import Media, Phases, Provider, Sample
from pytest_modal_bench.model.encoding import encode
from pytest_modal_bench.model.packed import PackedSamples, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

MEDIA = Media(kind="image", format="PNG", width=64, height=64, checked=True, size_bytes=4096, sha256="aa")
SAMPLES = [
    sample(
        "cold", 20.123456789012345, proof="no container before", seed=2**62, provider=Provider(queue_sec=1.0)
    ),
    sample("warm", 1.0, media=MEDIA, parts=(MEDIA, MEDIA), phases=Phases(wait_sec=1e-9), stream=streamed()),
    sample("warm", ok=False, error="HTTP 500: “boom”", cause="application", redirects=2),
]


def test_samples_come_back_as_they_were() -> None:
    kept = PackedSamples(SAMPLES)

    assert list(kept) == SAMPLES
    assert (kept[0], kept[-1], kept[1:], len(kept)) == (SAMPLES[0], SAMPLES[2], SAMPLES[1:], 3)
    assert kept == SAMPLES == kept
    assert kept != SAMPLES[:2]
    with pytest.raises(IndexError):
        kept[3]


def test_no_field_of_a_sample_is_lost() -> None:
    assert {field.name for field in structs.fields(Sample)} == set(Sample.__struct_fields__)
    every = sample("warm", 1.0)
    for field in structs.fields(Sample):
        if field.type in (str | None, float | None, int | None) and not field.required:
            every = structs.replace(every, **{field.name: "text" if field.type == str | None else 2})
    (back,) = PackedSamples([every])
    assert back == every


def test_a_lone_surrogate_becomes_a_question_mark_as_in_reports() -> None:
    (back,) = PackedSamples([sample("warm", ok=False, error="\ud800!")])
    assert back.error == "?!"


def test_a_result_is_written_the_same_packed_or_not() -> None:
    plain = result(samples=SAMPLES, base=result(samples=SAMPLES[:1]))
    kept = packed(plain)

    assert isinstance(kept.samples, PackedSamples)
    assert kept.base is not None
    assert isinstance(kept.base.samples, PackedSamples)
    assert encode(kept) == encode(plain)
    assert unpacked(kept) == plain
    assert isinstance(unpacked(kept).samples, list)


def memory(make: Callable[[], object]) -> int:
    """Return the bytes that what `make` returns takes."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        made = make()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        del made
    finally:
        tracemalloc.stop()
    return after - before


def test_packed_samples_take_little_memory() -> None:
    calls = [structs.replace(sample("warm", 0.1 * number, media=MEDIA), seed=number) for number in range(4)]
    assert memory(lambda: [PackedSamples(calls) for _ in range(100)]) < 100 * 700
