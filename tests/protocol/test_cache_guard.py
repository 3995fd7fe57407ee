from __future__ import annotations

from typing import Any

import pytest
from report_runs import sample

from pytest_modal_bench.model import Media, Sample
from pytest_modal_bench.protocol.cache_guard import suspicion


def answered(sha: str, kind: Any = "image", **more: Any) -> Sample:
    return sample(media=Media(kind=kind, size_bytes=3, sha256=sha), **more)


def test_different_answers_in_similar_times_are_no_cache() -> None:
    assert (
        suspicion(
            [answered("a", elapsed_sec=1.0), answered("b", elapsed_sec=1.2), answered("c", elapsed_sec=0.8)]
        )
        is None
    )
    assert suspicion([]) is None


def test_the_same_bytes_for_another_seed_are_a_cache() -> None:
    assert suspicion([answered("a"), answered("b"), answered("a")]) == (
        "2 answers of 3 with the same bytes, though each had a new seed"
    )


@pytest.mark.parametrize("kind", ["text", "html", "empty"])
def test_a_text_may_be_the_same_each_time(kind: str) -> None:
    assert suspicion([answered("a", kind), answered("a", kind)]) is None


def test_a_time_that_no_work_takes_is_a_cache() -> None:
    samples = [sample(elapsed_sec=seconds) for seconds in (10.0, 0.05, 11.0)]
    assert suspicion(samples) == "a warm call took 0.05 s where the others took 10.5 s"


def test_a_cold_call_is_no_fellow_of_warm_ones() -> None:
    assert suspicion([sample("cold", 40.0), sample("first", 30.0), sample("warm", 2.0)]) is None


def test_two_times_say_nothing() -> None:
    assert suspicion([sample(elapsed_sec=0.05), sample(elapsed_sec=10.0)]) is None
