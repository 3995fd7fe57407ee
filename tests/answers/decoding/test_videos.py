from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import media_corpus
import pytest
from media_corpus import FPS, FRAMES, SIDE

from pytest_modal_bench.answers.decoding import limits, videos
from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model.formats import Format

FORMATS = {
    "mp4": formats.MP4,
    "fragmented-mp4": formats.MP4,
    "mov": formats.MOV,
    "webm": formats.WEBM,
    "vp9-webm": formats.WEBM,
    "live-webm": formats.WEBM,
    "matroska": formats.MATROSKA,
}


def decode(data: bytes, form: Format) -> Findings:
    return videos.decode(io.BytesIO(data), form)


@pytest.mark.parametrize("name", FORMATS)
def test_every_frame_of_a_video_is_decoded_and_counted(name: str) -> None:
    found = decode(media_corpus.good(name), FORMATS[name])

    assert (found.kind, found.format, found.checked) == ("video", FORMATS[name].name, True)
    assert (found.width, found.height, found.frames, found.blank) == (SIDE, SIDE, FRAMES, False)
    assert found.duration_sec == pytest.approx(FRAMES / FPS, abs=0.001)


def test_a_video_of_one_frame_lasts_for_that_frame() -> None:
    found = decode(media_corpus.video("mp4", "libx264", media_corpus.film(1)), formats.MP4)

    assert found.frames == 1
    assert found.duration_sec == pytest.approx(1 / FPS, abs=0.001)


def test_a_video_is_blank_only_if_every_frame_is() -> None:
    black = [media_corpus.flat()] * 5

    assert decode(media_corpus.video("mp4", "libx264", black), formats.MP4).blank
    for frames in ([media_corpus.picture(), *black], [*black, media_corpus.picture()]):
        assert not decode(media_corpus.video("mp4", "libx264", frames), formats.MP4).blank


def test_small_structure_in_a_large_frame_is_seen() -> None:
    frame = media_corpus.flat(side=1024)
    frame.paste(media_corpus.picture(), (480, 480))

    assert not decode(media_corpus.video("mp4", "libx264", [frame]), formats.MP4).blank


@pytest.mark.parametrize(("name", "form"), [("mp4", formats.WEBM), ("webm", formats.MP4)])
def test_bytes_of_another_container_are_not_decoded_as_the_one_that_was_named(
    name: str, form: Format
) -> None:
    with pytest.raises(Unusable):
        decode(media_corpus.good(name), form)


def test_a_playlist_in_place_of_a_video_opens_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(media_corpus.good("mp4"))
    playlist = f"ffconcat version 1.0\nfile '{tmp_path / 'film.mp4'}'\n".encode()

    for form in (formats.MP4, formats.WEBM):
        with pytest.raises(Unusable, match=r"^can't be decoded: "):
            decode(playlist, form)


def test_a_video_over_a_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FRAMES", FRAMES - 1)
    with pytest.raises(Unusable, match=rf"^too many frames: {FRAMES}, "):
        decode(media_corpus.good("mp4"), formats.MP4)
    with pytest.raises(
        Unusable, match=rf"^too many frames: {FRAMES}, "
    ):  # no head declares how many there are
        decode(media_corpus.good("live-webm"), formats.WEBM)


def test_pixels_of_all_frames_together_are_counted_against_the_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_PIXELS", 3 * SIDE * SIDE)
    with pytest.raises(Unusable, match=rf"^too many pixels: 4 frames of {SIDE} x {SIDE}$"):
        decode(media_corpus.good("live-webm"), formats.WEBM)


def test_damaged_frames_are_not_patched_up() -> None:
    whole = media_corpus.good("mp4")
    start, end = len(whole) // 4, len(whole) // 2

    with pytest.raises(Unusable, match=r"^can't be decoded: |^corrupt: frame "):
        decode(whole[:start] + bytes(end - start) + whole[end:], formats.MP4)


def test_sound_alone_is_decoded_as_sound() -> None:
    found = decode(media_corpus.sound(), formats.MP4)

    assert (found.kind, found.frames, found.sample_rate, found.checked) == ("audio", None, 48000, True)


def test_a_codec_that_generators_do_not_write_is_undecodable_and_named() -> None:
    with pytest.raises(Undecodable, match=r"^no decoder for MATROSKA with the codec ffv1$"):
        decode(media_corpus.video("matroska", "ffv1"), formats.MATROSKA)


def test_without_pyav_a_video_is_undecodable_and_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(Undecodable, match=r"^WEBM is not decoded without the extra `video`: pip install "):
        decode(media_corpus.good("webm"), formats.WEBM)
