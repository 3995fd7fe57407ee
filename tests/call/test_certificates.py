from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import pytest
from measure_server import Server, answer, answering

from pytest_modal_bench.call.certificates import VARIABLES, check_certificates, ssl_context
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(params=["missing", "empty", "no certificate", "pipe", "device", "loop"])
def unusable(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "bundle.pem"
    match request.param:
        case "empty":
            path.touch()
        case "no certificate":
            path.write_text("hello")
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
    return path


@pytest.mark.parametrize("variable", VARIABLES)
def test_certificates_that_cannot_be_read_are_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, unusable: Path, variable: str
) -> None:
    monkeypatch.setenv(variable, str(unusable))
    with pytest.raises(ValueError, match=r"^no certificates in .*bundle\.pem .*") as caught:
        check_certificates()
    assert f"(named by {variable}), which https needs: " in str(caught.value)
    assert str(caught.value).isprintable()


def test_http_needs_no_certificates(monkeypatch: pytest.MonkeyPatch, unusable: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(unusable))
    with Server(answering(lambda _: answer(b"ok"))) as server, Client() as client:
        assert client.call(Request(method="GET", url=server.url), deadline_sec=5, fresh=True).ok


def test_https_without_certificates_fails_the_call_and_says_why(
    monkeypatch: pytest.MonkeyPatch, unusable: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(unusable))
    with Client() as client:
        got = client.call(Request(method="GET", url="HTTPS://127.0.0.1:1/"), deadline_sec=5, fresh=True)
    assert (got.ok, got.cause) == (False, "tls")
    assert got.error is not None
    assert got.error.startswith("no certificates in ")


def test_certificates_may_lie_in_a_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    context = ssl_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_without_a_variable_those_of_requests_are_trusted() -> None:
    check_certificates()
    assert ssl_context().get_ca_certs()
