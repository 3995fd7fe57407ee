from __future__ import annotations

from pytest_modal_bench.call.prepared import prepare


def test_a_request_is_sent_with_its_own_headers_and_length() -> None:
    prepared = prepare("post", "http://host/a b?q=ü", {"X-Own": "1"}, b"abc")

    assert (prepared.method, prepared.url, prepared.body) == ("POST", "http://host/a%20b?q=%C3%BC", b"abc")
    assert prepared.headers == {"X-Own": "1", "Content-Length": "3"}


def test_credentials_in_an_address_become_a_header() -> None:
    prepared = prepare("GET", "http://me:secret@host/", {}, None)

    assert prepared.headers == {"Authorization": "Basic bWU6c2VjcmV0"}
