from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from report_runs import HOSTILE, result, sample

from pytest_modal_bench.model import Media
from pytest_modal_bench.report.escape import width
from pytest_modal_bench.report.sections.answers import answers

ANY_TEXT = st.text() | st.text("|\\`*_~[](){}<>!#@$:;&-=.\n ab1") | st.sampled_from(HOSTILE[:-1])


def media(kind: Any = "image", **fields: Any) -> Media:
    return Media(**({"kind": kind, "size_bytes": 2048, "sha256": "aa"} | fields))


PICTURE = media(format="PNG", width=1024, height=768, frames=1, checked=True)


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()[2:]]


def is_a_table(shown: str, count: int) -> bool:
    lines = [row for row in shown.splitlines() if row.startswith("|")]
    straight = all(width(row) == width(following) for row, following in pairwise(lines))
    bars = {row.replace("\\|", "").count("|") for row in lines}
    return len(lines) == 2 + count and straight and len(bars) == 1


def test_each_answer_that_was_looked_at_has_a_row() -> None:
    film = media("video", format="MP4", width=64, height=48, frames=17, duration_sec=1.0625, checked=True)
    measured = result(media=PICTURE, samples=[sample(media=PICTURE), sample(media=PICTURE), sample()])

    assert rows(
        answers([measured, result("Wan", media=film, samples=[sample(media=film)]), result("None")])
    ) == [
        ["`flux`", "PNG", "1024 x 768", "1", "-", "2.0", "decoded whole (2 answers)"],
        ["`wan`", "MP4", "64 x 48", "17", "1.1", "2.0", "decoded whole (1 answer)"],
    ]


@pytest.mark.parametrize(
    ("of", "described", "checked"),
    [
        (
            media("other", unchecked="no decoder for these bytes"),
            "other",
            "unchecked: no decoder for these bytes",
        ),
        (media("text"), "text", "unchecked: nobody knows how"),
        (media(format="AVIF", unchecked="Pillow can't"), "AVIF", "unchecked: Pillow can't"),
    ],
)
def test_what_was_not_checked_says_why(of: Media, described: str, checked: str) -> None:
    assert rows(answers([result(media=of)])) == [["`flux`", described, "-", "-", "-", "2.0", checked]]


def test_media_in_json_have_a_row_with_what_they_have_in_common() -> None:
    body = media("json", format="JSON", checked=True)
    parts = (PICTURE, PICTURE, structs.replace(PICTURE, format="JPEG", width=512))
    measured = result(media=body, samples=[sample(media=body, parts=parts), sample(media=body, parts=parts)])
    doubtful = result(
        media=body, samples=[sample(media=body, parts=(media(unchecked="no decoder for HEIF"),))]
    )

    assert rows(answers([measured, doubtful])) == [
        ["`flux`", "2 PNG, 1 JPEG in JSON", "-", "1", "-", "2.0", "decoded whole (6 parts of 2 answers)"],
        ["`flux`", "1 image in JSON", "-", "-", "-", "2.0", "unchecked: no decoder for HEIF"],
    ]
    same = result(media=body, samples=[sample(media=body, parts=(PICTURE, PICTURE))])
    assert rows(answers([same]))[0][1:3] == ["2 PNG in JSON", "1024 x 768"]


def test_what_fetching_took_is_told_apart() -> None:
    body = media("json", format="JSON", checked=True)
    samples = [sample(media=body, parts=(PICTURE,), fetched_sec=took) for took in (0.5, 1.5, None, 2.5)]

    assert rows(answers([result(media=body, samples=samples)]))[0][-1] == (
        "decoded whole (4 parts of 4 answers), fetched in 1.5 s"
    )


def test_half_a_size_is_none() -> None:
    assert rows(answers([result(media=media(width=64))]))[0][2] == "-"


def test_an_answer_that_is_not_what_it_should_be_has_failed() -> None:
    failed = result(media=PICTURE, status="failed", cause="invalid_output", samples=[sample(ok=False)])

    assert rows(answers([failed]))[0][-1] == "failed"


def test_an_answer_whose_links_could_not_be_fetched_has_failed() -> None:
    page = media("json", checked=True)
    looked = sample(ok=False, media=page, fetched_sec=0.5, cause="timeout")

    assert (
        rows(answers([result(media=page, status="failed", cause="timeout", samples=[looked])]))[0][-1]
        == "failed"
    )


def test_no_answer_no_table() -> None:
    assert answers([result()]) == ""
    assert answers([]) == ""


def test_why_an_answer_was_not_checked_stands_in_full_below_the_table() -> None:
    why = "no decoder for these bytes, " + "which begin with 00" * 5
    shown = answers([result(media=media("other", unchecked=why))])

    assert rows(shown)[0][-1] == f"{f'unchecked: {why}'[:79]}…"
    assert shown.splitlines()[-1] == f"- `flux`: unchecked: {why}"


@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_text_from_outside_changes_no_table(texts: list[str]) -> None:
    looked = [result(id=raw, media=media("other", unchecked=raw, format=raw)) for raw in texts]

    assert is_a_table(answers(looked), len(texts))


def test_sound_has_its_sample_rate_and_its_seconds() -> None:
    sound = media("audio", format="WAV", sample_rate=24_000, duration_sec=3.5, checked=True)
    alone = result(media=sound, samples=[sample(media=sound)])
    wrapped = media("json", format="JSON", checked=True)
    inside = result(media=wrapped, samples=[sample(media=wrapped, parts=(sound, sound))])

    assert [cells[1:5] for cells in rows(answers([alone, inside]))] == [
        ["WAV of 24000 Hz", "-", "-", "3.5"],
        ["2 WAV of 24000 Hz in JSON", "-", "-", "3.5"],
    ]
