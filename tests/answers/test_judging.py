from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
from dataclasses import replace
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

import media_corpus
import pytest
import streams
from measure_answers import answer, endpoint
from msgspec import structs

from pytest_modal_bench.answers import contents
from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.answers.judging import Judge
from pytest_modal_bench.answers.outputs import Outputs
from pytest_modal_bench.answers.previews import latest
from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.call.request import Request
from pytest_modal_bench.model import Expect, Media, Preview, Resource, Sample
from pytest_modal_bench.protocol.sampling import as_sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_modal_bench.call.answer import Answer

pytestmark = pytest.mark.usefixtures("prepared_programs")


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    with Inspector() as inspector:
        yield inspector


class Looks:
    """An inspector that finds what it is told."""

    def __init__(self, **media: Any) -> None:
        given: dict[str, Any] = {"kind": "image", "size_bytes": 4, "sha256": "aa"} | media
        self.media = Media(**given)

    def inspect(self, body: bytes | Path) -> Media:
        del body
        return self.media


def judged(judge: Judge, given: Answer) -> Sample:
    return judge.judge(given, as_sample(given, start="warm", seed=7))


def judge_with(
    inspector: Any,
    expect: Expect | None = None,
    resources: Mapping[str, Resource | str] | None = None,
    outputs: Outputs | None = None,
    **fields: Any,
) -> Judge:
    return Judge(endpoint(expect=expect, **fields), inspector, resources or {}, outputs)


def test_what_cuts_the_look_at_an_answer_carries_no_frame_that_holds_it() -> None:
    class CutOff(Looks):
        def inspect(self, body: bytes | Path) -> Media:
            raise KeyboardInterrupt(len(str(body)))

    with pytest.raises(KeyboardInterrupt) as raised:
        judged(judge_with(CutOff()), answer(b"it sends back: s3cret"))

    frames = [frame for frame, _ in walk_tb(raised.value.__traceback__)][1:]
    assert frames
    assert "s3cret" not in repr([frame.f_locals for frame in frames])


def test_a_sample_says_what_its_answer_is(inspector: Inspector) -> None:
    judge = judge_with(inspector)
    sample = judged(judge, answer(b'{"a": 1}'))

    assert sample.media is not None
    assert (sample.media.kind, sample.media.size_bytes) == ("json", 8)
    assert sample.media.sha256 == hashlib.sha256(b'{"a": 1}').hexdigest()
    assert (sample.ok, sample.error, sample.cause) == (True, None, None)
    assert judge.notes == []


@pytest.mark.parametrize(
    ("body", "expect", "error"),
    [
        (b"", None, "empty: not one byte"),
        (b"<html><body>oops", None, "an HTML page, not a result"),
        (b'{"detail": "boom"}', None, "an error under status 200: JSON with `detail`: boom"),
        (b"fine", Expect(kind="image"), "expected an image, got text"),
        (b'{"a": 1}', Expect(json=("b",)), "expected JSON with the key b, which it does not have"),
        (b"fine", Expect(max_bytes=3), "expected at most 3 bytes, got 4"),
    ],
    ids=["empty", "html", "error", "kind", "key", "bytes"],
)
def test_an_answer_that_is_something_else_has_failed(
    inspector: Inspector, body: bytes, expect: Expect | None, error: str
) -> None:
    sample = judged(judge_with(inspector, expect), answer(body, elapsed=2.0))

    assert (sample.ok, sample.error, sample.cause) == (False, error, "invalid_output")
    assert sample.media is not None, "what it was instead is told"
    assert (sample.http_status, sample.elapsed_sec) == (200, 2.0)


def test_where_anything_will_do_nothing_is_wrong(inspector: Inspector) -> None:
    assert judged(judge_with(inspector, Expect(kind="any")), answer(b"<html><body>oops")).ok


def test_a_large_answer_is_judged_by_its_file(inspector: Inspector, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b'{"images": [{"url": "x"}]}')
    expect = Expect(kind="json", json=("images.0.url",))

    assert judged(judge_with(inspector, expect), answer(body)).ok


@pytest.mark.parametrize("body", [b"\xff{", b'{"a": ' + b"[" * 100_000, b'{"a": 1'])
def test_json_that_cannot_be_decoded_is_no_crash_and_unchecked(body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(body)
    for each in (body, file):
        judge = judge_with(Looks(kind="json", checked=True), Expect(json=("a",)))
        assert judged(judge, answer(each)).ok
        assert judge.notes == ["expect: json not checked: JSON of 4 bytes is too much to look into"]


def test_json_of_any_size_is_looked_into(inspector: Inspector, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(
        b'{"image": "' + b"QUJD" * (10 << 20) + b'", "seed": null, "errors": [{"message": "late"}]}'
    )
    assert judged(judge_with(inspector, Expect(json=("image",))), answer(body)).ok, "it has a result"

    sample = judged(judge_with(inspector, Expect(json=("seed",))), answer(body))
    assert sample.error == "expected JSON with the key seed, which is null"


def test_json_that_stays_large_without_its_long_texts_is_told_to_be_unchecked(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"error": "boom", "v": [1, 2, 3]}'
    monkeypatch.setattr(contents, "LARGEST_JSON", len(body) - 1)
    judge = judge_with(inspector)

    assert judged(judge, answer(body)).ok
    assert judge.notes == ["answer not checked: JSON of 33 bytes is too much to look into"]


def test_what_a_server_says_is_quoted_on_one_line_without_secrets(inspector: Inspector) -> None:
    body = b'{"error": "no\\u001b[31m such key:\\n swordfish"}'
    sample = as_sample(answer(body), start="warm", seed=7)
    request = Request(method="POST", url="http://127.0.0.1:9/flux", secrets=frozenset({"swordfish"}))
    judged_sample = judge_with(inspector).judge(answer(body), sample, request)

    assert judged_sample.error == ("an error under status 200: JSON with `error`: no such key: [redacted]")


def test_an_answer_that_is_still_encoded_fails_and_names_what_decodes_it(inspector: Inspector) -> None:
    sample = judged(judge_with(inspector), answer(b"\x28\xb5\x2f\xfd\0\0", content_encoding="zstd"))

    assert (sample.ok, sample.cause) == (False, "invalid_output")
    assert "encoded with zstd" in (sample.error or "")


def test_the_answer_is_not_to_be_the_picture_that_was_sent() -> None:
    picture = Resource(b"picture", "image/png", "test.png")
    sent = hashlib.sha256(b"picture").hexdigest()
    expect = Expect(kind="image", distinct_from_input=True)
    found = Looks(format="PNG", frames=1, checked=True, sha256=sent)
    resources: dict[str, Resource | str] = {"image": picture, "lora": "known"}
    judge = judge_with(found, expect, resources, needs=("image", "lora"))

    assert judged(judge, answer()).error == "the answer is the input, byte for byte"
    assert judged(judge_with(found, expect, resources), answer()).ok, "it was not sent"


def test_what_the_headers_say_is_told_once_and_fails_nothing(inspector: Inspector) -> None:
    judge = judge_with(inspector)
    for _ in range(3):
        assert judged(judge, answer(b"fine", content_type="image/png")).ok

    assert judge.notes == ["declared image/png, is text"]


def test_what_could_not_be_checked_is_told_and_fails_nothing() -> None:
    found = Looks(format="MP4", kind="video", unchecked="no decoder")
    judge = judge_with(found, Expect(kind="video", width=64, min_frames=2))

    assert judged(judge, answer()).ok
    assert judge.notes == ["expect: width, min_frames not checked: no decoder"]
    without = judge_with(found)
    assert judged(without, answer()).ok
    assert without.notes == ["answer not checked: no decoder"]


def test_a_full_disk_costs_the_look_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(body: bytes | Path) -> Media:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), body)

    found = Looks()
    monkeypatch.setattr(found, "inspect", full)
    judge = judge_with(found, Expect(kind="image"))
    sample = judged(judge, answer())

    assert (sample.ok, sample.media) == (True, None)
    assert judge.notes == ["answer not checked: No space left on device"]


def test_answers_are_kept_right_or_wrong(inspector: Inspector, tmp_path: Path) -> None:
    judge = judge_with(inspector, outputs=Outputs(tmp_path))
    judged(judge, answer(b"fine"))
    judged(judge, answer(b"<html>oops</html>"))

    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"flux.txt": b"fine", "flux.html.txt": b"<html>oops</html>"}


def test_an_answer_that_could_not_be_kept_is_told_and_judged(inspector: Inspector, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    judge = judge_with(inspector, outputs=Outputs(tmp_path / "file"))

    assert judged(judge, answer(b"fine")).ok
    assert judge.notes == ["answer not kept: flux.txt: File exists"]


def in_json(*bodies: bytes, **more: Any) -> bytes:
    data = [{"data": base64.b64encode(body).decode()} for body in bodies]
    return json.dumps({"images": data, **more}).encode()


AT = Expect(kind="image", at="images.*.data")
GOOD, BLACK = media_corpus.good("png"), media_corpus.blank("black-png")


def test_media_in_json_are_judged_and_kept_with_the_sample(inspector: Inspector) -> None:
    judge = judge_with(inspector, AT)
    sample = judged(judge, answer(in_json(GOOD, media_corpus.good("jpeg"))))

    assert (sample.ok, sample.error, judge.notes) == (True, None, [])
    assert sample.media is not None
    assert sample.media.kind == "json", "the answer itself is what it is"
    assert [part.format for part in sample.parts] == ["PNG", "JPEG"]
    assert (sample.part_count, sample.fetched_sec) == (2, None)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (in_json(GOOD, BLACK), "images.1.data: blank: every pixel of it is (almost) the same colour"),
        (in_json(), "no media at images.*.data"),
        (in_json(GOOD, error="oom"), "an error under status 200: JSON with `error`: oom"),
        (b"", "empty: not one byte"),
        (b"<html><title>502", "an HTML page, not a result"),
        (GOOD, "expected JSON with media at images.*.data, got a still image (PNG)"),
        (b'{"image', "expected JSON with media at images.*.data, got text"),
        (b"null", "JSON null, not a result"),
    ],
)
def test_json_around_wrong_media_has_failed(inspector: Inspector, body: bytes, error: str) -> None:
    sample = judged(judge_with(inspector, AT), answer(body))

    assert (sample.ok, sample.error, sample.cause) == (False, error, "invalid_output")


def test_fields_beside_media_are_asked_of_the_json_and_sizes_of_the_media(inspector: Inspector) -> None:
    expect = structs.replace(AT, json=("seed",), width=64, max_bytes=len(GOOD), min_bytes=len(GOOD))

    assert judged(judge_with(inspector, expect), answer(in_json(GOOD, seed=7))).ok
    missing = judged(judge_with(inspector, expect), answer(in_json(GOOD)))
    assert missing.error == "expected JSON with the key seed, which it does not have"


def test_a_link_in_an_answer_is_fetched_by_what_the_request_and_the_answer_make(inspector: Inspector) -> None:
    request = Request(method="POST", url="http://127.0.0.1:9/flux", secrets=frozenset({"swordfish"}))
    given = answer(b'{"images": [{"data": "https://a.test/swordfish.png"}]}')
    made: list[tuple[Any, Any]] = []

    class Links:
        spent_sec: float | None = None
        closed = False

        def fetch(self, link: str) -> Answer:
            self.spent_sec = 0.25
            if fails:
                raise CallError(f"not fetched: {link}", "dns")
            return answer(GOOD)

        def close(self) -> None:
            self.closed = True

    links: Any = Links()

    def follow(request: Request, answer: Answer) -> Any:
        made.append((request, answer))
        return links

    judge = Judge(endpoint(expect=AT), inspector, {}, follow=follow)
    fails = False
    sample = judge.judge(given, as_sample(given, start="warm", seed=7), request)
    assert (sample.ok, sample.part_count, sample.fetched_sec) == (True, 1, 0.25)
    assert (made, links.closed) == ([(request, given)], True)

    fails = True
    sample = judge.judge(given, as_sample(given, start="warm", seed=7), request)
    assert sample.error == "images.0.data: not fetched: https://a.test/[redacted].png"
    assert (sample.cause, sample.fetched_sec, sample.http_status) == ("dns", 0.25, 200)


def test_what_could_not_be_checked_of_a_part_is_told_and_stands_in_the_sample(inspector: Inspector) -> None:
    judge = judge_with(inspector, Expect(kind="file", at="images.*.data"))
    sample = judged(judge, answer(in_json(b"%PDF-1.7 %%EOF", b"%PDF-1.4 %%EOF")))

    line = "images.*.data not checked: PDF is known by its beginning, and not looked into"
    assert (sample.ok, sample.unchecked, judge.notes) == (True, line, [line])


def test_what_could_not_be_checked_stands_in_the_sample_unless_anything_will_do() -> None:
    found = Looks(kind="other", unchecked="no decoder for these bytes")
    line = "answer not checked: no decoder for these bytes"

    assert judged(judge_with(found), answer()).unchecked == line
    assert judged(judge_with(found, Expect(kind="file")), answer()).unchecked == line
    free = judge_with(found, Expect(kind="any"))
    assert judged(free, answer()).unchecked is None
    assert free.notes == [line], "it is told all the same"
    asked = judge_with(found, Expect(kind="any", width=64))
    assert judged(asked, answer()).unchecked == "expect: width not checked: no decoder for these bytes"


def test_an_answer_that_was_looked_into_is_not_unchecked(inspector: Inspector) -> None:
    for body in (b"fine", b'{"a": 1}', GOOD):
        assert judged(judge_with(inspector), answer(body)).unchecked is None


def test_a_full_disk_leaves_the_sample_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(body: bytes | Path) -> Media:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), body)

    found = Looks()
    monkeypatch.setattr(found, "inspect", full)

    assert judged(judge_with(found), answer()).unchecked == "answer not checked: No space left on device"


def test_media_in_json_are_kept_as_the_files_they_are(inspector: Inspector, tmp_path: Path) -> None:
    mp4 = media_corpus.good("mp4")
    judge = judge_with(inspector, Expect(at="images.*.data"), outputs=Outputs(tmp_path), id="flux[large]")
    judged(judge, answer(in_json(GOOD, mp4)))

    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"flux[large]-1.png": GOOD, "flux[large]-2.mp4": mp4}


def test_one_medium_in_json_is_kept_under_the_endpoints_name_and_json_without_any_as_it_is(
    inspector: Inspector, tmp_path: Path
) -> None:
    judge = judge_with(inspector, AT, outputs=Outputs(tmp_path))
    judged(judge, answer(in_json(BLACK)))
    judged(judge, answer(in_json()))

    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"flux.png": BLACK, "flux.json": in_json()}


def test_a_stream_is_judged_as_one_and_timed(inspector: Inspector) -> None:
    judge = judge_with(inspector, stream="openai")
    sample = judged(judge, streams.answer_of(streams.chat("Hello", " world", tokens=7)))

    assert (sample.ok, sample.error, sample.cause, sample.unchecked) == (True, None, None, None)
    assert sample.media is not None
    assert sample.media.kind == "text"
    assert sample.stream is not None
    assert (sample.stream.chunks, sample.stream.output_tokens, sample.stream.ttft_sec) == (2, 7, 1.0)
    assert judge.notes == ["all 2 outputs arrived at once: something on their way holds them back"]


def test_a_stream_that_says_that_it_failed_has_failed_and_is_timed_all_the_same(inspector: Inspector) -> None:
    events = [streams.chunk(content="Hello"), {"error": {"message": "no room\nfor swordfish" + "!" * 5000}}]
    given = streams.answer_of(streams.sse(*events))
    request = Request(method="POST", url="http://127.0.0.1:9/chat", secrets=frozenset({"swordfish"}))
    judge = judge_with(inspector, stream="openai")
    sample = judge.judge(given, as_sample(given, start="warm", seed=7), request)

    assert (sample.ok, sample.cause) == (False, "invalid_output")
    assert sample.error is not None
    assert sample.error.startswith("an error in the stream, after 1 output: no room for [redacted]!!!")
    assert len(sample.error) < 2100
    assert sample.stream is not None
    assert sample.stream.ttft_sec == 1.0


def test_a_stream_that_was_cut_off_stays_what_it_is_and_is_timed(inspector: Inspector) -> None:
    given = replace(
        streams.answer_of(streams.sse(streams.chunk(content="Hello"))),
        ok=False,
        error="connection lost after 123 bytes: it is gone",
        cause="connection_lost",
    )
    sample = judged(judge_with(inspector, stream="openai"), given)

    assert (sample.ok, sample.error, sample.cause) == (False, given.error, "connection_lost")
    assert sample.media is None
    assert sample.stream is not None
    assert (sample.stream.ttft_sec, sample.stream.chunks) == (1.0, 1)


def test_an_answer_that_failed_and_is_no_stream_is_left_as_it_is(inspector: Inspector) -> None:
    given = answer(status=500)

    assert judged(judge_with(inspector), given) == as_sample(given, start="warm", seed=7)
    assert judged(judge_with(inspector, stream="openai"), given) == as_sample(given, start="warm", seed=7)


def test_an_end_that_could_not_be_checked_stands_in_the_sample(inspector: Inspector) -> None:
    judge = judge_with(inspector, stream="sse")
    given = streams.answer_of(
        [(1.0, streams.sse("a")), (2.0, streams.sse("b"))], content_type="text/event-stream"
    )
    line = "end not checked: no event says that it is the last one, and HTTP says no length"

    assert (judged(judge, given).unchecked, judge.notes) == (line, [line])


def test_a_file_in_pieces_is_judged_as_one_that_comes_at_once(inspector: Inspector) -> None:
    half = len(GOOD) // 2
    pieces = [(0.5, GOOD[:half]), (1.5, GOOD[half:])]
    sample = judged(judge_with(inspector, Expect(kind="image"), stream="bytes"), streams.answer_of(pieces))

    assert sample.ok
    assert sample.media is not None
    assert sample.media.format == "PNG"
    assert sample.stream is not None
    assert (sample.stream.ttft_sec, sample.stream.itl_sec, sample.stream.chunks) == (0.5, 1.0, 2)

    black = judged(judge_with(inspector, stream="bytes"), streams.answer_of(BLACK))
    assert (black.ok, black.cause) == (False, "invalid_output")


def test_a_text_or_tokens_are_expected_of_answers_that_come_at_once_too(inspector: Inspector) -> None:
    body = b'{"text": "a dog", "usage": {"completion_tokens": 7}}'

    assert judged(judge_with(inspector, Expect(text="d.g", min_tokens=7)), answer(body)).ok
    cat = judged(judge_with(inspector, Expect(text="cat")), answer(body))
    assert cat.error == f"expected a text in which `cat` is found, got: {body.decode()}"
    few = judged(judge_with(inspector, Expect(min_tokens=8)), answer(body))
    assert (few.error, few.cause) == ("expected at least 8 output tokens, got 7", "invalid_output")


# --- Previews ---


def previews_of(inspector: Inspector, body: bytes, **fields: Any) -> tuple[Sample, list[Preview]]:
    judge = Judge(endpoint(**fields), inspector, {}, previews=True)
    return judged(judge, answer(body)), judge.previews


def test_what_is_shown_of_an_answer_that_has_failed_is_what_is_wrong_with_it(inspector: Inspector) -> None:
    for body, expect in (
        (media_corpus.blank("black-png"), None),
        (GOOD, Expect(kind="image", width=1024)),
        (b'{"detail": "no room"}', Expect(kind="image")),
    ):
        sample, (preview,) = previews_of(inspector, body, expect=expect)
        assert not sample.ok
        assert preview.started_at == sample.started_at
        assert preview.frames or preview.text == '{"detail": "no room"}'
    assert previews_of(inspector, GOOD[:-30])[1] == []


def test_of_media_in_json_the_first_ones_are_shown_and_not_the_json(inspector: Inspector) -> None:
    sample, previews = previews_of(inspector, in_json(*[GOOD] * 6), expect=AT)

    assert (sample.ok, sample.part_count) == (True, 6)
    assert [preview.kind for preview in previews] == ["image"] * 4


def test_all_that_is_kept_of_an_answer_is_bounded(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (one,) = previews_of(inspector, GOOD)
    monkeypatch.setattr(latest, "ANSWER_BYTES", 2 * len(one.frames[0]) + 1)

    assert len(previews_of(inspector, in_json(*[GOOD] * 4), expect=AT)[1]) == 2


def test_the_last_answer_of_which_anything_can_be_shown_is_shown(inspector: Inspector) -> None:
    judge = Judge(endpoint(), inspector, {}, previews=True)
    for body in (GOOD, b"first", b"last", b"%PDF-1.7 %%EOF"):
        judged(judge, answer(body))

    assert [preview.text for preview in judge.previews] == ["last"]


def test_what_a_stream_said_is_shown_also_where_it_was_cut_off(inspector: Inspector) -> None:
    judge = Judge(endpoint(stream="openai"), inspector, {}, previews=True)
    request = Request(method="POST", url="http://127.0.0.1:9/flux", secrets=frozenset({"swordfish"}))
    given = streams.answer_of(streams.chat("Say", " swordfish", tokens=7))
    judge.judge(given, as_sample(given, start="warm", seed=7), request)
    assert [preview.text for preview in judge.previews] == ["Say [redacted]"]

    lost = replace(
        streams.answer_of(streams.chat("Hello")[:-20]), ok=False, error="lost", cause="connection_lost"
    )
    assert not judge.judge(lost, as_sample(lost, start="warm", seed=7), request).ok
    assert [preview.text for preview in judge.previews] == ["Hello"]


def test_where_nobody_looks_nothing_is_shown(inspector: Inspector) -> None:
    judge = judge_with(inspector)
    judged(judge, answer(GOOD))

    assert judge.previews == []
