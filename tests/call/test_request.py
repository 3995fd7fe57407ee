from __future__ import annotations

import base64
import json
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.call.request import Request, RequestError, build
from pytest_modal_bench.model import Endpoint, Resource

IMAGE = Resource(data=b"\x89PNG image", media_type="image/png", name="portrait.png")
VIDEO = Resource(data=b"ftyp video", media_type="video/mp4", name="clip.mp4")
RESOURCES: dict[str, Resource | str] = {"image": IMAGE, "video": VIDEO, "lora": "test-benchmark"}
ENVIRON = {"MODAL_KEY": "wk-secret-key\n", "EMPTY": "", "TWO_LINES": "first\nsecond"}


def built(**fields: Any) -> Request:
    given = {
        "id": "flux",
        "name": "Flux",
        "path": "/flux",
        "app": "a",
        "url": "https://a.modal.run/",
        "pool": "a",
    }
    endpoint = Endpoint(**{**given, "category": "Flux", **fields})
    return build(endpoint, RESOURCES, seed=7, environ=ENVIRON)


def payload(value: object) -> Any:
    return json.loads(built(payload=value).body or b"")


def test_a_payload_is_json_with_its_placeholders_filled() -> None:
    filled = payload(
        {
            "seed": "{seed}",
            "prompt": "seed {seed} of {a|b} {{seed}}",
            "image": "{image}",
            "plain": "{image:base64}",
            "videos": ["{video:datauri}"],
            "lora_id": "{lora}",
            "steps": 4,
        }
    )
    encoded = base64.b64encode(IMAGE.data).decode()
    assert filled == {
        "seed": 7,
        "prompt": "seed 7 of {a|b} {seed}",
        "image": f"data:image/png;base64,{encoded}",
        "plain": encoded,
        "videos": [f"data:video/mp4;base64,{base64.b64encode(VIDEO.data).decode()}"],
        "lora_id": "test-benchmark",
        "steps": 4,
    }


def test_a_request_says_what_it_is_and_who_sends_it() -> None:
    request = built(payload={}, method="post")
    assert (request.method, request.url) == ("POST", "https://a.modal.run/flux")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("pytest-modal-bench/")


def test_headers_of_the_catalogue_win() -> None:
    request = built(
        payload={}, headers={"content-type": "application/x-own", "X-Seed": "{seed}", "X-Id": "{lora}/é"}
    )
    assert request.headers["Content-Type"] == "application/x-own"
    assert request.headers["X-Seed"] == "7"
    assert request.headers["X-Id"].encode("latin-1").decode() == "test-benchmark/é"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_without_payload_there_is_no_body(method: str) -> None:
    request = built(method=method)
    assert request.body is None
    assert "content-type" not in request.headers


def test_a_query_joins_what_the_address_has() -> None:
    request = built(
        url="http://127.0.0.1:1/base", path="/x?a=1", query={"b": ["2", 3], "c": "{lora}", "d": True}
    )
    assert request.url.startswith("http://127.0.0.1:1/base/x?")
    assert parse_qsl(urlsplit(request.url).query) == [
        ("a", "1"), ("b", "2"), ("b", "3"), ("c", "test-benchmark"), ("d", "true"),
    ]  # fmt: skip


def test_a_form_is_urlencoded() -> None:
    request = built(form={"prompt": "a & b", "seed": "{seed}", "sizes": [1, 2], "more": {"x": None}})
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl((request.body or b"").decode()) == [
        ("prompt", "a & b"), ("seed", "7"), ("sizes", "1"), ("sizes", "2"), ("more", '{"x":null}'),
    ]  # fmt: skip


def test_a_form_with_a_file_is_multipart() -> None:
    request = built(form={"prompt": "a", "file": "{image:bytes}", "seed": "{seed}"})
    message = message_from_bytes(b"Content-Type: %b\r\n\r\n%b" % (
        request.headers["content-type"].encode(), request.body or b"",
    ))  # fmt: skip
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part.get_param("name", header="content-disposition") for part in parts] == [
        "prompt",
        "file",
        "seed",
    ]
    assert [part.get_payload(decode=True) for part in parts] == [b"a", IMAGE.data, b"7"]
    assert parts[1].get_filename() == "portrait.png"
    assert parts[1].get_content_type() == "image/png"


def test_secrets_come_from_the_environment_and_are_known() -> None:
    request = built(
        headers={"X-Proxy": "key {env:MODAL_KEY}", "Cookie": "a=1234; b=session", "X-Plain": "plain"}
    )
    assert request.headers["X-Proxy"] == "key wk-secret-key"
    assert {"wk-secret-key", "key wk-secret-key", "session"} <= request.secrets
    assert "plain" not in request.secrets
    assert {
        "x-proxy",
        "cookie",
        "authorization",
        "modal-key",
        "modal-secret",
        "x-api-key",
    } <= request.secret_headers
    assert "x-plain" not in request.secret_headers


def test_two_headers_may_hold_the_same_secret() -> None:
    request = built(headers={"X-One": "{env:MODAL_KEY}", "X-Two": "{env:MODAL_KEY}"})
    assert {"x-one", "x-two"} <= request.secret_headers


def test_its_repr_says_nothing_of_secrets() -> None:
    request = built(
        headers={"Authorization": "Bearer very-secret", "X-Own": "{env:MODAL_KEY}"},
        query={"key": "wk-secret-key"},
        payload={"a": "private"},
    )
    assert repr(request) == "<Request POST https://a.modal.run/flux?key=[redacted], 15 bytes>"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"payload": "{mask}"}, "{mask}: there is no test mask"),
        ({"headers": {"X-A": "{env:NONE}"}}, "the environment variable NONE is not set"),
        ({"headers": {"X-A": "{env:EMPTY}"}}, "the environment variable EMPTY is not set"),
        (
            {"headers": {"X-A": "{env:TWO_LINES}"}},
            "header X-A: its value holds characters that no header may",
        ),
        (
            {"form": {"x": "a {image:bytes}"}},
            "a file's bytes are a form field of their own: nothing may stand beside them",
        ),
        (
            {"payload": "{image:bytes}"},
            "a file's bytes are a form field of their own: nothing may stand beside them",
        ),
    ],
)
def test_what_cannot_be_built_says_why(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as refused:
        built(**fields)
    assert str(refused.value) == message


@given(st.text(), st.text(min_size=1), st.text())
def test_queries_survive_any_text(before: str, name: str, value: str) -> None:
    texts = [each.replace("{", "").encode("utf-8", "replace").decode() for each in (before, name, value)]
    request = built(query={texts[1] or "n": [texts[0], texts[2]]})
    sent = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    assert sent == [(texts[1] or "n", texts[0]), (texts[1] or "n", texts[2])]
