from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from pytest_modal_bench.local.workspace.faults import (
    AnyFault,
    Blank,
    Bomb,
    Drip,
    EdgeAnswer,
    HostileText,
    Kill,
    Large,
    Slow,
    TruncateMedia,
)

REQUIRED: dict[str, dict[str, object]] = {
    "edge": {"status": 429, "body": "slow down"},
    "large": {"bytes": 1000},
    "slow": {"load": 2.0},
    "costly": {"factor": 2.0},
}
"""What a kind of fault cannot be without."""
KINDS = {each.__struct_config__.tag: each for each in get_args(AnyFault)}


def read(kind: str, **fields: object) -> Any:
    return msgspec.convert({"kind": kind} | REQUIRED.get(kind, {}) | fields, AnyFault)


def test_scenarios_can_rely_on_the_names_of_the_kinds() -> None:
    assert len(KINDS) == len(get_args(AnyFault))
    assert KINDS.keys() == {
        *("redirect_loop", "held_redirects", "hang", "kill", "input_lost", "edge"),
        *("drip", "truncate", "large"),
        *("blank", "still", "truncate_media", "wrong_size", "html", "json_error", "empty", "bomb"),
        *("garbage", "echo", "hostile_text", "cached"),
        *("slow", "costly"),
        *("stream_error", "unfinished", "cut_event", "reset", "dies", "no_output", "unstreamed", "stall"),
        *("wrong_text", "few_tokens", "wrong_rate"),
        *("stuck", "job_fails", "no_id", "expired", "asking_fails", "null_result", "accepted"),
        *("cut_base64", "empty_list", "fewer", "html_inside", "dead_url", "null_image"),
        *("bad_crc", "empty_archive"),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_read_by_its_kind_and_goes_to_a_container_and_back_as_json(kind: str) -> None:
    fault = read(kind)

    assert type(fault) is KINDS[kind]
    assert msgspec.json.decode(msgspec.json.encode(fault), type=AnyFault) == fault


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_takes_a_field_that_it_does_not_know(kind: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `often`"):
        read(kind, often=3)


@pytest.mark.parametrize("kind", REQUIRED)
def test_what_a_kind_cannot_be_without_is_required(kind: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": kind}, AnyFault)


def test_what_a_scenario_leaves_out_has_a_default() -> None:
    assert (read("kill"), read("drip"), read("blank")) == (Kill(None), Drip(0.05), Blank(None))
    assert (read("truncate_media"), read("bomb")) == (TruncateMedia(0.5), Bomb(30_000))
    assert read("hostile_text") == HostileText(2_000)


def test_sizes_are_written_as_bytes() -> None:
    assert read("large", bytes=7) == Large(7)
    assert read("hostile_text", bytes=7) == HostileText(7)
    assert msgspec.to_builtins(Large(7)) == {"kind": "large", "bytes": 7}


@pytest.mark.parametrize(
    ("kind", "field", "within", "outside"),
    [
        ("kill", "times", (1, 9), (0, -1)),
        ("edge", "status", (200, 599), (199, 600)),
        ("drip", "interval", (0.001, 60.0), (0.0, -1.0)),
        ("large", "bytes", (1, 10**12), (0, -1)),
        ("blank", "frames", (1, 240), (0, 241)),
        ("truncate_media", "keep", (0.0, 0.99), (-0.1, 1.0)),
        ("bomb", "side", (1, 65_535), (0, 65_536)),
        ("hostile_text", "bytes", (1, 10_000_000), (0, 10_000_001)),
        ("slow", "load", (0.1, 50.0), (0.0, -2.0)),
        ("slow", "inference", (0.1, 50.0), (0.0, -2.0)),
        ("costly", "factor", (0.1, 50.0), (0.0, -2.0)),
        ("few_tokens", "tokens", (1, 9), (0, -1)),
    ],
)
def test_numbers_are_bounded(
    kind: str, field: str, within: tuple[float, float], outside: tuple[float, float]
) -> None:
    for value in within:
        assert msgspec.to_builtins(read(kind, **{field: value}))[field] == value
    for value in outside:
        with pytest.raises(msgspec.ValidationError, match=rf"at `\$\.{field}`"):
            read(kind, **{field: value})


@pytest.mark.parametrize("fields", [{}, {"load": 1.0}, {"load": 1.0, "inference": 1.0}])
def test_a_slow_path_that_is_as_fast_as_ever_is_a_mistake(fields: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError, match="needs a factor other than 1"):
        msgspec.convert({"kind": "slow"} | fields, AnyFault)
    assert msgspec.convert({"kind": "slow", "load": 0.5}, AnyFault) == Slow(load=0.5)


def test_faults_that_say_the_same_are_equal_and_cannot_be_changed() -> None:
    fault = EdgeAnswer(429, "slow down")

    assert fault == read("edge")
    with pytest.raises(AttributeError):
        fault.status = 200  # type: ignore[misc]
