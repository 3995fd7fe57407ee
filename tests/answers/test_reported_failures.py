"""What servers are known to say of a failure under a status that says nothing of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.reported_failures import Failure, find

SAYS: list[tuple[Any, str, str]] = [
    ({"image": None, "error": "CUDA out of memory"}, "error", "CUDA out of memory"),
    ([{"error": "oom"}, 500], "1", "oom"),
    ([{"detail": "Not Found"}, 404, {"X-A": "b"}], "1", "Not Found"),
    (["CUDA out of memory", 500], "1", "CUDA out of memory"),
    ([None, 500], "1", "500"),
    ({"success": False, "message": "no GPU"}, "success", "no GPU"),
    ({"id": "x", "status": "FAILED", "error": "boom"}, "error", "boom"),
    ({"error": "unknown", "warnings": ["slow"]}, "error", "unknown"),
    ({"error": "OOM", "seed": 4, "model": "flux", "elapsed": 0.3}, "error", "OOM"),
    ({"error": "boom", "details": "…", "type": "RuntimeError", "result": None}, "error", "boom"),
    ({"images": [], "error": "nsfw"}, "error", "nsfw"),
    ({"error": True, "message": "boom", "image": "aGk="}, "error", "boom"),
    ({"error": 7}, "error", "7"),
    ({"error": {"code": 500, "message": "bad thing"}}, "error", "bad thing"),
    ({"error": {"width": "too large"}}, "error", "width: too large"),
    ({"Error": "Boom"}, "Error", "Boom"),
    ({"error_message": "bad", "image": ""}, "error_message", "bad"),
    ({"data": None, "errors": [{"message": "bad query"}]}, "errors", "bad query"),
    ({"errors": ["a", {"msg": "b"}]}, "errors", "a; b"),
    ({"result": {"error": "inner"}}, "result.error", "inner"),
    ({"ok": True, "output": {"result": {"errors": ["deep"]}}}, "output.result.errors", "deep"),
    ({"results": [{"image": "x"}, {"error": "oom"}]}, "results.1.error", "oom"),
    ([{"error": "in a list"}], "0.error", "in a list"),
    ([{"status": "failed"}, {"status": "FAILED"}], "0.status", "failed"),
    ({"detail": "Not Found", "status": 404}, "status", "404: Not Found"),
    ({"detail": "Not Found"}, "detail", "Not Found"),
    ({"detail": [{"loc": ["body", "a"], "msg": "field required"}]}, "detail", "body.a: field required"),
    ({"message": "Internal Server Error"}, "message", "Internal Server Error"),
    ({"exception": "ValueError: bad"}, "exception", "ValueError: bad"),
    ({"traceback": "Traceback …"}, "traceback", "Traceback …"),
    ({"isError": True, "content": [{"type": "text", "text": "bad"}]}, "isError", "bad"),
    ({"type": "error", "message": "bad"}, "type", "bad"),
    ({"object": "error", "message": "bad", "code": 40303}, "object", "bad"),
    ({"statusCode": 500, "body": "{}"}, "statusCode", "500"),
    ({"code": 500, "msg": "boom"}, "code", "500: boom"),
    ({"abc": {"status": {"status_str": "error"}}}, "abc.status.status_str", "error"),
    ({"node_errors": {"3": {"errors": [{"message": "bad"}]}}}, "node_errors", "3: bad"),
    ('{"error": "twice encoded"}', "error", "twice encoded"),
    ("Error: CUDA out of memory", "", "Error: CUDA out of memory"),
    ("torch.cuda.OutOfMemoryError: 2 GiB", "", "torch.cuda.OutOfMemoryError: 2 GiB"),
]
NOTHING: list[Any] = [None, False, "", " ", 0, 0.03, [], {}, "none", "OK", {"mean": 0.1}]
NOTHINGS: list[Any] = [None, [], {}, [None, ""], 3]
FINE: list[Any] = [
    *({"error": nothing} for nothing in NOTHING),
    *({"errors": nothing} for nothing in NOTHINGS),
    {"error": None, "image": "aGk="},
    {"error": "", "status": "done"},
    {"error": "one of two failed", "images": ["aGk="]},
    {"error_rate": 0.1, "error_count": 3},
    {"failed": 0, "ok": 3},
    {"success": True, "image": "x"},
    {"code": 0, "message": "success", "data": {"image": "x"}},
    *(
        {"status": fine}
        for fine in ("succeeded", "ok", "completed", "healthy", "no errors", "not failed", 200)
    ),
    *({key: "error"} for key in ("label", "result", "prediction", "class", "text", "caption")),
    [{"label": "error", "score": 0.3}],
    {"predictions": [{"status": "error", "score": 0.2}]},
    {"data": [{"id": 1, "status": "cancelled"}, {"id": 2, "status": "shipped"}]},
    {"choices": [{"message": {"content": "Error: no"}}]},
    {"text": "the traceback says that it failed"},
    {"title": "Error handling", "text": "…"},
    {"message": "hello"},
    {"message": "no errors found"},
    {"caption": "a detail", "detail": "high"},
    {"value": 500},
    [["cat", 450], ["dog", 3]],
    ["cat", 450],
    *("cat", "Errors are human", 3, 0.5, True, [], {}, [0.1, 0.2], None),
]


@pytest.mark.parametrize(("body", "where", "words"), SAYS)
def test_a_failure_is_found_where_it_is_said_in_the_servers_words(body: Any, where: str, words: str) -> None:
    found = find(body)

    assert found is not None
    assert found.where == where
    assert words in found.words


@pytest.mark.parametrize("body", FINE)
def test_what_only_looks_like_a_failure_is_none(body: Any) -> None:
    assert find(body) is None


@pytest.mark.parametrize(
    "status",
    [
        *(
            "FAILED",
            "Failure",
            "error",
            "Errored",
            "CANCELLED",
            "canceled",
            "timeout",
            "timed out",
            "TIMED_OUT",
        ),
        *("Aborted", "JOB_STATE_FAILED", "task-failed", "rejected", "expired", "500 Internal Server Error"),
    ],
)
@pytest.mark.parametrize("field", ["status", "state", "Status", "job_status", "taskState"])
def test_a_status_that_says_failed_is_a_failure_in_any_case(status: str, field: str) -> None:
    assert find({field: status, "id": "x", "message": "boom"}) == (field, f"{status}: boom")
    assert find({"image": "aGk=", field: status}) == (field, status)


@pytest.mark.parametrize("field", ["ok", "success", "Success", "is_success", "succeeded", "successful"])
@pytest.mark.parametrize("value", [False, 0, "false", "False"])
def test_a_success_that_is_false_is_a_failure(field: str, value: object) -> None:
    assert find({field: value, "reason": "no GPU"}) == (field, "no GPU")
    assert find({"data": {field: value}, "image": "x"}) is not None


def test_a_field_that_is_asked_for_may_hold_the_message_of_an_error() -> None:
    assert find({"error": "as ordered"}, ["error"]) is None
    assert find({"error": "boom", "image": None}, ["image"]) is not None
    assert find({"status": "FAILED"}, ["status"]) is not None
    assert find({"success": False}, ["success"]) is not None


NO_ERROR = ("undefined", "noerror", "noerrors", "success")


@given(
    # hypothesis draws texts from the code under test as well, those among them that say that there is no error.
    st.text(st.characters(categories=["L"]), min_size=6).filter(lambda text: text.lower() not in NO_ERROR),
    st.dictionaries(
        st.sampled_from(["seed", "model", "elapsed", "image", "images", "id"]),
        st.sampled_from([None, [], "", 1]),
    ),
    st.lists(st.sampled_from(["result", "data", "output", "response", "body", "any"]), max_size=4),
)
def test_an_error_without_a_result_is_found_under_any_envelope(
    message: str, beside: dict[str, object], envelopes: list[str]
) -> None:
    body: object = {"error": message} | {
        k: v for k, v in beside.items() if v != 1 or k in ("seed", "elapsed", "id")
    }
    for name in envelopes:
        body = {name: body}

    found = find(body)

    assert found is not None
    assert found.where == ".".join([*reversed(envelopes), "error"])
    assert found.words == message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "status", "data", "ok", "detail", "code", "message", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_is_too_odd_to_look_at(value: object) -> None:
    find(value)
    find([value, 500])


def test_so_many_items_of_a_list_are_looked_at_and_no_more() -> None:
    assert find([{}] * 9_999 + [{"error": "late"}]) == Failure("9999.error", "late")
    assert find([{}] * 10_000 + [{"error": "too late"}]) is None
