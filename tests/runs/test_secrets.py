from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from measure_server import Received, Server, answer, answering, redirect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project

SECRETS = {
    "BENCH_KEY": "wk-4Kq9xT2mLz81",
    "BENCH_SECRET": "ws-Qx7PmR30vNdE",
    "BENCH_TOKEN": "s3cr3t/T0k+n=?&\"'",
}
RESULT_TOKEN = "attempt-8fH2kLq0"  # noqa: S105 - made up

HEADERS = """
[defaults]
headers.Modal-Key = "{env:BENCH_KEY}"
headers.Modal-Secret = "{env:BENCH_SECRET}"
headers.Authorization = "Bearer {env:BENCH_TOKEN}"
"""

LOUD = ("-vv", "-l", "--tb=long", "-rA", "--log-level=DEBUG", "--log-cli-level=DEBUG", "--showlocals")


def leaky(received: Received) -> bytes:  # noqa: PLR0911 - one answer a path
    """Answer with what a request says of itself, in every way that a server can."""
    path = received.path.partition("?")[0]
    said = "; ".join(f"{name}={value}" for name, value in received.headers.items())
    location = f"?__modal_attempt_token={RESULT_TOKEN}"
    match path:
        case "/echo":
            return answer(said.encode(), status="500 Internal Server Error")
        case "/echo-reason":
            return answer(status=f"500 {received.headers['authorization']}")
        case "/waits":
            return redirect(f"/fails{location}")
        case "/refused":
            return redirect(f"http://127.0.0.1:1/{location}")
        case "/broken":
            return redirect(f"http://[broken/{location}")
        case "/fails":
            return answer(f"no result at {received.path}".encode(), status="500 Internal Server Error")
        case "/loop":
            return redirect(f"/loop{location}")
        case "/gpu":
            return answer(b"fine", x_gpu_type=received.headers["modal-key"], content_type=said)
        case "/says" | "/says-json":
            in_json = json.dumps({"headers": received.headers, "again": [said]})
            return answer((in_json if "json" in path else said).encode())
        case _:
            return answer(b"fine")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering(leaky)) as running:
        yield running


def forms(secret: str) -> set[str]:
    """A secret as it is, and in the encodings in which it is as good."""
    plain = secret.encode()
    return {secret, base64.b64encode(plain).decode().rstrip("="), repr(secret)[1:-1]}


@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["alone", "spread"])
def test_no_secret_is_printed_or_written(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch, spread: tuple[str, ...]
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    paths = ("/ok", "/echo", "/echo-reason", "/waits", "/refused", "/broken", "/loop", "/gpu")
    project.catalogue(server.url, *paths, "/says", "/says-json", more=HEADERS)
    result = project.run(
        "--modal-bench",
        "--benchmark-json=b.json",
        "--benchmark-autosave",
        "--junitxml=junit.xml",
        *LOUD,
        *spread,
    )

    assert result.parseoutcomes() == {"passed": 4, "failed": 6}
    assert server.received[0].headers["modal-key"] == SECRETS["BENCH_KEY"], "the secrets were sent"
    assert server.received[0].headers["authorization"] == f"Bearer {SECRETS['BENCH_TOKEN']}"
    written = {"stdout": result.stdout.str(), "stderr": result.stderr.str()}
    for file in project.pytester.path.rglob("*"):
        if file.is_file():
            written[str(file.relative_to(project.pytester.path))] = file.read_text(errors="replace")
    assert {"modal-bench-report.md", "modal-bench-report.json", "b.json", "junit.xml"} <= set(written)
    assert any(".benchmarks" in name for name in written)
    assert any(".pytest_cache" in name for name in written)
    secrets = {form for secret in (*SECRETS.values(), RESULT_TOKEN) for form in forms(secret)}
    assert [(name, secret) for name, text in written.items() for secret in secrets if secret in text] == []
    shown = [result["previews"][0]["text"] for result in project.report()["results"][-2:]]
    assert all("[redacted]" in text for text in shown), "what the answers say is shown, but for the secrets"
    assert "HTTP 500: host=" in project.report()["results"][1]["error"], "the rest of the message is kept"


def test_no_secret_goes_to_another_host(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    with Server(answering(lambda _: redirect(f"{server.url}/ok"))) as first:
        project.catalogue(first.url, "/elsewhere", more=HEADERS)
        project.run("--modal-bench", "--modal-bench-rounds=1").assert_outcomes(passed=1)

    assert server.received
    for received in server.received:
        assert not {"modal-key", "modal-secret", "authorization"} & set(received.headers)
    for received in first.received:
        assert received.headers["modal-secret"] == SECRETS["BENCH_SECRET"]
