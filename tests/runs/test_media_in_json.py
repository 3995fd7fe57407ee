"""Whole runs against a server that answers with media inside JSON, right and wrong ones."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import media_corpus
import pytest
import sound_corpus
from measure_server import Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measure_server import Received
    from project import Project

GOOD, BLACK = media_corpus.good("png"), media_corpus.blank("black-png")
SIDE = media_corpus.SIDE
HEAD = """
[apps.images]
url = "URL"
[defaults]
app = "images"
category = "Images"
timeout = 20
headers = { Authorization = "Bearer swordfish-0123", X-Team = "red" }
"""


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def images(*values: object, **more: Any) -> bytes:
    return json.dumps({"images": [{"data": value} for value in values], **more}).encode()


def pictures(count: int) -> list[str]:
    return [b64(media_corpus.still("PNG", media_corpus.picture(seed=seed))) for seed in range(count)]


LINKED = {
    "/made/good.png": GOOD,
    "/made/black.png": BLACK,
    "/made/page": b"<html><title>Sign in</title>",
    "/made/speech.wav": sound_corpus.wav(),
}


class Elsewhere(Server):
    """A store of files on another host."""

    def __init__(self) -> None:
        super().__init__(answering(self.respond))

    def respond(self, received: Received) -> bytes:
        body = LINKED.get(received.path.partition("?")[0])
        return answer(body) if body is not None else answer(b"no such key", status="404 Not Found")


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    with Elsewhere() as server:
        yield server


PAGE = b"<html><title>502</title>"
MP4 = b64(media_corpus.good("mp4"))
SILENT = json.dumps({"audio": b64(sound_corpus.wav(bytes(48_000)))}).encode()


def serving(answers: dict[str, Callable[[], bytes]]) -> Server:
    """A server that answers POST by path, GET with `LINKED`, and has no `/openapi.json`."""

    def respond(received: Received) -> bytes:
        if received.method == "POST":
            return answer(answers[received.path](), content_type="application/json")
        body = LINKED.get(received.path)
        return answer(body) if body is not None else answer(b"not found", status="404 Not Found")

    return Server(answering(respond))


def run(project: Project, server: Server, endpoints: dict[str, str], *args: str) -> dict[str, dict[str, Any]]:
    """Run a catalogue of `endpoints`, an `expect` by path; return their results by path."""
    tables = [
        f'[[endpoints]]\npath = "{path}"\npayload = {{ seed = "{{seed}}" }}\n'
        f"expect = {{ {expect}, deterministic = true }}"
        for path, expect in endpoints.items()
    ]
    file = project.pytester.path / "endpoints.toml"
    file.write_text("\n".join([HEAD.replace("URL", server.url), *tables]))
    project.run("--modal-bench", "--modal-bench-rounds=1", "-p", "no:cacheprovider", *args, timeout=120)
    return {result["path"]: result for result in project.report()["results"]}


AT = 'kind = "image", at = "images.*.data"'


def test_each_wrong_medium_fails_with_its_place_and_no_right_one_does(project: Project) -> None:
    blank = "blank: every pixel of it is (almost) the same colour"
    sound = "kind = 'audio', at = 'audio', sample_rate = 24000, min_duration = 1.0"
    of_page = "a text that begins with `<html><title>502</title>`"
    many = f"{AT}, count = 40, width = {SIDE}, json = ['seed']"
    ticket = (
        "accepted, not done: JSON that only names a job or says that it goes on, no media at images.*.data"
    )
    no_json = "expected JSON with media at images.*.data, got a still image (PNG)"
    cases: dict[str, tuple[bytes, str, str | None]] = {
        "/good": (images(b64(GOOD)), AT, None),
        "/uri": (images(f"data:image/png;base64,{b64(GOOD)}"), AT, None),
        "/lines": (images(base64.encodebytes(GOOD).decode()), AT, None),
        "/forty": (images(*pictures(40), seed=1), many, None),
        "/speech": (json.dumps({"audio": b64(sound_corpus.wav())}).encode(), sound, None),
        "/black": (images(b64(GOOD), b64(BLACK)), AT, f"images.1.data: {blank}"),
        "/blank-is-right": (images(b64(BLACK)), f"{AT}, blank = true", None),
        "/late-black": (images(*pictures(39), b64(BLACK)), f"{AT}, count = 40", f"images.39.data: {blank}"),
        "/cut": (images(b64(GOOD[:-30])), AT, "images.0.data: truncated: ends before the chunk IEND"),
        "/cut-text": (images(b64(GOOD)[:804]), AT, "images.0.data: truncated: ends before the chunk IEND"),
        "/size": (
            images(b64(GOOD)),
            f"{AT}, width = 9",
            "images.0.data: expected a width of 9 pixels, got 64",
        ),
        "/empty": (images(""), AT, "images.0.data: empty: not one byte"),
        "/null": (images(b64(GOOD), None), AT, "images.1.data: null, where a text was expected"),
        "/none": (images(), AT, "no media at images.*.data"),
        "/few": (images(b64(GOOD)), f"{AT}, count = 2", "expected 2 media at images.*.data, got 1"),
        "/html": (images(PAGE.decode()), AT, f"images.0.data: neither base64 nor a link, but {of_page}"),
        "/html-inside": (images(b64(PAGE)), AT, "images.0.data: an HTML page, not a result"),
        "/error": (images(b64(GOOD), error="oom"), AT, "an error under status 200: JSON with `error`: oom"),
        "/ticket": (b'{"call_id": "fc-01AB"}', AT, ticket),
        "/silent": (SILENT, "at = 'audio'", "audio: blank: silent from its beginning to its end"),
        "/bare": (GOOD, AT, f"{no_json} (declared application/json, is PNG)"),
        "/page": (PAGE, AT, "an HTML page, not a result (declared application/json, is HTML)"),
        "/mixed": (images(b64(GOOD), MP4), AT, "images.1.data: expected an image, got a video (MP4)"),
        "/garbage": (
            images("unavailable1"),
            "at = 'images.*.data'",
            "images.0.data: expected media, got bytes of no known format",
        ),
    }
    with serving({path: partial(bytes, body) for path, (body, _, _) in cases.items()}) as server:
        results = run(project, server, {path: expect for path, (_, expect, _) in cases.items()})

    assert {path: result["error"] for path, result in results.items()} == {
        path: error for path, (_, _, error) in cases.items()
    }
    for path, result in results.items():
        is_wrong = cases[path][2] is not None
        assert result["verdict"] == ("FAIL" if is_wrong else "PASS"), path
        assert result["cause"] == ("invalid_output" if is_wrong else None), path
    counts = {path: result["samples"][-1]["part_count"] for path, result in results.items()}
    assert (counts["/good"], counts["/forty"], counts["/late-black"], counts["/none"]) == (1, 40, 40, 0)
    forty = results["/forty"]["samples"][-1]
    assert [part["width"] for part in forty["parts"]] == [SIDE] * 40
    assert len({part["sha256"] for part in forty["parts"]}) == 40
    markdown = (project.pytester.path / "modal-bench-report.md").read_text()
    assert "40 PNG in JSON" in markdown


def test_links_are_fetched_apart_and_with_the_headers_that_may_go_along(
    project: Project, elsewhere: Server
) -> None:
    answers: dict[str, Callable[[], bytes]] = {
        "/same": lambda: images(f"{server.url}/made/good.png"),
        "/other": lambda: images(f"{elsewhere.url}/made/good.png?X-Amz-Signature=0123456789"),
        "/black": lambda: images(f"{elsewhere.url}/made/black.png"),
        "/page": lambda: images(f"{elsewhere.url}/made/page"),
        "/gone": lambda: images(b64(GOOD), f"{elsewhere.url}/made/gone.png?X-Amz-Signature=0123456789"),
        "/scheme": lambda: images("s3://bucket/good.png"),
        "/login": lambda: images(f"{elsewhere.url.replace('//', '//us:word@')}/made/good.png"),
    }
    with serving(answers) as server:
        results = run(project, server, dict.fromkeys(answers, AT))
        fetched_here = [received for received in server.received if received.path == "/made/good.png"]

    verdicts = {
        path: (result["verdict"], result["error"], result["cause"]) for path, result in results.items()
    }
    assert verdicts == {
        "/same": ("PASS", None, None),
        "/other": ("PASS", None, None),
        "/black": (
            "FAIL",
            "images.0.data: blank: every pixel of it is (almost) the same colour",
            "invalid_output",
        ),
        "/page": ("FAIL", "images.0.data: an HTML page, not a result", "invalid_output"),
        "/gone": ("FAIL", "images.1.data: not fetched: HTTP 404: no such key", "application"),
        "/scheme": (
            "FAIL",
            "images.0.data: a link that is neither http nor https: `s3://bucket/good.png`",
            "invalid_output",
        ),
        "/login": ("FAIL", "images.0.data: a link to an address that holds credentials", "invalid_output"),
    }
    assert fetched_here
    for received in fetched_here:
        assert (received.method, received.body) == ("GET", b"")
        assert received.headers["authorization"] == "Bearer swordfish-0123"
        assert received.headers["x-team"] == "red"
    assert elsewhere.received
    for received in elsewhere.received:
        assert set(received.headers) <= {"host", "user-agent", "accept", "accept-encoding", "connection"}
    for path in ("/same", "/other"):
        for sample in results[path]["samples"]:
            assert sample["fetched_sec"] > 0
            phases = sum(seconds or 0.0 for seconds in sample["phases"].values())
            assert sample["elapsed_sec"] >= phases, "what was fetched is no part of the call"
    assert results["/scheme"]["samples"][-1]["fetched_sec"] is None
    report = (project.pytester.path / "modal-bench-report.json").read_text()
    assert "swordfish" not in report
    assert "0123456789" not in report


def test_what_takes_long_to_fetch_is_no_part_of_the_calls_time(project: Project) -> None:
    def respond(connection: Any) -> None:
        while (received := connection.receive()) is not None:
            if received.method == "POST":
                connection.send(answer(images(f"{server.url}/slow.png")))
            else:
                connection.wait(0.5)
                connection.send(answer(GOOD))

    with Server(respond) as server:
        (result,) = run(project, server, {"/flux": AT}).values()

    assert result["status"] == "success"
    for sample in result["samples"]:
        assert sample["fetched_sec"] >= 0.5
        assert sample["elapsed_sec"] < sample["fetched_sec"]


def test_media_in_json_are_saved_as_the_files_they_are(project: Project) -> None:
    mp4, speech = media_corpus.good("mp4"), sound_corpus.good("opus")
    answers: dict[str, Callable[[], bytes]] = {
        "/one": lambda: images(b64(GOOD)),
        "/many": lambda: images(b64(GOOD), b64(mp4), f"data:audio/ogg;base64,{b64(speech)}"),
        "/linked": lambda: images(f"{server.url}/made/speech.wav"),
        "/none": images,
    }
    with serving(answers) as server:
        run(
            project,
            server,
            dict.fromkeys(answers, "at = 'images.*.data'"),
            "--modal-bench-save-outputs=outputs",
        )

    assert {path.name: path.read_bytes() for path in (project.pytester.path / "outputs").iterdir()} == {
        "one.png": GOOD,
        "many-1.png": GOOD,
        "many-2.mp4": mp4,
        "many-3.opus": speech,
        "linked.wav": LINKED["/made/speech.wav"],
        "none.json": images(),
    }


def test_the_same_media_for_another_seed_are_a_cache_whatever_the_json_around_them_says(
    project: Project,
) -> None:
    number = iter(range(1000))
    answers: dict[str, Callable[[], bytes]] = {"/flux": lambda: images(b64(GOOD), id=next(number))}
    with serving(answers) as server:
        file = project.pytester.path / "endpoints.toml"
        file.write_text(
            HEAD.replace("URL", server.url)
            + f'[[endpoints]]\npath = "/flux"\npayload = {{ seed = "{{seed}}" }}\nexpect = {{ {AT} }}\n'
        )
        project.run("--modal-bench", "--modal-bench-rounds=1", "-p", "no:cacheprovider", timeout=120)

    (result,) = project.report()["results"]
    assert "with the same bytes, though each had a new seed" in result["cached"]
