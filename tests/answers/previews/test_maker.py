from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import media_corpus
import pytest
import sound_corpus
from PIL import Image, ImageChops, ImageStat
from PIL.ImageOps import contain

from pytest_modal_bench.answers.decoding import decoder
from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.answers.previews import limits, thumbnails

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import Preview

SEVERAL = ("apng", "animated-webp", "animated-gif")
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector() as inspector:
        yield inspector


def preview_of(inspector: Inspector, body: bytes) -> Preview | None:
    media, preview = inspector.inspect_with_preview(body)
    assert media == inspector.inspect(body)
    return preview


def frames(preview: Preview | None) -> list[Image.Image]:
    assert preview is not None
    pictures = [Image.open(io.BytesIO(frame), formats=("WEBP",)) for frame in preview.frames]
    assert {picture.size for picture in pictures} == {(preview.width, preview.height)}
    return [on_white(picture) for picture in pictures]


def on_white(picture: Image.Image) -> Image.Image:
    shown = Image.new("RGBA", picture.size, "white")
    shown.alpha_composite(picture.convert("RGBA"))
    return shown.convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


@pytest.mark.parametrize("name", media_corpus.GOOD)
def test_every_kind_of_image_and_video_has_a_preview_that_shows_it(inspector: Inspector, name: str) -> None:
    shown = frames(preview_of(inspector, media_corpus.good(name)))
    is_film = name in SEVERAL or "mp4" in name or name in ("mov", "matroska") or "webm" in name

    assert len(shown) == (limits.FRAMES if is_film else 1)
    assert difference(shown[0], media_corpus.picture()) < 30
    if is_film:
        assert len({picture.tobytes() for picture in shown}) == limits.FRAMES


def test_a_video_is_shown_upright(inspector: Inspector) -> None:
    left_is_black = Image.new("RGB", (128, 64), "black")
    left_is_black.paste("white", (64, 0, 128, 64))
    whole = media_corpus.video("mp4", "libx264", [left_is_black] * 5)
    at = whole.index(b"tkhd") + 44  # the matrix (ISO/IEC 14496-12, section 8.3.2)
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    shown = frames(preview_of(inspector, whole[:at] + clockwise + whole[at + len(clockwise) :]))

    assert {picture.size for picture in shown} == {(64, 128)}
    assert all(max(ImageStat.Stat(picture.crop((0, 0, 64, 56))).mean) < 20 for picture in shown)
    assert all(min(ImageStat.Stat(picture.crop((0, 72, 64, 128))).mean) > 235 for picture in shown)


@pytest.mark.parametrize("name", sound_corpus.GOOD)
def test_every_kind_of_sound_has_its_peaks(inspector: Inspector, name: str) -> None:
    preview = preview_of(inspector, sound_corpus.good(name))

    assert preview is not None
    assert (preview.kind, preview.frames, preview.text) == ("audio", (), None)
    assert 40 <= len(preview.peaks) <= 120
    assert sorted(preview.peaks)[len(preview.peaks) // 2] == pytest.approx(0.3, abs=0.1)


def test_a_large_image_is_shown_small(inspector: Inspector) -> None:
    large = media_corpus.picture(300).resize((2000, 1000))
    (shown,) = frames(preview_of(inspector, media_corpus.still("JPEG", large)))

    assert shown.size == (192, 96)
    assert difference(shown, contain(large, (192, 96))) < 10


@pytest.mark.parametrize("name", media_corpus.BLANK)
def test_what_is_blank_is_shown_as_it_is(inspector: Inspector, name: str) -> None:
    assert all(
        max(ImageStat.Stat(shown).stddev) < 3
        for shown in frames(preview_of(inspector, media_corpus.blank(name)))
    )


@pytest.mark.parametrize(
    "body",
    [
        media_corpus.good("png")[:-30],
        media_corpus.good("mp4")[: len(media_corpus.good("mp4")) // 2],
        media_corpus.bomb_png(30_000),
        media_corpus.bomb_apng(20_001),
        sound_corpus.good("wav")[:-100],
        SVG,
        b"<!DOCTYPE html><p>fine",
        b'{"a": 1}',
        b"just text",
        sound_corpus.archive(),
    ],
    ids=["cut PNG", "cut MP4", "bomb", "bomb of frames", "cut sound", "SVG", "HTML", "JSON", "text", "ZIP"],
)
def test_what_is_no_whole_picture_and_no_whole_sound_has_none(inspector: Inspector, body: bytes) -> None:
    assert preview_of(inspector, body) is None


def test_a_preview_that_goes_wrong_leaves_the_findings_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    body = media_corpus.good("png")
    expected = decoder.decode(body, preview=False)
    monkeypatch.setattr(thumbnails, "small", lambda *_: 1 / 0)

    assert decoder.decode(body, preview=True) == expected
    assert expected.checked


def test_none_of_the_bytes_of_a_server_is_in_a_preview(inspector: Inspector) -> None:
    (frame,) = (preview_of(inspector, media_corpus.good("webp")) or pytest.fail("no preview")).frames
    body = media_corpus.good("webp")

    assert not any(body[at : at + 24] in frame for at in range(40, len(body) - 24, 8))
