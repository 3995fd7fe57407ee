"""What queues and job APIs are known to answer with before there is a result."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.accepted_work import is_accepted_only

PENDING = (
    "queued",
    "PENDING",
    "running",
    "in_progress",
    "IN_QUEUE",
    "In Progress",
    "processing",
    "starting",
    "accepted",
)


@pytest.mark.parametrize(
    "body",
    [
        "fc-01KABCDEF",
        " fc-123\n",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        ["fc-1234", "fc-5678"],
        {"call_id": "fc-1"},
        {"callId": "anything"},
        {"function_call": "fc-01"},
        {"id": "x"},
        {"job_id": 7, "status": "ok"},
        {"task_ids": ["a", "b"]},
        {"result": "fc-123456"},
        {"code": 200, "msg": "ok", "data": {"taskId": "x"}},
        {"prompt_id": "a", "number": 3, "node_errors": {}},
        {"message": "Job queued", "id": "1"},
        {"message": "Your request was accepted."},
        {"accepted": True},
        {"request_id": "r", "status": "IN_QUEUE", "queue_position": 3, "response_url": "https://x"},
        {"id": "x", "status": "processing", "output": None, "urls": {"get": "https://x"}, "model": "m"},
        {"id": "x", "status": "starting", "version": 1, "owner": "me"},
        {"task": {"id": "t", "status": "queued"}},
    ],
)
def test_an_answer_that_only_names_work_is_no_result(body: Any) -> None:
    assert is_accepted_only(body)


@pytest.mark.parametrize("status", PENDING)
def test_a_status_of_work_that_goes_on_is_no_result(status: str) -> None:
    assert is_accepted_only({"status": status})
    assert is_accepted_only({"id": "x", "State": status, "progress": 0.1})


@pytest.mark.parametrize(
    "body",
    [
        *("cat", "fc", "ok", "", 3, None, True, [], {}, ["a", "b"], "a-sentence with words"),
        {"status": "ok"},
        {"status": "healthy", "version": "1"},
        {"uptime": 3, "status": "running"},
        {"label": "cat"},
        {"image": "aGk=", "id": "fc-123456"},
        {"id": "x", "status": "completed", "output": ["https://x"]},
        {"job_id": "x", "result": {"label": "y"}},
        {"status": "success", "task_id": "t", "image": "x"},
        {"created": 1, "data": [{"url": "https://x"}]},
        {"id": "x", "name": "y", "size": 3},
        {"id": "x", "embedding": [0.1]},
        {"images": ["u"], "request_id": "r"},
        {"message": "hello"},
        {"url": "https://x/y.png"},
    ],
)
def test_an_answer_that_holds_something_else_is_a_result(body: Any) -> None:
    assert not is_accepted_only(body)


def test_a_plain_id_that_is_asked_for_is_a_result_and_a_jobs_is_not() -> None:
    assert not is_accepted_only({"id": "x"}, ["id"])
    assert is_accepted_only({"id": "fc-123"}, ["id"])
    assert is_accepted_only({"call_id": "x"}, ["call_id"])
    assert is_accepted_only({"id": "x", "status": "queued"}, ["id", "status"])


@given(
    st.sampled_from(PENDING),
    st.dictionaries(
        st.sampled_from(["job_id", "created_at", "eta", "position", "message"]),
        st.text(max_size=5) | st.none(),
    ),
    st.lists(st.sampled_from(["data", "result", "job", "task", "response"]), max_size=3),
)
def test_work_that_goes_on_is_no_result_under_any_envelope(
    status: str, beside: dict[str, object], envelopes: list[str]
) -> None:
    body: object = {"status": status} | beside
    for name in envelopes:
        body = {name: body}

    assert is_accepted_only(body)
