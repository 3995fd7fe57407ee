"""What queues and job APIs are known to answer when they are asked for a job."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from pytest_modal_bench.answers import job_answers
from pytest_modal_bench.model import Poll

POLL = Poll(path="/jobs/{id}")
RESULT = Poll(path="/jobs/{id}", result="{url}")
OWN = Poll(path="/jobs/{id}", pending={"phase": ("Warm",), "left": ("3",)}, failed={"phase": ("Kaput",)})
COMFY_UI_FAILED = {
    "status_str": "error",
    "completed": False,
    "messages": [
        ["execution_start", {"prompt_id": "0f8fad5b"}],
        ["execution_error", {"node_type": "KSampler", "exception_message": "CUDA out of memory"}],
    ],
}


def state(said: object, poll: Poll = POLL, *, status: int = 200, ordered: tuple[str, ...] = ()) -> str:
    return job_answers.state(said, status, poll, ordered).name


@pytest.mark.parametrize(
    "said",
    [
        {"id": "x", "status": "IN_QUEUE", "queue_position": 3, "response_url": "https://x"},
        {"status": "IN_PROGRESS", "logs": []},
        {"id": "x", "status": "processing", "output": ["so far"]},
        {"id": "x", "status": "starting", "output": None, "error": None},
        {"task_id": "x", "status": "PENDING", "result": None},
        {"task_id": "x", "status": "RETRY"},
        {"task_id": "x", "status": "STARTED", "result": {"pid": 1}},
        {"job": {"id": "x", "status": "deferred"}},
        {"code": 200, "msg": "ok", "data": {"taskId": "x", "state": "running"}},
        {"status": "success", "data": {"status": "generating"}},
        {"done": False, "name": "operations/1"},
        {"ready": False},
        {"completed": False, "progress": 0.4},
        {"status": 202, "message": "hold on"},
        {"code": 202},
        {"queued": True},
        {"items": [{"status": "done"}, {"status": "running"}]},
        {"call_id": "fc-1"},
        {"detail": "Job is still running"},
        {"message": "not ready"},
        {"status": "running", "message": "worker failed, trying again"},
        {},
        *("pending", "Running", "IN_PROGRESS", "fc-1234"),
    ],
)
def test_a_job_goes_on(said: Any) -> None:
    assert state(said) == "pending"


@pytest.mark.parametrize(
    "said",
    [
        UNSET,
        *("a lake at dawn", "ok", "", 3, None, [], ["a"]),
        {"status": "COMPLETED", "output": "x"},
        {"id": "x", "status": "succeeded", "output": ["https://x"]},
        {"task_id": "x", "status": "SUCCESS"},
        {"status": "finished", "data": {"status": "running"}},
        {"done": True, "response": {"text": "x"}},
        {"image": "aGk=", "message": "queued for 2 s"},
        {"result": {"caption": "a lake"}, "id": "fc-123"},
        {
            "0f8fad5b": {
                "outputs": {"9": {"images": []}},
                "status": {"status_str": "success", "completed": True},
            }
        },
        {"job": {"id": "x", "state": "completed", "result": {"n": 1}}},
        {"status": "whatever"},
        {"status": "ok", "video": "https://x"},
    ],
)
def test_a_job_is_done(said: Any) -> None:
    assert state(said) == "done"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"status": "FAILED"}, "FAILED"),
        ({"task_id": "x", "status": "FAILURE", "result": "ValueError"}, "FAILURE"),
        ({"status": "running", "error": "CUDA out of memory"}, "CUDA out of memory"),
        ({"done": True, "error": {"code": 3, "message": "no GPU"}}, "no GPU"),
        ({"success": False}, "`success` says so, and nothing gives a reason"),
        ({"detail": "no such thing"}, "no such thing"),
        ({"0f8fad5b": {"status": COMFY_UI_FAILED}}, "error: CUDA out of memory"),
    ],
)
def test_a_job_has_failed(said: Any, words: str) -> None:
    found = job_answers.state(said, 200, POLL)
    assert (found.name, found.words) == ("failed", words)


def test_status_202_is_never_an_answer_but_of_a_failure() -> None:
    for said in (UNSET, {"image": "x"}, {"detail": "hold on"}, {"status": "completed"}, None, [1]):
        assert state(said, status=202) == "pending"
    assert state({"status": "failed"}, status=202) == "failed"
    assert state({"error": "no GPU"}, status=202) == "failed"


def test_the_catalogues_words_come_before_the_usual_ones() -> None:
    assert state({"phase": "warm", "status": "failed"}, OWN) == "pending"
    assert state({"phase": "kaput", "status": "running"}, OWN) == "failed"
    assert state({"phase": "kaput"}, OWN, status=202) == "failed"
    assert state({"left": 3, "result": "x"}, OWN) == "pending"
    assert state({"left": 0, "result": "x"}, OWN) == "done"
    assert state({"phase": "else", "status": "running"}, OWN) == "pending"
    assert (
        job_answers.state({"phase": "kaput", "error": "no GPU"}, 200, OWN).words == "`phase` is kaput: no GPU"
    )


def test_a_ticket_that_names_the_result_is_done_where_the_catalogue_fetches_it() -> None:
    assert state({"id": "x", "url": "https://x"}) == "pending"
    assert state({"id": "x", "url": "https://x"}, RESULT) == "done"
    assert state({"id": "x", "url": None}, RESULT) == "pending"
    assert state({"id": "x", "url": "https://x", "status": "queued"}, RESULT) == "pending"


def test_a_field_that_the_catalogue_expects_is_a_result() -> None:
    assert state({"id": "x"}) == "pending"
    assert state({"id": "x"}, ordered=("id",)) == "done"
    assert state({"message": "an error occurred to me"}, ordered=("message",)) == "done"


@pytest.mark.parametrize(
    ("said", "path", "text"),
    [
        ({"id": "x"}, "id", "x"),
        ({"id": 7}, "id", "7"),
        ({"id": 0}, "id", "0"),
        ({"id": 12345678901234567890}, "id", "12345678901234567890"),
        ({"a": {"b": ["x", "y"]}}, "a.b.1", "y"),
        ({"a.b": "x"}, "a.b", "x"),
        ({"id": True}, "id", None),
        ({"id": None}, "id", None),
        ({"id": ""}, "id", None),
        ({"id": ["x"]}, "id", None),
        ({"id": "x" * 4097}, "id", None),
        ({}, "id", None),
        ("text", "id", None),
        (UNSET, "id", None),
    ],
)
def test_a_text_or_a_number_is_what_is_asked_with(said: Any, path: str, text: str | None) -> None:
    assert job_answers.field(said, path) == text


def test_what_there_is_instead_is_named_in_bounded_words() -> None:
    many = {f"field{number}": 1 for number in range(1000)}
    assert job_answers.lack(many, "id").endswith("field11 and 988 more")
    assert job_answers.lack("x" * 10_000, "id") == f"has no `id`: the text '{'x' * 100}'"
    assert job_answers.lack("\ufffdPNG\r\n", "id") == "has no `id`: neither JSON nor text"
    assert job_answers.lack(7, "id") == "has no `id`: 7"


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["running", "failed", "done", "fc-123"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["status", "state", "id", "error", "data", "message", "done"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_like, st.sampled_from([200, 201, 202, 204]))
def test_any_answer_is_one_of_the_three(said: Any, status: int) -> None:
    assert state(said, status=status) in ("pending", "failed", "done")
    job_answers.field(said, "data.id")
    assert job_answers.lack(said, "data.id")
