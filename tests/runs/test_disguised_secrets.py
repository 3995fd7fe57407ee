"""Every place in which a server can repeat a secret, in every disguise: none comes out of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from disguised import ENCODINGS, SECRETS, leaks
from measure_server import Received, Server, answer, answering, redirect

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project

LOUD = ("-vv", "--showlocals", "--tb=long", "-rA", "--log-level=DEBUG", "--log-cli-level=DEBUG")


def one_header(text: str) -> str:
    """What of a text fits into a header: no line ends, and the bytes of UTF-8."""
    return text.replace("\n", "\x0b")


PLACES: dict[str, Callable[[str], bytes]] = {
    "body": lambda said: answer(f"no: {said}".encode(), status="500 Oops", content_type="text/plain"),
    "detail": lambda said: answer(json.dumps({"detail": f"no: {said}"}).encode(), status="403 No"),
    "detail-list": lambda said: answer(
        json.dumps({"detail": [{"loc": ["header", said], "msg": said}]}).encode(), status="422 No"
    ),
    "error-200": lambda said: answer(
        json.dumps({"error": f"no: {said}"}).encode(), content_type="application/json"
    ),
    "header": lambda said: answer(b"fine", x_gpu_type=one_header(said), x_echo=one_header(said)),
    "location": lambda said: redirect(f"http://127.0.0.1:1/?said={one_header(said)}"),
    "location-broken": lambda said: redirect(f"http://[{one_header(said)}"),
    "location-loop": lambda said: redirect(f"/loop?said={one_header(said)}"),
    "reason": lambda said: answer(status=f"500 {one_header(said)}"),
    "content-type": lambda said: answer(b"fine", content_type=one_header(said)),
    "exception": lambda said: one_header(said).encode() + b"\r\n\r\n",
    "chunk": lambda said: (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + one_header(said).encode() + b"\r\n"
    ),
}


def responding(received: Received) -> bytes:
    if received.path == "/openapi.json":
        said: dict[str, Any] = {name: {"post": {}} for name in SECRETS}
        schema = {"type": "object", "properties": {name: {} for name in all_forms()}}
        body = {"content": {"application/json": {"schema": schema}}}
        paths = {f"/header/{number}": {"post": {"requestBody": body}} for number in range(len(ENCODINGS))}
        return answer(json.dumps({"paths": {**said, **paths}}).encode(), content_type="application/json")
    _, place, number, *_ = [*received.path.partition("?")[0].split("/"), "0", "0"]
    if place not in PLACES:
        return PLACES["location-loop"]("again")
    disguise = list(ENCODINGS.values())[int(number)]
    return PLACES[place](" and ".join(map(disguise, SECRETS)))


def all_forms() -> list[str]:
    return [disguise(secret) for disguise in ENCODINGS.values() for secret in SECRETS]


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_comes_out_in_any_disguise(
    project: Project, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    headers = ["[defaults]"]
    for number, secret in enumerate(SECRETS):
        monkeypatch.setenv(f"BENCH_{number}", secret)
        headers.append(f'headers.X-{number} = "{{env:BENCH_{number}}}"')
    with Server(answering(responding)) as server:
        project.catalogue(
            server.url,
            *(f"/{place}/{number}" for number in range(len(ENCODINGS))),
            more="\n".join(headers),
        )
        result = project.run(
            "--modal-bench",
            "--modal-bench-rounds=1",
            "--benchmark-json=b.json",
            "--junitxml=junit.xml",
            *LOUD,
            timeout=120,
        )
        assert any(received.path.startswith(f"/{place}/") for received in server.received)
    # pytester keeps it in files outside of the project.
    (project.pytester.path / "terminal").write_text(result.stdout.str() + result.stderr.str())
    found = {
        (file.name, secret, disguise)
        for file in project.pytester.path.rglob("*")
        if file.is_file()
        for secret in SECRETS
        for disguise in leaks(file.read_text(errors="replace"), secret)
    }
    assert found == set()
    assert (project.pytester.path / "modal-bench-report.md").exists()
