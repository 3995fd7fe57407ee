from __future__ import annotations

import json
from typing import Any

import pytest
from measure_server import Received, Server, answer, answering, redirect
from openapi_documents import URL, document, post

from pytest_modal_bench.init.errors import InitError
from pytest_modal_bench.init.openapi.documents import LARGEST_BYTES, Document, base_url, fetch, read

GOOD = document({"/work": post()})


def fetched(body: bytes | dict[str, Any], path: str = "/openapi.json") -> Document:
    """What is made of a server that answers this at `path`, and has been asked nothing else."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def respond(received: Received) -> bytes:
        return (
            answer(content, content_type="text/html")
            if received.path == path
            else answer(status="404 Not Found")
        )

    with Server(answering(respond)) as server:
        try:
            return fetch(server.url, path, headers={}, environ={}, deadline_sec=20)
        finally:
            assert {(each.method, each.path) for each in server.received} <= {("GET", path)}


def problem(body: bytes | dict[str, Any]) -> str:
    with pytest.raises(InitError) as raised:
        fetched(body)
    assert str(raised.value).isprintable()
    return str(raised.value).partition("/openapi.json: ")[2]


def test_a_document_is_one_get() -> None:
    found = fetched(GOOD)
    assert found.content == GOOD
    assert found.title == "Trial"
    assert found.url.startswith("http://127.0.0.1:")
    assert fetched(GOOD, "/v2/api.json").content == GOOD


def test_headers_are_sent_with_what_the_environment_holds() -> None:
    with Server(answering(lambda _: answer(json.dumps(GOOD).encode()))) as server:
        environ = {"TOKEN": "s3cret"}
        fetch(server.url, "/openapi.json", headers={"X-Key": "{env:TOKEN}"}, environ=environ, deadline_sec=20)
        assert server.received[0].headers["x-key"] == "s3cret"
        with pytest.raises(InitError, match="TOKEN is not set"):
            fetch(server.url, "/openapi.json", headers={"X-Key": "{env:TOKEN}"}, environ={}, deadline_sec=20)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html>", "the answer is not JSON (text/html); --openapi-path names another path"),
        (b"[" * 100_000, "the answer is not JSON (text/html); --openapi-path names another path"),
        (b"\xff", "the answer is not JSON (text/html); --openapi-path names another path"),
        (b"[]", "the answer is no OpenAPI document"),
        (b"{}", "has no `openapi`; init reads OpenAPI 3"),
        ({"swagger": "2.0\n"}, "describes itself as Swagger 2.0; init reads OpenAPI 3"),
        ({"openapi": "4.0.0", "paths": {"/": {}}}, "has OpenAPI 4.0.0; init reads OpenAPI 3"),
        ({"openapi": 3}, "has OpenAPI 3; init reads OpenAPI 3"),
        ({"openapi": "3.1.0"}, "describes no routes"),
        ({"openapi": "3.1.0", "paths": []}, "describes no routes"),
        ({"openapi": "3.1.0", "paths": {}}, "describes no routes"),
    ],
)
def test_what_is_no_document_is_told_in_a_line(body: bytes | dict[str, Any], expected: str) -> None:
    assert problem(body) == expected


def test_an_answer_that_is_too_large_is_not_read() -> None:
    assert "larger than" in problem(b" " * (LARGEST_BYTES + 1))


def test_an_app_that_does_not_answer_is_not_waited_for() -> None:
    with Server(lambda connection: connection.hold()) as server, pytest.raises(InitError, match="Timeout"):
        fetch(server.url, "/openapi.json", headers={}, environ={}, deadline_sec=0.3)


def test_a_port_that_nobody_listens_on_is_named() -> None:
    with Server(lambda _: None) as server:
        url = server.url
    with pytest.raises(InitError, match=f"^{url}/openapi.json: "):
        fetch(url, "/openapi.json", headers={}, environ={}, deadline_sec=20)


def test_an_error_is_the_apps_own() -> None:
    with Server(answering(lambda _: answer(b"no\x1b[31m\nsuch", status="401 Unauthorized"))) as server:
        with pytest.raises(InitError) as raised:
            fetch(server.url, "/openapi.json", headers={}, environ={}, deadline_sec=20)
        assert "HTTP 401" in str(raised.value)
        assert str(raised.value).isprintable()


def test_a_redirect_is_followed() -> None:
    def respond(received: Received) -> bytes:
        return answer(json.dumps(GOOD).encode()) if "held" in received.path else redirect("/held?token=1")

    with Server(answering(respond)) as server:
        assert fetch(server.url, "/openapi.json", headers={}, environ={}, deadline_sec=20).content == GOOD


@pytest.mark.parametrize(
    ("servers", "url", "elsewhere"),
    [
        (None, URL, None),
        ([], URL, None),
        ([{"url": "/"}], URL, None),
        ([{"url": "/v1"}], f"{URL}/v1", None),
        ([{"url": "v1/"}], f"{URL}/v1", None),
        ([{"url": f"{URL}/v2"}], f"{URL}/v2", None),
        ([{"url": "https://other.example/v1"}], URL, "https://other.example/v1"),
        ([{"url": "{scheme}://x"}], URL, "{scheme}://x"),
        ([{"url": 3}], URL, None),
        ("x", URL, None),
    ],
)
def test_a_server_is_believed_on_its_own_host_alone(servers: object, url: str, elsewhere: str | None) -> None:
    found = read({**GOOD, "servers": servers}, URL)
    assert (found.url, found.elsewhere) == (url, elsewhere)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example/v1/openapi.json", "https://a.example/v1"),
    ],
)
def test_a_base_url_may_be_that_of_the_document(given: str, expected: str) -> None:
    assert base_url(given, "/openapi.json") == expected


@pytest.mark.parametrize(
    "given", ["a.example", "ftp://a.example", "https://u:secret@a.example", "https://a?b=secret", ""]
)
def test_what_is_no_base_url_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(InitError) as raised:
        base_url(given, "/openapi.json")
    assert "secret" not in str(raised.value)
