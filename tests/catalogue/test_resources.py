"""Test image, video and mask: found, checked, named as missing, converted, and written."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_modal_bench.catalogue import ResourcePaths, resources
from pytest_modal_bench.catalogue.resources import ResourceError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import Need

MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00"
WEBM = b"\x1aE\xdf\xa3\x93B\x82\x84webmB\x87\x81\x04"
MATROSKA = b"\x1aE\xdf\xa3\x93B\x82\x88matroskaB\x87\x81\x04"


def picture(kind: str = "PNG", size: tuple[int, int] = (4, 4), colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def animation(
    count: int = 5, size: tuple[int, int] = (34, 20), duration: int | list[int] = 100, mode: str = "RGB"
) -> bytes:
    frames = [Image.effect_noise(size, 90 + number).convert(mode) for number in range(count)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=duration)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_the_media_type_of_an_image_follows_from_its_bytes(
    tmp_path: Path, kind: str, media_type: str
) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(picture(kind))
    image = resources.find(ResourcePaths(image=path))["image"]
    assert image is not None
    assert (image.data, image.media_type, image.name) == (picture(kind), media_type, "misnamed.txt")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (MP4, "video/mp4"),
        (MP4.replace(b"isom", b"qt  "), "video/quicktime"),
        (WEBM, "video/webm"),
        (MATROSKA, "video/matroska"),
    ],
)
def test_the_media_type_of_a_video_follows_from_its_bytes(data: bytes, media_type: str) -> None:
    assert resources.from_bytes("video", data).media_type == media_type


def test_bytes_without_a_file_are_named_by_what_they_are() -> None:
    assert resources.from_bytes("image", picture("JPEG")).name == "image.jpeg"
    assert resources.from_bytes("video", MP4).name == "video.mp4"


@pytest.mark.parametrize("data", [b"", b"text", picture(), picture("WEBP"), MP4.replace(b"isom", b"avif")])
def test_what_is_no_video_is_refused(data: bytes) -> None:
    with pytest.raises(ResourceError, match=r"^is not an MP4 or WebM video$"):
        resources.from_bytes("video", data)


@pytest.mark.parametrize(
    "data", [b"", b"text", picture(size=(90, 90))[:-40], MP4, b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
@pytest.mark.parametrize("need", ["image", "mask"])
def test_what_can_not_be_decoded_is_no_image(need: str, data: bytes) -> None:
    with pytest.raises(ResourceError, match=r"^is not an image$"):
        resources.from_bytes(need, data)


def test_an_image_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for size in [(11, 10), (30, 30)]:
        with pytest.raises(ResourceError, match=r"^has too many pixels$"):
            resources.from_bytes("image", picture(size=size))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_resource_or_refused_in_one_line(data: bytes) -> None:
    for need in ("image", "video", "mask"):
        try:
            resource = resources.from_bytes(need, data)
        except ResourceError as error:
            assert str(error).isprintable()  # noqa: PT017
        else:
            assert resource.data == data


def test_what_is_not_there_is_none_and_the_reason_is_known(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("text")
    paths = ResourcePaths(image=tmp_path / "text.png", video=tmp_path / "none.mp4")
    assert resources.find(paths) == {"image": None, "video": None, "mask": None}
    assert resources.reasons(paths) == {
        "image": f"{tmp_path / 'text.png'}: is not an image",
        "video": f"{tmp_path / 'none.mp4'}: no such file",
        "mask": "the catalogue names no mask under [resources]",
    }
    assert (
        resources.reasons(ResourcePaths(mask=tmp_path))["mask"]
        == f"{tmp_path}: can't be read: Is a directory"
    )


def test_the_image_is_no_mask_for_itself(tmp_path: Path) -> None:
    image, mask = tmp_path / "image.png", tmp_path / "mask.png"
    image.write_bytes(picture())
    mask.write_bytes(picture())
    paths = ResourcePaths(image=image, mask=mask)
    assert resources.find(paths)["mask"] is None
    assert resources.reasons(paths)["mask"] == "mask.png: is the test image itself, not a mask for it"
    mask.write_bytes(picture(colour="white"))
    assert resources.find(paths)["mask"] is not None


@pytest.mark.parametrize(
    ("needs", "have", "expected"),
    [
        ((), {}, None),
        (("image", "lora"), {"image": b"", "lora": "id"}, None),
        (("image",), {}, "Missing: test image"),
        (("video",), {"video": None}, "Missing: test video"),
        (("mask",), {"image": b""}, "Missing: test mask"),
        (("lora",), {}, "Missing: LoRA file"),
        (("video", "image"), {"image": b""}, "Missing: test video"),
        (
            ("lora", "mask", "video", "image", "lora"),
            {},
            "Missing: test image, test video, test mask, LoRA file",
        ),
    ],
)
def test_what_is_missing_is_said_in_the_words_of_the_report(
    needs: tuple[Need, ...], have: dict[str, object], expected: str | None
) -> None:
    assert resources.missing_reason(needs, have) == expected


def decoded(data: bytes) -> tuple[str, str | None, tuple[int, int], int, float]:
    with av.open(io.BytesIO(data), "r") as container:
        [stream] = container.streams.video
        assert stream.average_rate is not None
        rate = float(stream.average_rate)
        frames = list(container.decode(stream))
        return (
            stream.codec_context.name,
            stream.codec_context.pix_fmt,
            (frames[0].width, frames[0].height),
            len(frames),
            rate,
        )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_an_animated_webp_becomes_an_mp4_with_its_own_timing(mode: str) -> None:
    data = resources.webp_to_mp4(animation(duration=[50, 60, 70, 80, 90], mode=mode))
    assert resources.from_bytes("video", data).media_type == "video/mp4"
    codec, pixels, size, count, rate = decoded(data)
    assert (codec, pixels, size, count) == ("h264", "yuv420p", (34, 20), 5)
    assert rate == pytest.approx(5 / 0.350, rel=0.01)


@pytest.mark.parametrize(("fps", "rate"), [(16.0, 16.0), (23.976, 23.976), (0.5, 0.5), (None, 10.0)])
def test_frames_per_second_can_be_given_and_without_any_timing_are_ten(
    fps: float | None, rate: float
) -> None:
    data = animation(duration=0)
    assert decoded(resources.webp_to_mp4(data, fps))[4] == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize(("size", "even"), [((33, 21), (34, 22)), ((1, 1), (2, 2)), ((65, 48), (66, 48))])
def test_odd_sizes_are_made_even(size: tuple[int, int], even: tuple[int, int]) -> None:
    assert decoded(resources.webp_to_mp4(animation(size=size)))[2] == even


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not an animated WebP"),
        (b"<html>", "is not an animated WebP"),
        (picture("PNG"), "is not an animated WebP"),
        (animation()[:-80], "is not an animated WebP"),
        (picture("WEBP"), "is a still image, not an animated WebP"),
    ],
)
def test_what_is_no_animation_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ResourceError) as caught:
        resources.webp_to_mp4(data)
    assert str(caught.value) == message


def test_an_animation_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_MAX_CONVERTED_PIXELS", 5 * 34 * 20 - 1)
    with pytest.raises(ResourceError, match=r"^is too large: 5 frames of 34 x 20 pixels$"):
        resources.webp_to_mp4(animation())


@pytest.mark.parametrize("fps", [0, -1, 1e9, float("nan"), float("inf")])
def test_frames_per_second_have_bounds(fps: float) -> None:
    with pytest.raises(ResourceError, match=r"^expected 0.001 to 1000 frames per second, got "):
        resources.webp_to_mp4(animation(), fps)


def test_without_pyav_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ResourceError) as caught:
        resources.webp_to_mp4(animation())
    expected = "turning WebP into MP4 needs the extra `video`: pip install 'pytest-modal-bench[video]'"
    assert str(caught.value) == expected


def test_what_is_supplied_serves_unless_it_cannot() -> None:
    portrait, clip = picture(), MP4
    found, told = resources.supplied({"image": portrait, "video": clip, "mask": portrait}, {})

    assert set(found) == {"image", "video"}
    assert told == ["test mask: mask.png: is the test image itself, not a mask for it"]
    own = {"video": found["video"]}
    assert resources.supplied({"video": portrait}, own) == ({"video": found["video"]}, [])
    assert resources.supplied({"video": portrait}, {}) == ({}, ["test video: is not an MP4 or WebM video"])


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04\0\0\0\0\0\0", "audio/mpeg"),
        (picture(), "image/png"),
        (MP4, "video/mp4"),
        (b"PK\x03\x04", "application/zip"),
        ("Grüße".encode(), "text/plain"),
        (b"\0\xff", "application/octet-stream"),
    ],
)
def test_a_resource_of_any_other_name_has_the_type_of_its_bytes(data: bytes, media_type: str) -> None:
    assert resources.from_bytes("voice", data, "voice.bin").media_type == media_type


def test_a_resource_of_any_other_name_is_found_or_missing_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "voice.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    (tmp_path / "empty").touch()
    paths = ResourcePaths(
        others={"voice": tmp_path / "voice.wav", "song": tmp_path / "song.mp3", "nothing": tmp_path / "empty"}
    )
    found = resources.find(paths)
    assert found["voice"] is not None
    assert found["voice"].name == "voice.wav"
    assert resources.missing_reason(("song", "voice", "image", "nothing"), found) == (
        "Missing: test image, song, nothing"
    )
    assert resources.reasons(paths)["song"] == f"{tmp_path / 'song.mp3'}: no such file"
    assert resources.reasons(paths)["nothing"] == f"{tmp_path / 'empty'}: is empty"
