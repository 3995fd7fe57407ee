from __future__ import annotations

import pytest

from pytest_modal_bench.init.openapi.media import Where, is_file, kind_in_answer, placeholder, words

TEXT = {"type": "string"}
JSON = Where(form=False)
FORM = Where(form=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *[
            (name, "{image}")
            for name in ("image", "source_image", "initImage", "image_url", "reference_images", "img")
        ],
        *[(name, "{mask}") for name in ("mask", "mask_image", "image_mask", "maskUrl")],
        *[(name, "{video}") for name in ("video", "source_video", "video_url", "reference_videos")],
        *[(name, "{voice}") for name in ("audio", "audio_url", "voice_file", "speaker_wav", "inputAudio")],
        *[(name, "{image:base64}") for name in ("image_base64", "image_b64")],
        *[(name, "{lora}") for name in ("lora", "lora_id", "lora_name")],
        ("pdf_url", "{document}"),
    ],
)
def test_a_field_is_known_by_its_name(name: str, expected: str) -> None:
    assert placeholder((name,), TEXT, JSON) == expected


@pytest.mark.parametrize(
    "name",
    [
        "image_size",
        "image_prompt",
        "image_id",
        "video_length",
        "prompt",
        "url",
        "file",
        "voice",
        "speaker",
        "document",
    ],
)
def test_a_field_that_only_sounds_like_it_is_none(name: str) -> None:
    assert placeholder((name,), TEXT, JSON) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"type": "object"},
        {"type": "string", "enum": ["a", "b"]},
        {"type": "string", "default": "alpine:latest"},
        {"type": "string", "const": "x"},
    ],
)
def test_a_field_that_holds_something_else_is_none(schema: dict[str, object]) -> None:
    assert placeholder(("image",), schema, JSON) is None


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"format": "byte"}, "{image:base64}"),
        ({"contentEncoding": "base64"}, "{image:base64}"),
        ({"description": "The picture, base64-encoded"}, "{image:base64}"),
        ({"description": "Base64 or data URI"}, "{image}"),
        ({"examples": ["data:image/png;base64,iVBOR"]}, "{image}"),
        ({"examples": ["https://example.com/cat.png"]}, "{image}"),
        ({"default": ""}, "{image}"),
        ({"format": "uri"}, "{image}"),
    ],
)
def test_the_schema_tells_how_a_file_is_written(schema: dict[str, object], expected: str) -> None:
    assert placeholder(("image",), {**TEXT, **schema}, JSON) == expected


def test_an_example_that_is_a_data_uri_tells_what_the_field_holds() -> None:
    assert placeholder(("subject",), {**TEXT, "example": "data:video/mp4;base64,AA"}, JSON) == "{video}"
    assert placeholder(("subject",), {**TEXT, "example": "data:font/otf;base64,AA"}, JSON) is None


@pytest.mark.parametrize("schema", [{"format": "binary"}, {"contentMediaType": "application/octet-stream"}])
def test_a_file_of_a_form_is_its_bytes(schema: dict[str, object]) -> None:
    assert placeholder(("image",), {**TEXT, **schema}, FORM) == "{image:bytes}"
    assert placeholder(("image", "inner"), {**TEXT, **schema, "title": "image"}, FORM) != "{image:bytes}"


@pytest.mark.parametrize(
    ("words", "schema", "expected"),
    [
        ({"resize", "image"}, {}, "{image:bytes}"),
        ({"transcribe"}, {}, "{voice:bytes}"),
        ({"anything"}, {}, "{file:bytes}"),
        ({"anything"}, {"contentMediaType": "image/png"}, "{image:bytes}"),
        ({"anything"}, {"contentMediaType": "application/pdf"}, "{document:bytes}"),
    ],
)
def test_bytes_without_a_name_are_what_the_route_is_about(
    words: set[str], schema: dict[str, object], expected: str
) -> None:
    assert (
        placeholder(("file",), {**TEXT, "format": "binary", **schema}, Where(form=True, words=words))
        == expected
    )


def test_json_in_a_text_is_no_file() -> None:
    assert placeholder(("options",), {**TEXT, "contentMediaType": "application/json"}, FORM) is None


def test_a_field_that_says_only_how_a_file_comes_is_what_it_is_in() -> None:
    assert placeholder(("image_url", "url"), TEXT, JSON) == "{image}"
    assert placeholder(("server", "url"), TEXT, JSON) is None


def test_media_in_an_answer_are_known_the_same_way() -> None:
    assert kind_in_answer(("images", "data"), TEXT) == "image"
    assert kind_in_answer(("audio", "b64_json"), TEXT) == "audio"
    assert kind_in_answer(("name",), TEXT) is None
    assert kind_in_answer(("image",), {"type": "integer"}) is None


def test_names_are_taken_apart() -> None:
    assert words("sourceImage_url-2") == ["source", "image", "url", "2"]
    assert words("imageURL") == ["image", "url"]


def test_only_files_are_files() -> None:
    assert is_file("{image:base64}")
    assert not is_file("{seed} and {lora}")
