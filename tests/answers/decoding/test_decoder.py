from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING

import media_corpus
import pytest
from media_corpus import FPS, FRAMES, SIDE

from pytest_modal_bench.answers.decoding.decoder import decode
from pytest_modal_bench.answers.decoding.findings import Findings
from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from PIL import Image

STILLS = {
    "png": "PNG",
    "jpeg": "JPEG",
    "progressive-jpeg": "JPEG",
    "webp": "WEBP",
    "lossless-webp": "WEBP",
    "gif": "GIF",
    "bmp": "BMP",
    "tiff": "TIFF",
    "avif": "AVIF",
}
ANIMATIONS = {"apng": "PNG", "animated-webp": "WEBP", "animated-gif": "GIF"}
VIDEOS = {
    "mp4": "MP4",
    "fragmented-mp4": "MP4",
    "mov": "MOV",
    "webm": "WEBM",
    "vp9-webm": "WEBM",
    "live-webm": "WEBM",
    "matroska": "MATROSKA",
}
CUTS = (0.2, 0.5, 0.8, 0.97)


@pytest.mark.parametrize("name", STILLS)
def test_a_still_image_is_one_frame_without_a_duration(name: str) -> None:
    assert decode(media_corpus.good(name)) == Findings(
        kind="image", format=STILLS[name], width=SIDE, height=SIDE, frames=1, blank=False, checked=True
    )


@pytest.mark.parametrize("name", ANIMATIONS)
def test_an_animation_is_an_image_with_all_its_frames_and_their_duration(name: str) -> None:
    found = decode(media_corpus.good(name))

    assert (found.kind, found.format, found.checked) == ("image", ANIMATIONS[name], True)
    assert (found.width, found.height, found.frames, found.blank) == (SIDE, SIDE, FRAMES, False)
    assert found.duration_sec == pytest.approx(FRAMES / FPS, abs=FRAMES * 0.005)


@pytest.mark.parametrize("name", VIDEOS)
def test_a_video_has_the_frames_and_the_duration_that_decoding_finds(name: str) -> None:
    found = decode(media_corpus.good(name))

    assert (found.kind, found.format, found.checked) == ("video", VIDEOS[name], True)
    assert (found.width, found.height, found.frames, found.blank) == (SIDE, SIDE, FRAMES, False)
    assert found.duration_sec == pytest.approx(FRAMES / FPS, abs=0.001)


@pytest.mark.parametrize("name", media_corpus.GOOD)
def test_what_is_cut_off_anywhere_is_told(name: str) -> None:
    whole = media_corpus.good(name)
    for length in (*(int(len(whole) * cut) for cut in CUTS), len(whole) - 12, len(whole) - 2, len(whole) - 1):
        found = decode(whole[:length])

        assert found.problem is not None, f"{length} of {len(whole)} bytes"
        assert "truncated" in found.problem
        assert not found.checked


@pytest.mark.parametrize("name", ["png", "webp", "mp4", "webm"])
def test_no_beginning_of_a_file_passes_for_the_whole(name: str) -> None:
    whole = media_corpus.good(name)
    for length in range(1, len(whole) - 1, max(1, len(whole) // 200)):
        found = decode(whole[:length])

        assert found.kind in ("text", "other") or not found.checked, f"{length} of {len(whole)} bytes"


@pytest.mark.parametrize("name", media_corpus.BLANK)
def test_what_shows_nothing_is_blank(name: str) -> None:
    found = decode(media_corpus.blank(name))

    assert (found.checked, found.blank) == (True, True)


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_one_frame_that_shows_something_makes_a_video_not_blank(container: str) -> None:
    frames: list[Image.Image] = [media_corpus.flat()] * 32 + [media_corpus.picture()]

    found = decode(media_corpus.video(container, "libx264" if container == "mp4" else "libvpx", frames))

    assert (found.frames, found.blank) == (33, False)


@pytest.mark.parametrize("name", ["PNG", "GIF", "JPEG", "WEBP", "MP4", "WEBM", "HTML"])
def test_a_polyglot_is_what_it_begins_as(name: str) -> None:
    found = decode(media_corpus.polyglots()[name])

    assert (found.format, found.checked, found.problem) == (name, True, None)


def test_a_changed_byte_in_a_png_is_told_by_its_checksum() -> None:
    whole = media_corpus.good("png")
    middle = len(whole) // 2

    found = decode(whole[:middle] + bytes((whole[middle] ^ 1,)) + whole[middle + 1 :])

    assert found.problem == "corrupt: a wrong checksum, 33 bytes in"


def test_an_animation_with_fewer_frames_than_it_declares_is_truncated() -> None:
    problem = decode(media_corpus.bomb_apng(5)).problem

    assert problem is not None
    assert "truncated" in problem.lower()


def test_a_huge_number_of_frames_is_not_decoded() -> None:
    problem = "too many frames: 4000000, where 20000 are decoded at most"

    assert decode(media_corpus.bomb_apng(4_000_000)).problem == problem


def test_what_is_not_a_picture_after_its_first_bytes_is_told_without_an_address_in_memory() -> None:
    assert decode(b"II*\0" + bytes(100)).problem == "not a readable TIFF"


@pytest.mark.parametrize("data", media_corpus.random_files())
def test_random_bytes_are_something_else_and_unchecked(data: bytes) -> None:
    assert decode(data) == Findings(kind="other", unchecked="no decoder for these bytes")


def test_videos_are_unchecked_without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)

    found = decode(media_corpus.good("mp4"))

    assert (found.kind, found.format, found.checked, found.problem) == ("video", "MP4", False, None)
    assert found.unchecked == (
        "MP4 is not decoded without the extra `video`: pip install 'pytest-modal-bench[video]'"
    )


def test_a_truncated_video_is_told_without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)

    assert decode(media_corpus.good("mp4")[:-100]).problem == "truncated: the box moov is cut off"


def test_avif_is_unchecked_where_pillow_was_built_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda _name: False)

    found = decode(media_corpus.good("avif"))

    assert (found.kind, found.checked, found.unchecked) == ("image", False, "no decoder for AVIF")


def test_heif_is_an_image_that_is_not_decoded() -> None:
    found = decode(b"\0\0\0\x14ftypheic\0\0\0\0mif1" + bytes(40))

    assert (found.kind, found.format, found.unchecked) == ("image", "HEIF", "no decoder for HEIF")


def test_a_codec_that_generators_do_not_write_is_unchecked() -> None:
    found = decode(media_corpus.video("matroska", "ffv1"))

    assert (found.kind, found.checked, found.problem) == ("video", False, None)
    assert found.unchecked == "no decoder for MATROSKA with the codec ffv1"


def test_an_mp4_without_pictures_is_sound() -> None:
    found = decode(media_corpus.sound())

    assert (found.kind, found.format, found.checked, found.blank) == ("audio", "MP4", True, True)


def test_a_jpeg_with_further_pictures_is_one_still_image() -> None:
    found = decode(media_corpus.animation("MPO", media_corpus.film(3)))

    assert (found.format, found.frames, found.checked) == ("JPEG", 1, True)


def test_the_pages_of_a_tiff_are_frames_without_a_duration() -> None:
    found = decode(media_corpus.animation("TIFF", media_corpus.film(3)))

    assert (found.frames, found.duration_sec) == (3, None)


def test_frames_without_a_duration_take_what_browsers_give_them() -> None:
    found = decode(media_corpus.still("GIF", save_all=True, append_images=media_corpus.film(3)[1:]))

    assert found.duration_sec == pytest.approx(0.3)


def test_a_video_that_is_to_be_shown_on_its_side_has_the_size_that_is_shown() -> None:
    whole = media_corpus.video("mp4", "libx264", [each.crop((0, 0, 64, 32)) for each in media_corpus.film()])
    at = whole.index(b"tkhd") + 44  # the matrix (ISO/IEC 14496-12, section 8.3.2)
    quarter_turn = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)

    found = decode(whole[:at] + quarter_turn + whole[at + len(quarter_turn) :])

    assert (found.checked, found.width, found.height) == (True, 32, 64)


def test_every_format_has_a_media_type() -> None:
    assert all(form.media_types for form in formats.ALL)


def test_pixels_that_are_not_there_are_missed_though_the_file_has_its_end() -> None:
    problem = decode(media_corpus.bomb_png(100)).problem

    assert problem is not None
    assert "truncated" in problem


@pytest.mark.parametrize(
    "name", ["webm", "vp9-webm", "live-webm", "matroska", "mp4", "animated-webp", "apng"]
)
def test_a_hole_in_the_middle_is_told(name: str) -> None:
    whole = media_corpus.good(name)
    start, end = len(whole) // 4, len(whole) // 2

    found = decode(whole[:start] + bytes(end - start) + whole[end:])

    assert found.problem is not None
    assert not found.checked
