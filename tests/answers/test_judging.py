from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import answer, endpoint

from pytest_modal_bench.answers import contents
from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.answers.judging import Judge
from pytest_modal_bench.answers.outputs import Outputs
from pytest_modal_bench.model import Expect, Media, Resource, Sample
from pytest_modal_bench.protocol.sampling import as_sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_modal_bench.call.client import Answer


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
    judged_sample = judge_with(inspector).judge(answer(body), sample, secrets=["swordfish"])

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
