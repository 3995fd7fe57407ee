from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import endpoint
from report_runs import sample

from pytest_modal_bench.model import Expect, Media, Sample
from pytest_modal_bench.protocol.cache_guard import suspicion

if TYPE_CHECKING:
    from pytest_modal_bench.model import StreamForm

SEEDED = endpoint()
SEEDS = count()


def answered(sha: str, kind: Any = "image", **more: Any) -> Sample:
    media = Media(kind=kind, size_bytes=3, sha256=sha)
    return sample(media=media, **({"seed": next(SEEDS)} | more))


def test_different_answers_are_no_cache() -> None:
    assert suspicion(SEEDED, [answered("a"), answered("b"), answered("c")]) is None
    assert suspicion(SEEDED, []) is None


@pytest.mark.parametrize(
    ("hashes", "repeated"), [("aba", "2 answers of 3"), ("aaa", "3 answers of 3"), ("abab", "4 answers of 4")]
)
def test_the_same_bytes_for_another_seed_are_a_cache(hashes: str, repeated: str) -> None:
    assert suspicion(SEEDED, [answered(each) for each in hashes]) == (
        f"{repeated} with the same bytes, though each had a new seed"
    )


def test_the_same_bytes_for_the_same_seed_are_none() -> None:
    assert suspicion(SEEDED, [answered("a", seed=7), answered("a", seed=7)]) is None


def test_media_in_json_are_compared_and_not_what_stands_around_them() -> None:
    parts = [(Media(kind="image", size_bytes=3, sha256=sha),) for sha in "xxy"]
    samples = [answered(sha, "json", parts=part) for sha, part in zip("abc", parts, strict=True)]

    assert suspicion(SEEDED, samples) == "2 answers of 3 with the same bytes, though each had a new seed"
    assert suspicion(SEEDED, samples[1:]) is None


def test_a_failed_answer_is_no_evidence() -> None:
    assert suspicion(SEEDED, [answered("a"), answered("a", ok=False)]) is None


@pytest.mark.parametrize("kind", ["text", "html", "empty"])
def test_a_text_may_be_the_same_each_time(kind: str) -> None:
    assert suspicion(SEEDED, [answered("a", kind), answered("a", kind)]) is None


@pytest.mark.parametrize(
    "request_fields",
    [
        {"payload": None, "method": "GET"},
        {"payload": {"image": "{image}"}},
        {"payload": {"seed": 42}},
        {"payload": {"prompt": "{{seed}}"}},
        {"payload": {"{seed}": "a key is never filled in"}},
    ],
    ids=["no body", "classifier", "fixed seed", "literal braces", "key"],
)
def test_nothing_is_said_where_no_seed_is_sent(request_fields: dict[str, Any]) -> None:
    assert suspicion(endpoint(**request_fields), [answered("a", "json"), answered("a", "json")]) is None


@pytest.mark.parametrize(
    "request_fields",
    [
        {"payload": {"a": [{"b": "{seed}"}]}},
        {"payload": None, "form": {"seed": "{seed}"}},
        {"payload": None, "query": {"seed": "s-{seed}"}},
        {"payload": None, "headers": {"X-Seed": "{seed}"}},
    ],
    ids=["payload", "form", "query", "headers"],
)
def test_a_seed_may_stand_anywhere_in_the_request(request_fields: dict[str, Any]) -> None:
    assert suspicion(endpoint(**request_fields), [answered("a"), answered("a")]) is not None


def test_nothing_is_said_where_equal_answers_are_right() -> None:
    twice = [answered("a"), answered("a")]

    assert suspicion(endpoint(expect=Expect(deterministic=True)), twice) is None
    assert suspicion(endpoint(expect=Expect(kind="image")), twice) is not None


@pytest.mark.parametrize(
    ("stream", "kind", "is_cache"),
    [
        ("openai", "text", True),
        ("sse", "text", False),
        ("ndjson", "text", False),
        ("ndjson", "json", False),
        ("bytes", "audio", True),
        ("bytes", "text", False),
    ],
)
def test_a_stream_may_say_the_same_each_time_but_not_under_the_same_id(
    stream: StreamForm, kind: str, is_cache: bool
) -> None:
    twice = [answered("a", kind), answered("a", kind)]

    assert (suspicion(endpoint(stream=stream), twice) is not None) == is_cache


@given(st.lists(st.floats(0.001, 1000), max_size=8))
def test_no_time_is_a_sign_of_a_cache(seconds: list[float]) -> None:
    samples = [answered(str(index), elapsed_sec=each) for index, each in enumerate(seconds)]

    assert suspicion(SEEDED, samples) is None
