"""How a catalogue says that a job is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.catalogue import CatalogueError, jobs, load
from pytest_modal_bench.model import Poll

if TYPE_CHECKING:
    from pathlib import Path


def poll(directory: Path, written: str) -> Poll | None:
    path = directory / "endpoints.toml"
    path.write_text(
        '[apps.a]\nurl = "https://a.example"\n[[endpoints]]\npath = "/x"\napp = "a"\ncategory = "A"\n'
        f"poll = {written}\n"
    )
    return load(path).endpoints[0].poll


def test_all_fields_are_read(tmp_path: Path) -> None:
    written = (
        '{ path = "/result/{call_id}", every = 0.5, pending = { status = ["queued", "running"] }, '
        'failed = { "job.state" = ["dead"] }, result = "/files/{name}" }'
    )
    assert poll(tmp_path, written) == Poll(
        path="/result/{call_id}",
        every=0.5,
        pending={"status": ("queued", "running")},
        failed={"job.state": ("dead",)},
        result="/files/{name}",
    )


def test_without_a_path_the_answers_location_is_asked_once_a_second(tmp_path: Path) -> None:
    assert poll(tmp_path, "{}") == Poll(path=None, every=1.0)


@pytest.mark.parametrize("path", ["{status_url}", "{urls.get}?wait=1", "/r/{a}/{b.0.c}", "/fixed"])
def test_a_path_may_come_from_the_answer(tmp_path: Path, path: str) -> None:
    assert poll(tmp_path, f'{{ path = "{path}" }}') == Poll(path=path)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("3", "poll: expected a table, got an integer"),
        ("{ pth = '/x' }", "poll.pth: unknown field; did you mean path?"),
        ("{ every = 0 }", "poll.every: expected seconds above 0 and up to 3600"),
        ("{ every = 3601 }", "poll.every: expected seconds above 0 and up to 3600"),
        ("{ every = 'often' }", "poll.every: expected a number, got a string"),
        (
            "{ path = 'result' }",
            "poll.path: expected a path that begins with /, or with a field that holds one",
        ),
        ("{ path = '/a b' }", "poll.path: expected a path such as /result/{call_id}, without spaces"),
        ("{ path = '/{}' }", "poll.path: expected a path such as /result/{call_id}, without spaces"),
        ("{ result = '/r#x' }", "poll.result: expected a path such as /result/{call_id}, without spaces"),
        ("{ pending = { status = [] } }", "poll.pending.status: expected values, such as"),
        ("{ pending = { status = 'queued' } }", "poll.pending[...]: expected an array, got a string"),
        ("{ failed = ['x'] }", "poll.failed: expected a table, got an array"),
        (
            "{ pending = { s = ['a'] }, failed = { s = ['a'] } }",
            "poll.failed.s: a is under pending as well",
        ),
    ],
)
def test_a_mistake_has_a_message_of_its_own(tmp_path: Path, written: str, expected: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        poll(tmp_path, written)
    assert f"endpoints.toml: /x: {expected}" in str(caught.value)


def test_fields_are_filled_in_by_their_paths() -> None:
    answer = {"call_id": "fc-1", "job.id": "7"}
    assert jobs.fields("/r/{call_id}?j={job.id}") == ["call_id", "job.id"]
    assert jobs.fill("/r/{call_id}?j={job.id}", answer.__getitem__) == "/r/fc-1?j=7"
    assert jobs.fill("/r", answer.__getitem__) == "/r"


BOTH = "an answer comes bit by bit, or is asked for: give stream or poll, not both"


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ('stream = "sse"\npoll = {}', "poll"),
        ('cases.a = { stream = "sse", poll = {} }', r"cases.a.stream"),
    ],
)
def test_an_endpoint_is_a_stream_or_a_job(tmp_path: Path, more: str, where: str) -> None:
    with pytest.raises(CatalogueError, match=f"{where}: {BOTH}"):
        load(written(tmp_path, more))


def test_the_one_takes_the_place_of_the_others_default(tmp_path: Path) -> None:
    (streamed, asked), (other, case) = (
        load(written(tmp_path, more, defaults)).endpoints
        for defaults, more in (
            ("poll = {}", 'stream = "sse"\ncases.a = { poll = {} }'),
            ('stream = "sse"', 'poll = {}\ncases.a = { stream = "ndjson" }'),
        )
    )
    assert (streamed.stream, streamed.poll) == ("sse", None)
    assert (asked.stream, asked.poll) == (None, Poll())
    assert (other.stream, other.poll) == (None, Poll())
    assert (case.stream, case.poll) == ("ndjson", None)


def written(directory: Path, more: str, defaults: str = "") -> Path:
    path = directory / "endpoints.toml"
    path.write_text(
        f'[defaults]\n{defaults}\n[apps.a]\nurl = "https://a.example"\n'
        f'[[endpoints]]\npath = "/x"\napp = "a"\ncategory = "A"\n{more}\n'
    )
    return path
