from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import media_corpus
import pytest
import sound_corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from measure_answers import answer
from msgspec import UNSET, structs

from pytest_modal_bench.answers.embedded import parts as module
from pytest_modal_bench.answers.embedded.parts import Looked, Parts
from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.model import Expect, Media

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modal_bench.call.answer import Answer

GOOD = media_corpus.good("png")
BLACK = media_corpus.blank("black-png")
AT = Expect(at="images.*.data")


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector() as inspector:
        yield inspector


class FakeLinks:
    """Fetches what it is told, or fails for it."""

    def __init__(self, **fetched: Answer | CallError) -> None:
        self.fetched = fetched
        self.asked: list[str] = []

    def fetch(self, link: str) -> Answer:
        self.asked.append(link)
        got = self.fetched[link.rpartition("/")[2]]
        if isinstance(got, CallError):
            raise got
        return got


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def images(*values: object) -> bytes:
    return json.dumps({"images": [{"data": value} for value in values], "seed": 7}).encode()


def look(inspector: Any, body: bytes | Path, expect: Expect = AT, links: Any = None, **given: Any) -> Looked:
    raw = body if isinstance(body, bytes) else body.read_bytes()
    return Parts(expect, inspector, **given).look(body, json.loads(raw), links)


def said(looked: Looked) -> list[str]:
    return [problem.text for problem in looked.problems]


def test_each_medium_is_looked_at_as_if_it_had_come_by_itself(inspector: Inspector) -> None:
    bodies = [GOOD, media_corpus.good("animated-webp"), media_corpus.good("mp4"), sound_corpus.good("opus")]
    looked = look(inspector, images(*map(b64, bodies)))

    assert (looked.count, looked.problems, looked.notes, looked.unchecked) == (4, [], [], [])
    assert looked.parts == [inspector.inspect(body) for body in bodies]


def test_a_file_is_looked_at_as_bytes_are(inspector: Inspector, tmp_path: Path) -> None:
    body = tmp_path / "answer"
    body.write_bytes(images(b64(GOOD), f"data:image/png;base64,{b64(BLACK)}"))

    assert look(inspector, body) == look(inspector, body.read_bytes())


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b64(BLACK), "blank: every pixel of it is (almost) the same colour"),
        (b64(GOOD[:-20]), "truncated: ends before the chunk IEND"),
        (b64(GOOD)[:801], "base64 that is cut off: a letter is left over at its end"),
        ("", "empty: not one byte"),
        ("data:image/png;base64,", "empty: not one byte"),
        (None, "null, where a text was expected"),
        ({"url": "x"}, "an object, where a text was expected"),
        (
            "<html>502 Bad Gateway</html>",
            "neither base64 nor a link, but a text that begins with `<html>502 Bad Gateway</html>`",
        ),
        (b64(b"<html><title>502"), "an HTML page, not a result"),
        (b64(b'{"error": "boom"}'), "an error under status 200: JSON with `error`: boom"),
        ("unavailable1", "expected media, got bytes of no known format"),
        (b64(b"a text of some words"), "expected media, got text"),
        (b64(sound_corpus.wav(bytes(5000))), "blank: silent from its beginning to its end"),
        ("s3://bucket/image.png", "a link that is neither http nor https: `s3://bucket/image.png`"),
        ("https://a.test/image.png", "a link, where the file itself was expected"),
    ],
)
def test_what_no_medium_may_be_is_a_problem_that_says_which_it_is(
    inspector: Inspector, value: object, problem: str
) -> None:
    looked = look(inspector, images(b64(GOOD), value))

    assert said(looked) == [f"images.1.data: {problem}"]
    assert looked.problem == (f"images.1.data: {problem}", "invalid_output")
    assert looked.count == 2


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": "video"}, "expected a video, got a still image (PNG)"),
        ({"width": 512}, "expected a width of 512 pixels, got 64"),
        ({"min_bytes": 10**6}, f"expected at least 1000000 bytes, got {len(GOOD)}"),
        ({"max_bytes": 10}, f"expected at most 10 bytes, got {len(GOOD)}"),
        ({"min_duration": 2.0}, "expected a duration of at least 2 s, got a still image (PNG)"),
        ({"sample_rate": 16_000}, "expected a sample rate of 16000 Hz, got a still image (PNG)"),
    ],
    ids=str,
)
def test_what_the_catalogue_expects_is_asked_of_each(
    inspector: Inspector, fields: dict[str, Any], problem: str
) -> None:
    looked = look(inspector, images(b64(GOOD), b64(GOOD)), structs.replace(AT, **fields))

    assert said(looked) == [f"images.0.data: {problem}", f"images.1.data: {problem}"]
    assert looked.problem is not None
    assert looked.problem.text == f"images.0.data: {problem} (and 1 other problem in 2 parts)"


def test_blank_media_are_right_where_they_are_expected(inspector: Inspector) -> None:
    assert look(inspector, images(b64(BLACK)), structs.replace(AT, blank=True)).problems == []


def test_the_input_in_json_is_the_input(inspector: Inspector) -> None:
    sent = {inspector.inspect(GOOD).sha256}
    looked = look(inspector, images(b64(GOOD)), structs.replace(AT, distinct_from_input=True), inputs=sent)

    assert said(looked) == ["images.0.data: the answer is the input, byte for byte"]


def test_of_kind_file_anything_may_be_but_pages_and_errors(inspector: Inspector) -> None:
    expect = structs.replace(AT, kind="file")
    bodies = [sound_corpus.archive(), b"a,b\n1,2\n", b"%PDF-1.7 %%EOF", b'{"a": 1}']
    looked = look(inspector, images(*map(b64, bodies)), expect)

    assert looked.problems == []
    assert looked.unchecked == [
        "images.*.data not checked: PDF is known by its beginning, and not looked into"
    ]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b'{"images": null}', "images.*.data"),
        (b'{"images": []}', "images.*.data"),
        (b'{"images": [{}]}', "images.*.data"),
        (b'{"images": [{"data": null}]}', "images.*.data"),
        (b'{"other": 1}', "images.*.data"),
        (b'{"image": null}', "image"),
        (b'{"other": 1}', "image"),
        (b"[]", "*"),
    ],
)
def test_where_there_are_none_there_are_no_media(inspector: Inspector, body: bytes, at: str) -> None:
    assert said(look(inspector, body, Expect(at=at))) == [f"no media at {at}"]


def test_a_ticket_in_place_of_media_is_work_that_is_not_done(inspector: Inspector) -> None:
    looked = look(inspector, b'{"call_id": "fc-01AB", "status": "queued"}')

    assert said(looked) == [
        "accepted, not done: JSON that only names a job or says that it goes on, no media at images.*.data"
    ]


def test_the_number_of_media_is_exact_where_it_is_given(inspector: Inspector) -> None:
    body = images(*[b64(GOOD)] * 3)

    assert look(inspector, body, structs.replace(AT, count=3)).problems == []
    for count in (1, 2, 4):
        looked = look(inspector, body, structs.replace(AT, count=count))
        assert said(looked) == [f"expected {count} media at images.*.data, got 3"]
        assert len(looked.parts) == 3, "they are looked at all the same"


def test_a_medium_that_is_missing_in_a_list_is_told(inspector: Inspector) -> None:
    body = json.dumps({"images": [{"data": b64(GOOD)}, {"seed": 1}]}).encode()

    assert said(look(inspector, body)) == ["images.1.data: nothing, where a text was expected"]


def test_more_media_than_are_looked_at_are_too_many(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)

    assert look(inspector, images(*[b64(GOOD)] * 2)).problems == []
    looked = look(inspector, images(*[b64(GOOD)] * 3))
    assert said(looked) == ["more than 2 media at images.*.data: too many to look at"]
    assert (looked.count, looked.parts) == (None, [])


def test_json_that_could_not_be_decoded_is_too_much(inspector: Inspector) -> None:
    looked = Parts(AT, inspector).look(images(b64(GOOD)), UNSET)

    assert said(looked)[0].startswith("JSON of ")
    assert said(looked)[0].endswith(" bytes is too much to look for media in")


def test_media_are_not_looked_at_for_hours(inspector: Inspector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SEC", -1.0)
    looked = look(inspector, images(*[b64(GOOD)] * 3))

    assert (looked.count, looked.parts, looked.problems) == (3, [], [])
    assert looked.unchecked == ["images.*.data not checked: 3 of 3 parts, as looking at the others took 0 s"]


def test_a_declared_type_that_is_wrong_is_noted_once_a_part(inspector: Inspector) -> None:
    looked = look(inspector, images(*[f"data:image/jpeg;base64,{b64(GOOD)}"] * 2))

    assert looked.problems == []
    assert set(looked.notes) == {"images.*.data: declared image/jpeg, is PNG"}


def test_what_a_link_leads_to_is_looked_at_as_well(inspector: Inspector) -> None:
    links = FakeLinks(
        good=answer(GOOD, content_type="image/jpeg"),
        black=answer(BLACK),
        encoded=answer(b"\x28\xb5\x2f\xfd\0", content_encoding="zstd"),
    )
    looked = look(
        inspector,
        images("https://a.test/good", "https://a.test/black", "https://a.test/encoded"),
        links=links,
    )

    assert links.asked == ["https://a.test/good", "https://a.test/black", "https://a.test/encoded"]
    assert said(looked)[0] == "images.1.data: blank: every pixel of it is (almost) the same colour"
    assert said(looked)[1].startswith("images.2.data: encoded with zstd, though nobody asked for that")
    assert looked.notes == ["images.*.data: declared image/jpeg, is PNG"]


def test_a_link_that_cannot_be_fetched_ends_it_with_its_own_cause(inspector: Inspector) -> None:
    links = FakeLinks(gone=CallError("not fetched: HTTP 404: gone", "application"), good=answer(GOOD))
    looked = look(
        inspector, images("https://a.test/good", "https://a.test/gone", "https://a.test/good"), links=links
    )

    assert looked.problem == ("images.1.data: not fetched: HTTP 404: gone", "application")
    assert (looked.count, len(looked.parts)) == (3, 1)
    assert links.asked == ["https://a.test/good", "https://a.test/gone"]


def test_what_was_found_is_saved_part_by_part(inspector: Inspector) -> None:
    saved: list[tuple[bytes, str | None, int, int]] = []

    def save(body: bytes | Path, media: Media, number: int, count: int) -> None:
        data = body if isinstance(body, bytes) else body.read_bytes()
        saved.append((data, media.format, number, count))

    look(inspector, images(b64(GOOD), "not base64!", b64(BLACK)), save=save)

    assert saved == [(GOOD, "PNG", 1, 3), (BLACK, "PNG", 3, 3)]


class Named:
    """An inspector that finds the same in whatever it is given."""

    def inspect(self, body: bytes | Path) -> Media:
        size = len(body) if isinstance(body, bytes) else body.stat().st_size
        return Media(kind="image", format="PNG", frames=1, checked=True, size_bytes=size, sha256="aa")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("QUJD"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc*0"), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=200)
@given(VALUES, st.lists(st.sampled_from(["a", "b", "c", "0", "1", "*"]), min_size=1, max_size=4))
def test_whatever_a_server_sends_is_media_or_a_problem(value: Any, parts: list[str]) -> None:
    looked = look(Named(), json.dumps(value).encode(), Expect(at=".".join(parts)))

    assert looked.problems or len(looked.parts) == looked.count != 0
    assert all("\n" not in problem.text or "`" in problem.text for problem in looked.problems)
