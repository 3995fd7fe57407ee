from __future__ import annotations

from pytest_modal_bench.local.edge import answer


def test_the_edge_speaks_plain_text_with_a_trailing_newline() -> None:
    made = answer.text(404, "modal-http: invalid function call")
    assert made == (
        404,
        [("content-type", "text/plain; charset=utf-8")],
        b"modal-http: invalid function call\n",
        None,
    )
    assert made == answer.INVALID_CALL


def test_a_redirect_has_a_location_and_no_body() -> None:
    assert answer.see_other("http://127.0.0.1:1/x") == (
        303,
        [("location", "http://127.0.0.1:1/x")],
        b"",
        None,
    )
