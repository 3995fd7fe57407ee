from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from pytest_modal_bench.answers.expectation import note, problem, unchecked, unchecked_fields
from pytest_modal_bench.model import Expect, Media

STILL = Media(
    kind="image",
    format="PNG",
    size_bytes=1000,
    sha256="5" * 64,
    width=512,
    height=512,
    frames=1,
    blank=False,
    checked=True,
)
ANIMATION = structs.replace(STILL, format="WEBP", frames=17, duration_sec=1.054)
FILM = structs.replace(STILL, kind="video", format="MP4", frames=33, duration_sec=2.0625)
UNCHECKED_FILM = Media(kind="video", format="MP4", size_bytes=9, sha256="6" * 64, unchecked="no PyAV")
OTHER = Media(kind="other", size_bytes=9, sha256="7" * 64, unchecked="no decoder for these bytes")


def document(kind: Any, size_bytes: int = 9) -> Media:
    form = {"json": "JSON", "html": "HTML"}.get(kind)
    return Media(kind=kind, format=form, size_bytes=size_bytes, sha256="8" * 64, checked=True)


@pytest.mark.parametrize("media", [STILL, ANIMATION, FILM, UNCHECKED_FILM, OTHER, document("text")])
def test_without_expectations_an_answer_may_be_any_media_or_text(media: Media) -> None:
    assert problem(media, None) is None
    assert problem(media, Expect()) is None


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (document("empty", 0), "empty: not one byte"),
        (
            structs.replace(STILL, checked=False, problem="truncated: ends before the chunk IEND"),
            "truncated: ends before the chunk IEND",
        ),
        (structs.replace(STILL, blank=True), "blank: every pixel of it is (almost) the same colour"),
        (
            structs.replace(FILM, blank=True),
            "blank: every pixel of all 33 frames is (almost) the same colour",
        ),
        (document("html"), "an HTML page, not a result"),
    ],
)
def test_what_no_answer_may_be_is_a_problem(media: Media, said: str) -> None:
    assert problem(media, None) == said
    assert problem(media, Expect(max_bytes=10_000)) == said
    may_be = said if media.kind != "html" else None
    assert problem(media, Expect(kind="any")) == may_be, "any kind, but no broken or blank one"


def test_an_error_in_json_is_a_problem_that_quotes_the_server() -> None:
    body = {"image": None, "error": "CUDA out of memory"}
    said = "an error under status 200: JSON with `error`: CUDA out of memory"

    for expect in (None, Expect(kind="json"), Expect(json=("image",))):
        assert problem(document("json"), expect, content=body) == said
    assert problem(document("json"), Expect(kind="any"), content=body) is None
    assert problem(document("json"), Expect(status=202), content=body, status=202) == said.replace(
        "200", "202"
    )


def test_json_null_is_no_result() -> None:
    assert problem(document("json"), None, content=None) == "JSON null, not a result"
    assert problem(document("json"), None) is None, "nobody looked into it"


def test_a_field_for_errors_that_is_asked_for_is_a_result() -> None:
    expect = Expect(kind="json", json=("error",))

    assert problem(document("json"), expect, content={"error": "as ordered"}) is None
    assert problem(document("json"), expect, content={"error": None}) == (
        "expected JSON with the key error, which is null"
    )
    assert problem(document("json"), expect, content={"detail": "Not Found"}) == (
        "an error under status 200: JSON with `detail`: Not Found"
    )


def test_work_that_was_accepted_is_not_done() -> None:
    for expect in (None, Expect(kind="json"), Expect(json=("call_id",)), Expect(status=200)):
        said = problem(document("json"), expect, content={"call_id": "fc-01"})
        assert said is not None
        assert said.startswith("accepted, not done: JSON under status 200 that only names a job")
    assert (problem(document("text"), None, content="fc-01AB") or "").startswith("accepted, not done: text")


@pytest.mark.parametrize("media", [document("json"), document("text"), STILL])
def test_status_202_is_never_a_success_unless_it_is_expected(media: Media) -> None:
    for expect in (None, Expect(), Expect(kind="any")):
        assert problem(media, expect, content={"call_id": "fc-01"}, status=202) == (
            "accepted, not done: status 202; if that is all it should answer, say expect.status = 202"
        )
    assert problem(media, Expect(status=202), content={"call_id": "fc-01"}, status=202) is None


def test_the_expected_status_is_the_only_one() -> None:
    assert problem(STILL, Expect(status=202), status=200) == "expected status 202, got 200"
    assert problem(STILL, Expect(status=201), status=201) is None
    assert problem(STILL, None, status=201) is None


def test_nothing_is_right_where_the_expected_status_has_no_body() -> None:
    assert problem(document("empty", 0), Expect(status=204), status=204) is None
    assert problem(document("empty", 0), Expect(status=202), status=202) == "empty: not one byte"


def test_a_blank_picture_may_be_what_is_expected() -> None:
    assert problem(structs.replace(STILL, blank=True), Expect(blank=True)) is None
    assert problem(structs.replace(FILM, blank=True), Expect(blank=True)) is None
    assert problem(structs.replace(STILL, blank=True), Expect(blank=False)) is not None


@pytest.mark.parametrize(
    ("media", "kind", "said"),
    [
        (STILL, "image", None),
        (ANIMATION, "image", "expected an image, got an animation of 17 frames (WEBP)"),
        (FILM, "image", "expected an image, got a video (MP4)"),
        (document("json"), "image", "expected an image, got JSON"),
        (document("text"), "image", "expected an image, got text"),
        (OTHER, "image", "expected an image, got bytes of no known format"),
        (
            structs.replace(OTHER, format="MP4"),
            "video",
            "expected a video, got MP4 without pictures or sound",
        ),
        (STILL, "video", "expected a video, got a still image (PNG)"),
        (ANIMATION, "video", None),
        (FILM, "video", None),
        (UNCHECKED_FILM, "video", None),
        (STILL, "json", "expected JSON, got a still image (PNG)"),
        (document("json"), "json", None),
    ],
)
def test_the_kind_is_what_the_bytes_are(media: Media, kind: Any, said: str | None) -> None:
    assert problem(media, Expect(kind=kind)) == said


@pytest.mark.parametrize(
    ("media", "expect", "said"),
    [
        (STILL, Expect(width=512, height=512), None),
        (STILL, Expect(width=1024), "expected a width of 1024 pixels, got 512"),
        (FILM, Expect(height=1080), "expected a height of 1080 pixels, got 512"),
        (document("json"), Expect(width=512), "expected a width of 512 pixels, got JSON"),
        (ANIMATION, Expect(min_frames=17), None),
        (ANIMATION, Expect(min_frames=18), "expected at least 18 frames, got 17"),
        (STILL, Expect(min_frames=2), "expected at least 2 frames, got 1"),
        (FILM, Expect(min_duration=2.0), None),
        (structs.replace(FILM, duration_sec=2.062), Expect(min_duration=2.0625), None),
        (FILM, Expect(min_duration=3), "expected a duration of at least 3 s, got 2.062 s"),
        (STILL, Expect(min_duration=1), "expected a duration of at least 1 s, got a still image (PNG)"),
        (STILL, Expect(max_bytes=1000), None),
        (STILL, Expect(max_bytes=999), "expected at most 999 bytes, got 1000"),
        (OTHER, Expect(kind="any", max_bytes=8), "expected at most 8 bytes, got 9"),
    ],
)
def test_sizes_are_exact_and_minima_are_met(media: Media, expect: Expect, said: str | None) -> None:
    assert problem(media, expect) == said


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        (("images",), None),
        (("images.0.url", "meta.seed"), None),
        (("a.b",), None),
        (("zero", "false", "none_found"), None),
        (("images.1.url",), "images.1.url"),
        (("meta", "meta.steps"), "meta.steps"),
        (("images.url",), "images.url"),
        (("images.99999999999999999999",), "images.99999999999999999999"),
    ],
)
def test_json_has_the_keys_at_the_ends_of_dotted_paths(keys: tuple[str, ...], missing: str | None) -> None:
    body = {
        "images": [{"url": "x"}],
        "meta": {"seed": 1},
        "a.b": 1,
        "zero": 0,
        "false": False,
        "none_found": [],
    }

    said = problem(document("json"), Expect(json=keys), content=body)

    assert said == (f"expected JSON with the key {missing}, which it does not have" if missing else None)


@pytest.mark.parametrize(("held", "what"), [(None, "null"), ("", "an empty text"), (" \n", "an empty text")])
def test_nothing_at_the_expected_key_is_no_result(held: object, what: str) -> None:
    said = f"expected JSON with the key a.0, which is {what}"

    assert problem(document("json"), Expect(json=("a.0",)), content={"a": [held], "b": 1}) == said


def test_keys_are_not_in_what_is_no_json() -> None:
    assert problem(STILL, Expect(json=("a",))) == "expected JSON, got a still image (PNG)"


def test_keys_of_json_that_nobody_looked_into_are_unchecked() -> None:
    assert problem(document("json"), Expect(json=("a",))) is None
    assert unchecked_fields(document("json"), Expect(json=("a",))) == ["json"]
    assert unchecked_fields(document("json"), Expect(json=("a",)), {"a": 1}) == []


def test_an_answer_that_is_its_input_is_a_problem_where_it_must_be_distinct() -> None:
    inputs = {STILL.sha256}

    assert problem(STILL, Expect(kind="image"), inputs=inputs) is None
    assert problem(STILL, Expect(distinct_from_input=True), inputs={"0" * 64}) is None
    assert problem(STILL, Expect(distinct_from_input=True), inputs=inputs) == (
        "the answer is the input, byte for byte"
    )


def test_a_lie_is_told_beside_a_problem_and_is_none_itself() -> None:
    assert problem(STILL, Expect(kind="image"), declared="image/jpeg") is None
    assert problem(STILL, Expect(kind="video"), declared="video/mp4") == (
        "expected a video, got a still image (PNG) (declared video/mp4, is PNG)"
    )


def test_fields_of_what_was_not_decoded_are_named_and_not_failed() -> None:
    expect = Expect(kind="video", width=512, height=512, min_frames=16, min_duration=1, max_bytes=10)

    assert problem(UNCHECKED_FILM, expect) is None
    assert unchecked_fields(UNCHECKED_FILM, expect) == ["width", "height", "min_frames", "min_duration"]
    assert unchecked_fields(FILM, expect) == []
    assert unchecked_fields(UNCHECKED_FILM, None) == []


def test_an_image_that_was_not_decoded_may_be_an_animation() -> None:
    avif = Media(kind="image", format="AVIF", size_bytes=9, sha256="9" * 64, unchecked="no decoder for AVIF")

    assert problem(avif, Expect(kind="video")) is None
    assert unchecked_fields(avif, Expect(kind="video")) == ["kind"]


@pytest.mark.parametrize(
    ("media", "declared", "said"),
    [
        (STILL, "image/png", None),
        (STILL, "IMAGE/PNG; charset=utf-8", None),
        (STILL, "image/jpeg", "declared image/jpeg, is PNG"),
        (ANIMATION, "video/mp4", "declared video/mp4, is WEBP"),
        (FILM, "video/mp4", None),
        (STILL, "application/octet-stream", None),
        (STILL, None, None),
        (STILL, "\x1b[31mred", "declared something malformed, is PNG"),
        (document("json"), "application/problem+json", None),
        (document("json"), "image/png", "declared image/png, is JSON"),
        (document("html"), "text/html; charset=utf-8", None),
        (document("html"), "image/png", "declared image/png, is HTML"),
        (document("text"), "text/csv", None),
        (document("text"), "application/json", "declared application/json, is text"),
        (document("empty", 0), "image/png", None),
        (OTHER, "application/x-safetensors", None),
    ],
)
def test_a_declared_type_that_the_bytes_are_not_is_noted(
    media: Media, declared: str, said: str | None
) -> None:
    assert note(media, declared) == said


SOUND = Media(
    kind="audio",
    format="WAV",
    size_bytes=48_044,
    sha256="9" * 64,
    duration_sec=1.0,
    sample_rate=24_000,
    channels=1,
    blank=False,
    checked=True,
)
ARCHIVE = Media(kind="file", format="ZIP", size_bytes=500, sha256="a" * 64, checked=True)
UNCHECKED_SOUND = Media(kind="audio", format="MP3", size_bytes=9, sha256="b" * 64, unchecked="no PyAV")


@pytest.mark.parametrize(
    ("media", "expect", "said"),
    [
        (SOUND, Expect(kind="audio"), None),
        (UNCHECKED_SOUND, Expect(kind="audio", sample_rate=8000, min_duration=5), None),
        (STILL, Expect(kind="audio"), "expected sound, got a still image (PNG)"),
        (FILM, Expect(kind="audio"), "expected sound, got a video (MP4)"),
        (document("json"), Expect(kind="audio"), "expected sound, got JSON"),
        (ARCHIVE, Expect(kind="audio"), "expected sound, got a ZIP file"),
        (UNCHECKED_FILM, Expect(kind="audio"), None),
        (SOUND, Expect(kind="video"), "expected a video, got sound (WAV)"),
        (SOUND, Expect(kind="image"), "expected an image, got sound (WAV)"),
        (SOUND, Expect(sample_rate=24_000, min_duration=1.0), None),
        (SOUND, Expect(sample_rate=16_000), "expected a sample rate of 16000 Hz, got 24000 Hz"),
        (STILL, Expect(sample_rate=16_000), "expected a sample rate of 16000 Hz, got a still image (PNG)"),
        (SOUND, Expect(min_duration=1.5), "expected a duration of at least 1.5 s, got 1 s"),
        (SOUND, Expect(min_frames=2), "expected at least 2 frames, got sound (WAV)"),
        (structs.replace(SOUND, blank=True), None, "blank: silent from its beginning to its end"),
        (structs.replace(SOUND, blank=True), Expect(kind="audio", blank=True), None),
        (ARCHIVE, Expect(kind="file", min_bytes=500), None),
        (ARCHIVE, Expect(kind="file", min_bytes=501), "expected at least 501 bytes, got 500"),
        (ARCHIVE, Expect(kind="file", max_bytes=499), "expected at most 499 bytes, got 500"),
        (STILL, Expect(kind="file"), None),
        (document("text"), Expect(kind="file"), None),
        (OTHER, Expect(kind="file"), None),
        (document("html"), Expect(kind="file"), "an HTML page, not a result"),
        (document("empty", 0), Expect(kind="file"), "empty: not one byte"),
    ],
)
def test_sound_and_files_are_held_against_what_is_expected(
    media: Media, expect: Expect | None, said: str | None
) -> None:
    assert problem(media, expect) == said


def test_an_error_in_json_is_no_file() -> None:
    assert problem(document("json"), Expect(kind="file"), content={"error": "oom"}) == (
        "an error under status 200: JSON with `error`: oom"
    )


def test_what_nobody_could_look_into_is_named_where_it_is_expected() -> None:
    asked = Expect(kind="audio", sample_rate=8000, min_duration=5)

    assert unchecked_fields(UNCHECKED_SOUND, asked) == ["min_duration", "sample_rate"]
    assert unchecked_fields(UNCHECKED_FILM, Expect(kind="audio")) == ["kind"]
    assert unchecked_fields(SOUND, asked) == []
    assert unchecked(UNCHECKED_SOUND, asked) == "expect: min_duration, sample_rate not checked: no PyAV"
    assert unchecked(UNCHECKED_SOUND, None, subject="a.*") == "a.* not checked: no PyAV"
    assert unchecked(SOUND, asked) is None


@pytest.mark.parametrize(
    ("media", "declared", "said"),
    [
        (SOUND, "audio/wav", None),
        (SOUND, "audio/x-wav; rate=24000", None),
        (SOUND, "audio/mpeg", "declared audio/mpeg, is WAV"),
        (SOUND, "image/png", "declared image/png, is WAV"),
        (ARCHIVE, "application/zip", None),
        (ARCHIVE, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", None),
        (ARCHIVE, "text/plain", "declared text/plain, is ZIP"),
        (ARCHIVE, "image/png", "declared image/png, is ZIP"),
        (document("text"), "audio/wav", "declared audio/wav, is text"),
    ],
)
def test_the_declared_type_of_sound_and_files_is_held_against_the_bytes(
    media: Media, declared: str, said: str | None
) -> None:
    assert note(media, declared) == said


def test_where_media_are_looked_for_the_answer_is_json() -> None:
    expect = Expect(at="images.*.data")

    assert problem(STILL, expect) == "expected JSON with media at images.*.data, got a still image (PNG)"
    assert problem(document("json"), expect, content={"images": []}) is None
    assert problem(document("json"), expect, content={"call_id": "fc-01"}) is None, (
        "whoever looks for media says so"
    )
