from __future__ import annotations

import io
from typing import TYPE_CHECKING

import media_corpus
import pytest
from media_corpus import FPS, FRAMES, SIDE
from PIL import Image, features

from pytest_modal_bench.answers.decoding import images, limits
from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from pytest_modal_bench.model.formats import Format

FORMATS = {
    "png": formats.PNG,
    "jpeg": formats.JPEG,
    "webp": formats.WEBP,
    "gif": formats.GIF,
    "bmp": formats.BMP,
    "tiff": formats.TIFF,
    "avif": formats.AVIF,
}
ANIMATED = {"apng": formats.PNG, "animated-webp": formats.WEBP, "animated-gif": formats.GIF}


def decode(data: bytes, form: Format) -> Findings:
    return images.decode(io.BytesIO(data), form)


def animated(form: str, *frames: Image.Image, **options: object) -> bytes:
    return media_corpus.animation(form, frames, **options)


@pytest.mark.parametrize("name", FORMATS)
def test_a_still_image_has_one_frame_and_no_duration(name: str) -> None:
    assert decode(media_corpus.good(name), FORMATS[name]) == Findings(
        kind="image",
        format=FORMATS[name].name,
        width=SIDE,
        height=SIDE,
        frames=1,
        blank=False,
        checked=True,
    )


@pytest.mark.parametrize("name", ANIMATED)
def test_an_animation_lasts_as_long_as_its_frames(name: str) -> None:
    found = decode(media_corpus.good(name), ANIMATED[name])

    assert found.frames == FRAMES
    assert found.duration_sec == pytest.approx(FRAMES / FPS, abs=FRAMES * 0.005)


def test_an_image_keeps_its_own_width_and_height() -> None:
    found = decode(media_corpus.still("PNG", media_corpus.picture().crop((0, 0, 40, 24))), formats.PNG)

    assert (found.width, found.height) == (40, 24)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_an_animation_is_blank_only_if_every_frame_is(form: str) -> None:
    shades = media_corpus.shades()
    known = FORMATS[form.lower()]

    assert decode(animated(form, *shades), known).blank
    assert not decode(animated(form, *shades, media_corpus.picture()), known).blank
    assert not decode(animated(form, media_corpus.picture(), *shades), known).blank


def test_bytes_of_another_format_are_not_decoded_as_the_one_that_was_named() -> None:
    with pytest.raises(Unusable, match=r"^not a readable WEBP$"):
        decode(media_corpus.good("png"), formats.WEBP)


def test_only_the_first_picture_of_a_jpeg_is_looked_at() -> None:
    several = animated("MPO", media_corpus.flat(), media_corpus.picture())

    found = decode(several, formats.JPEG)

    assert (found.frames, found.blank, found.duration_sec) == (1, True, None)


def test_pages_have_no_duration() -> None:
    found = decode(animated("TIFF", media_corpus.picture(), media_corpus.picture(seed=1)), formats.TIFF)

    assert (found.frames, found.duration_sec) == (2, None)


def test_an_animation_without_its_last_frames_is_not_read() -> None:
    with pytest.raises(OSError, match="Truncated"):
        decode(media_corpus.bomb_apng(5), formats.PNG)


def test_an_image_over_a_limit_is_refused_by_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as in the decoding process
    with pytest.raises(Unusable, match=r"^too many pixels: 60000 x 60000$"):
        decode(media_corpus.bomb_png(60_000), formats.PNG)
    with pytest.raises(Unusable, match=r"^too many frames: 20001, "):
        decode(media_corpus.bomb_apng(20_001), formats.PNG)


def test_frames_that_no_head_declares_are_counted_against_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FRAMES", FRAMES - 1)
    with pytest.raises(Unusable, match=rf"^too many frames: {FRAMES}, "):
        decode(media_corpus.good("animated-gif"), formats.GIF)


def test_pixels_of_all_frames_together_are_counted_against_the_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_PIXELS", 3 * SIDE * SIDE)
    with pytest.raises(Unusable, match=rf"^too many pixels: 4 frames of {SIDE} x {SIDE}$"):
        decode(media_corpus.good("animated-gif"), formats.GIF)


def test_pages_of_different_sizes_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = (media_corpus.picture(), media_corpus.picture(seed=1), media_corpus.picture(16))
    data = animated("TIFF", *pages)
    monkeypatch.setattr(limits, "MAX_PIXELS", 2 * SIDE * SIDE + 16 * 16)
    assert decode(data, formats.TIFF).frames == 3

    monkeypatch.setattr(limits, "MAX_PIXELS", 2 * SIDE * SIDE)
    with pytest.raises(Unusable, match=rf"^too many pixels: more than {2 * SIDE * SIDE} in 3 frames$"):
        decode(data, formats.TIFF)


def test_heif_and_avif_without_a_decoder_are_undecodable_and_not_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Undecodable, match=r"^no decoder for HEIF$"):
        decode(b"", formats.HEIF)
    monkeypatch.setattr(features, "check", lambda _name: False)
    with pytest.raises(Undecodable, match=r"^no decoder for AVIF$"):
        decode(media_corpus.good("avif"), formats.AVIF)
