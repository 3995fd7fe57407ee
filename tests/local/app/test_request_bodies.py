from __future__ import annotations

import base64
import io

import msgspec
import pytest
from PIL import Image
from pydantic import ValidationError

from pytest_modal_bench.local.app import codec, drawing, request_bodies
from pytest_modal_bench.local.workspace import apps as workspace

SMALL = {"width": 48, "height": 32}


def uri(data: bytes) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(data).decode()


PORTRAIT, MASK, CLIP = uri(drawing.portrait_png()), uri(drawing.mask_png()), uri(drawing.clip_mp4())
OTHER = uri(codec.png(drawing.paint("somebody else", 1, (512, 512))))

COMPLETE: dict[str, dict[str, object]] = {
    "picture": {"prompt": "a lake", **SMALL},
    "lora_picture": {"prompt": "a lake", "lora_id": "x", **SMALL},
    "face_picture": {"prompt": "a lake", "reference_image": PORTRAIT, **SMALL},
    "edit": {"instruction": "add rain", "source_image": PORTRAIT},
    "inpaint": {"prompt": "a hat", "source_image": PORTRAIT, "mask_image": MASK},
    "clip": {"prompt": "waves", "length": 3, **SMALL},
    "reference_clip": {"prompt": "waves", "length": 3, "reference_videos": [CLIP], **SMALL},
    "lora_clip": {"prompt": "waves", "length": 3, "lora_id": "x", **SMALL},
    "face_swap": {"source_video": CLIP, "reference_image": PORTRAIT},
    "upscale": {"video": CLIP, "resolution": 300},
}


def make(name: str, **changes: object) -> bytes:
    return request_bodies.BODIES[name].model_validate(COMPLETE[name] | changes).prepare()()


def size_and_frames(data: bytes) -> tuple[str | None, tuple[int, int], int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.format, image.size, getattr(image, "n_frames", 1)


def test_every_kind_of_body_is_tried_here() -> None:
    assert COMPLETE.keys() == request_bodies.BODIES.keys()


@pytest.mark.parametrize("name", COMPLETE)
def test_answers_depend_on_the_seed_and_on_nothing_else(name: str) -> None:
    assert make(name, seed=1) == make(name, seed=1, unknown="ignored")
    assert make(name, seed=1) != make(name, seed=2)


@pytest.mark.parametrize("name", ["picture", "lora_picture", "face_picture"])
def test_pictures_are_pngs_of_the_asked_size(name: str) -> None:
    assert size_and_frames(make(name)) == ("PNG", (48, 32), 1)


@pytest.mark.parametrize("name", ["clip", "reference_clip", "lora_clip"])
def test_clips_are_animated_webp_of_the_asked_length(name: str) -> None:
    assert size_and_frames(make(name, length=5)) == ("WEBP", (48, 32), 5)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("picture", {"prompt": "a hill"}),
        ("face_picture", {"reference_image": OTHER}),
        ("edit", {"source_image": OTHER}),
        ("edit", {"instruction": "add snow"}),
        ("inpaint", {"source_image": OTHER}),
        ("inpaint", {"mask_image": OTHER}),
        ("reference_clip", {"reference_videos": [CLIP, CLIP]}),
        ("face_swap", {"reference_image": OTHER}),
    ],
)
def test_inputs_are_used(name: str, changes: dict[str, object]) -> None:
    assert make(name, **changes) != make(name)


def test_an_inpainted_picture_changes_only_where_the_mask_is_white() -> None:
    result = codec.read_image(make("inpaint"), "result")
    source = drawing.portrait()
    left, top, right, bottom = drawing.FACE
    middle = ((left + right) // 2, (top + bottom) // 2)
    assert result.getpixel((5, 5)) == source.getpixel((5, 5))
    assert result.getpixel(middle) != source.getpixel(middle)


def test_a_face_swap_keeps_the_videos_size_and_length() -> None:
    frames = codec.read_video(make("face_swap"), "result")
    assert (len(frames), frames[0].width, frames[0].height) == (drawing.CLIP_FRAMES, 256, 256)


def test_upscaling_brings_the_shorter_side_to_the_resolution() -> None:
    wide = uri(codec.mp4([drawing.paint("wide", 1, (96, 64))] * 2, (96, 64), 8))
    frames = codec.read_video(make("upscale", video=wide, resolution=128), "result")
    assert (frames[0].width, frames[0].height) == (192, 128)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("picture", "prompt"),
        ("face_picture", "prompt"),
        ("face_picture", "reference_image"),
        ("edit", "instruction"),
        ("edit", "source_image"),
        ("inpaint", "prompt"),
        ("inpaint", "source_image"),
        ("inpaint", "mask_image"),
        ("clip", "prompt"),
        ("reference_clip", "prompt"),
        ("face_swap", "source_video"),
        ("face_swap", "reference_image"),
        ("upscale", "video"),
    ],
)
def test_a_missing_field_is_named(name: str, field: str) -> None:
    with pytest.raises(request_bodies.MissingFieldError, match=field):
        make(name, **{field: None})


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("face_picture", "reference_image", CLIP),
        ("edit", "source_image", "not base64!"),
        ("inpaint", "mask_image", uri(b"nothing")),
        ("face_swap", "source_video", PORTRAIT),
        ("upscale", "video", PORTRAIT),
        ("reference_clip", "reference_videos", [PORTRAIT]),
        ("reference_clip", "reference_videos", []),
        ("reference_clip", "reference_videos", [CLIP] * 4),
    ],
)
def test_a_bad_input_is_refused_by_the_name_of_its_field(name: str, field: str, value: object) -> None:
    with pytest.raises(codec.BadInputError, match=f"^{field} "):
        make(name, **{field: value})


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("picture", "width", 100_000),
        ("picture", "height", 0),
        ("clip", "length", 1000),
        ("clip", "fps", 0),
        ("upscale", "resolution", 100_000),
    ],
)
def test_sizes_are_bounded(name: str, field: str, value: int) -> None:
    with pytest.raises(ValidationError, match=field):
        make(name, **{field: value})


def test_only_lora_routes_ask_for_a_lora() -> None:
    asked = {name for name, kind in request_bodies.BODIES.items() if kind().lora is not None}
    assert asked == {"lora_picture", "lora_clip"}


def test_a_body_that_starts_from_an_image_or_a_video_knows_which() -> None:
    for name, kind in request_bodies.BODIES.items():
        body = kind.model_validate(
            {
                "reference_image": "data:;base64,aW1hZ2U=",
                "source_image": "data:;base64,aW1hZ2U=",
                "source_video": "data:;base64,dmlkZW8=",
                "reference_videos": ["data:;base64,dmlkZW8="],
                "video": "data:;base64,dmlkZW8=",
            }
        )
        endpoint = msgspec.convert({"body": name, "load": 1, "inference": 1}, workspace.Endpoint)
        assert (body.source is not None) == endpoint.takes_media
        if name in {"face_swap", "reference_clip", "upscale"}:
            assert body.source == "data:;base64,dmlkZW8="
