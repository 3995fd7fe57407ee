"""What Modal's edge and the network say, and the one word that it comes to."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import typing
from typing import TYPE_CHECKING

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from measure_server import Server, answer, answering

from pytest_modal_bench.call import causes
from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.model import Cause

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from measure_server import Connection

HOST = "acme--flux-web.modal.run"
ALL: tuple[Cause, ...] = typing.get_args(Cause)
EDGE: list[tuple[int, str, Cause]] = [
    (401, "modal-http: missing credentials for proxy authorization", "proxy_auth"),
    (401, "modal-http: invalid credentials for proxy authorization", "proxy_auth"),
    (404, "modal-http: invalid function call", "not_deployed"),
    (404, "modal-http: app for invoked web endpoint is stopped", "app_stopped"),
    (404, "modal-http: workspace ac-0aB1 is disabled", "workspace_disabled"),
    (429, "modal-http: Webhook failed: workspace billing cycle spend limit reached", "spend_limit"),
    (429, "modal-http: Function fu-1 reached pending input queue limit (2000) of it", "queue_full"),
    (429, "modal-http: Input rate limit (200/s) exceeded for function fu-1", "rate_limited"),
    (400, "modal-http: bad redirect method", "bad_redirect"),
    (408, "Missing request, possibly due to expiry or cancellation", "input_lost"),
    (500, "modal-http: internal error: function was terminated by signal", "killed"),
    (500, "modal-http: internal error: function execution timed out", "function_timeout"),
    (500, "modal-http: internal error: status Failure: KeyError('x')\nTraceback", "application"),
    (500, "modal-http: internal error: status InternalFailure: lost", "platform"),
]


def of_answer(status: int, body: str, content_type: str | None = None, host: str = HOST) -> Cause:
    headers = {} if content_type is None else {"content-type": content_type}
    return causes.of_answer(status, body, headers, host=host)


@pytest.mark.parametrize(("status", "body", "cause"), EDGE)
@pytest.mark.parametrize("ending", ["", "\n", "\r\n\n"])
@pytest.mark.parametrize("content_type", [None, "text/plain", "Text/Plain; charset=utf-8"])
def test_what_modals_edge_answers(
    status: int, body: str, cause: Cause, ending: str, content_type: str | None
) -> None:
    assert of_answer(status, body + ending, content_type) == cause


@pytest.mark.parametrize(("status", "body", "cause"), EDGE)
def test_its_words_with_another_status_are_not_taken_for_it(status: int, body: str, cause: Cause) -> None:
    expected = "application" if status == 408 else "unknown"  # the one that does not say who speaks
    assert of_answer(418, body) == expected != cause


@pytest.mark.parametrize(("status", "body"), [each[:2] for each in EDGE])
def test_an_app_that_quotes_it_speaks_for_itself(status: int, body: str) -> None:
    app_says = "rate_limited" if status == 429 else "application"
    assert of_answer(status, f'{{"detail": "{body}"}}', "application/json") == app_says
    assert of_answer(status, body, "text/html") == app_says
    assert of_answer(status, f"upstream said: {body}") == app_says


@pytest.mark.parametrize(
    "body",
    [
        '{"detail": "LoRA not found"}',
        '{"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]}',
        '{"detail": {"code": 7}}',
        '{"error": "out of luck", "details": "Traceback", "type": "ValueError"}',
        "Internal Server Error",
        "",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 404, 408, 422, 500, 502, 503, 599])
def test_all_else_with_an_error_status_is_the_applications(status: int, body: str) -> None:
    assert of_answer(status, body, "application/json") == of_answer(status, body) == "application"


def test_a_429_that_is_not_the_edges_is_a_rate_limit() -> None:
    assert of_answer(429, '{"detail": "slow down"}', "application/json") == "rate_limited"
    assert of_answer(429, "") == "rate_limited"


@pytest.mark.parametrize("host", ["acme--x.modal.direct", "ACME--x.Modal.Direct", "acme--x.modal.direct:443"])
def test_a_503_of_a_modal_server_is_its_start_whatever_it_says(host: str) -> None:
    assert of_answer(503, "starting", host=host) == "booting"
    assert of_answer(503, "{}", "application/json", host=host) == "booting"
    assert of_answer(502, "bad", host=host) == "application"
    assert of_answer(503, "starting", host=f"{host.partition(':')[0]}.example") == "application"


def test_words_of_the_edge_that_are_not_known_here_are_nobodys_fault() -> None:
    assert of_answer(400, "modal-http: request header not allowed\n") == "unknown"
    assert of_answer(500, "modal-http: internal error: status Never: heard of") == "unknown"
    assert of_answer(500, "modal-http: internal error: status FailureOfAnotherKind") == "unknown"


def test_a_status_that_is_no_error_is_not_explained() -> None:
    assert of_answer(304, "") == of_answer(0, "") == "unknown"


@given(st.integers(0, 999), st.text(), st.none() | st.text(), st.text())
def test_every_answer_has_a_cause(status: int, body: str, content_type: str | None, host: str) -> None:
    assert of_answer(status, body, content_type, host) in ALL


# --- Exceptions, as the libraries really raise them ---


def raised_by(url: str, timeout: float = 5) -> Exception:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.RequestException) as raised:
            session.get(url, timeout=timeout)
    return raised.value


def close_at_once(connection: Connection) -> None:
    connection.receive()


def answer_garbage(connection: Connection) -> None:
    connection.receive()
    connection.send(b"what?\r\n")


def break_off(connection: Connection) -> None:
    connection.receive()
    connection.send(answer(b"0123456789")[:-5])


def say_nothing(connection: Connection) -> None:
    connection.hold()


@pytest.mark.parametrize(
    ("handle", "cause"),
    [
        (close_at_once, "connection_lost"),
        (answer_garbage, "connection_lost"),
        (break_off, "connection_lost"),
        (say_nothing, "timeout"),
    ],
)
def test_a_server_that_fails(handle: Callable[[Connection], None], cause: Cause) -> None:
    with Server(handle) as server:
        assert causes.of_exception(raised_by(server.url, timeout=0.2)) == cause


def test_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert causes.of_exception(raised_by(f"http://127.0.0.1:{port}")) == "refused"


def test_a_name_without_an_address() -> None:
    assert causes.of_exception(raised_by("http://nowhere.invalid")) == "dns"


def test_a_handshake_that_is_cut_off() -> None:
    def cut(connection: Connection) -> None:
        connection.socket.recv(1 << 16)

    with Server(cut) as server:
        assert causes.of_exception(raised_by(server.url.replace("http:", "https:"))) == "tls"


def test_a_server_without_tls() -> None:
    def speak_http(connection: Connection) -> None:
        connection.socket.recv(1 << 16)
        connection.send(answer(status="400 Bad Request"))

    with Server(speak_http) as server:
        assert causes.of_exception(raised_by(server.url.replace("http:", "https:"))) == "tls"


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Server(answering(lambda _: answer(b"ok")), tls=context) as server:
        assert causes.of_exception(raised_by(server.url)) == "tls"


def cut_off_while_reading(reason: Exception) -> CallError:
    """What the client raises when the connection goes away in the middle of an answer."""
    broken = urllib3.exceptions.ProtocolError(f"Connection broken: {reason!r}", reason)
    broken.__cause__ = reason
    error = CallError("connection lost after 3 bytes")
    error.__context__, error.__suppress_context__ = broken, True
    return error


@pytest.mark.parametrize(
    "reason",
    [
        urllib3.exceptions.IncompleteRead(3, 7),
        ConnectionResetError(104, "Connection reset by peer"),
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
        urllib3.exceptions.SSLError("EOF"),
    ],
)
def test_a_connection_that_breaks_while_an_answer_is_read(reason: Exception) -> None:
    assert causes.of_exception(cut_off_while_reading(reason)) == "connection_lost"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (ConnectionRefusedError(111, "Connection refused"), "refused"),
        (ssl.SSLCertVerificationError("certificate verify failed"), "tls"),
        (TimeoutError("timed out"), "timeout"),
        (BrokenPipeError(32, "Broken pipe"), "connection_lost"),
        (urllib3.exceptions.DecodeError("not gzip"), "invalid_output"),
        (requests.exceptions.InvalidURL("no host"), "unknown"),
        (ValueError("DNS refused a timeout"), "unknown"),
        (CallError("answer larger than 5 bytes"), "unknown"),
        (KeyboardInterrupt(), "unknown"),
    ],
)
def test_the_type_counts_and_not_the_text(error: BaseException, cause: Cause) -> None:
    assert causes.of_exception(error) == cause


def test_a_chain_that_bites_its_tail_ends() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert causes.of_exception(one) == "unknown"


# --- What it means ---


@pytest.mark.parametrize("cause", ALL)
@pytest.mark.parametrize("app", ["ryla-flux", None])
def test_every_cause_is_explained_in_a_line_each(cause: Cause, app: str | None) -> None:
    explained = causes.explain(cause, app=app)
    for line in (explained.meaning, explained.remedy):
        assert line == " ".join(line.split())
        assert line[-1] in ".…"
        assert not re.search(r"[{}]", line)


@pytest.mark.parametrize(
    ("cause", "names"),
    [
        ("timeout", "`modal app logs ryla-flux`"),
        ("timeout", "raise the endpoint's `timeout`"),
        ("not_deployed", "`modal app list`"),
        ("proxy_auth", "MODAL_KEY"),
        ("proxy_auth", "MODAL_SECRET"),
        ("proxy_auth", "`modal token`"),
        ("spend_limit", "workspace budget"),
        ("workspace_disabled", "budget"),
        ("killed", "`memory`"),
        ("application", "`modal app logs ryla-flux`"),
    ],
)
def test_a_remedy_names_what_to_try(cause: Cause, names: str) -> None:
    assert names in causes.explain(cause, app="ryla-flux").remedy


def test_without_an_app_the_reader_puts_its_name_in() -> None:
    assert "`modal app logs APP`" in causes.explain("application", app=None).remedy


def test_which_failures_are_certain_to_hit_all_of_a_pool() -> None:
    assert {cause for cause in ALL if causes.hits_pool(cause)} == {
        "dns",
        "refused",
        "proxy_auth",
        "not_deployed",
        "app_stopped",
        "workspace_disabled",
        "spend_limit",
    }
