from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.decoding.findings import Findings
from pytest_modal_bench.model import Decoded, Media, Preview

lines = st.none() | st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)


@pytest.mark.parametrize("field", ["unchecked", "problem"])
def test_what_was_decoded_whole_has_no_problem_and_no_reason_why_it_was_not(field: str) -> None:
    with pytest.raises(ValueError, match="contradict themselves"):
        Findings(kind="image", checked=True, **{field: "truncated"})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["unchecked", "problem"])
@pytest.mark.parametrize("text", ["two\nlines", "\x1b[31mred", "\0", "\u2028"])
def test_a_reason_is_one_printable_line(field: str, text: str) -> None:
    with pytest.raises(ValueError, match="can't be printed"):
        Findings(kind="image", **{field: text})  # type: ignore[arg-type]


@given(st.booleans(), lines, lines)
def test_findings_that_come_as_json_are_checked_like_any_others(
    checked: bool, unchecked: str | None, problem: str | None
) -> None:
    answered = Decoded(kind="image", checked=checked, unchecked=unchecked, problem=problem)
    answer = msgspec.json.encode(answered)

    if checked and (unchecked, problem) != (None, None):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(answer, type=Findings)
    else:
        found = msgspec.json.decode(answer, type=Findings)
        assert msgspec.structs.asdict(found) == {**msgspec.structs.asdict(answered), "preview": None}


def test_the_media_of_findings_have_all_their_fields_but_the_preview_and_size_and_hash_besides() -> None:
    found = Findings(
        kind="video",
        format="MP4",
        width=64,
        height=32,
        frames=17,
        duration_sec=1.1,
        blank=False,
        checked=True,
    )

    media = found.media(1234, "ab" * 32)

    assert isinstance(media, Media)
    known = msgspec.structs.asdict(found)
    del known["preview"]
    assert msgspec.structs.asdict(media) == {**known, "size_bytes": 1234, "sha256": "ab" * 32}


@pytest.mark.parametrize(
    ("preview", "why"),
    [
        (Preview(kind="image", frames=(b"GIF89a",)), "no WebP"),
        (Preview(kind="image", frames=(b"RIFF\0\0\0\0WAVE",)), "no WebP"),
        (Preview(kind="video", frames=(b"RIFF\0\0\0\0WEBP",) * 5), "too large"),
        (Preview(kind="image", frames=(b"RIFF\0\0\0\0WEBP" + bytes(1 << 16),)), "too large"),
        (Preview(kind="audio", peaks=(0.5,) * 121), "too large"),
        (Preview(kind="audio", peaks=(1.5,)), "full scale"),
        (Preview(kind="audio", peaks=(float("nan"),)), "full scale"),
        (Preview(kind="text", text="<script>"), "a text"),
        (Preview(kind="image", started_at="<script>"), "a text"),
    ],
)
def test_a_preview_is_small_and_webp_whoever_made_it(preview: Preview, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Findings(kind="image", preview=preview)
