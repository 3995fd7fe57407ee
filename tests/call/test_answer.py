from __future__ import annotations

from client_calls import TOKEN, call, call_once
from measure_server import Server, answer, answering


def test_an_answer_shows_neither_headers_nor_body() -> None:
    got = call_once(answering(lambda _: answer(b"the-body", x_own="the-header")))

    assert (got.body, got.headers["x-own"]) == (b"the-body", "the-header")
    assert "the-body" not in repr(got)
    assert "the-header" not in repr(got)


def test_an_answer_shows_no_secret_of_its_address() -> None:
    with Server(answering(lambda _: answer())) as server:
        got = call(f"{server.url}/?key={TOKEN}")

    assert TOKEN in got.here
    assert TOKEN not in repr(got)
