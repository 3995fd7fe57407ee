"""Calls that are cut at a random moment, shown as loudly as pytest can: no frame shows a secret."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from disguised import leaks
from measure_server import Received, Server, answer, answering, redirect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project

MOMENTS = int(os.environ.get("MODAL_BENCH_MOMENTS", "20"))
"""So many calls are cut in the first test; the others cut a few."""

SECRETS = {
    "BENCH_KEY": "wk-4Kq9xT2mLz81",
    "BENCH_SECRET": "ws-Qx7PmR30vNdE",
    "BENCH_TOKEN": "s3cr3t/T0k+n=?&\"'",
}
LITERAL = "literal-9fK2xQ"
HEADERS = f"""
[defaults]
headers.Modal-Key = "{{env:BENCH_KEY}}"
headers.Modal-Secret = "{{env:BENCH_SECRET}}"
headers.Authorization = "Bearer {{env:BENCH_TOKEN}}"
headers.X-Custom-Token = "{LITERAL}"
"""
LOUD = (
    "-vv",
    "--showlocals",
    "--tb=long",
    "--full-trace",
    "-rA",
    "--log-level=DEBUG",
    "--junitxml=junit.xml",
)

CUT = """
import random, signal, threading, time
import pytest

class Cut(RuntimeError):
    pass

def strike(*_):
    if armed:
        armed.clear()
        raise {exception}

armed = []
signal.signal(signal.SIGUSR1, strike)
random.seed({seed})

@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item):
    armed.append(item)
    def wait():
        time.sleep(random.random() * {longest_sec})
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        return (yield)
    finally:
        armed.clear()
        thread.join()
"""

BROKEN = """
import socket

def broken(*args, **kwargs):
    raise RuntimeError(f"broken: {{args!r}}")

socket.{name} = broken
"""


def echoing(received: Received) -> bytes:
    said = "; ".join(received.headers.values())
    if received.path.startswith("/held"):
        return redirect(f"/result?__modal_attempt_token={LITERAL}&said={len(said)}")
    return answer(said.encode(), x_echo=said)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering(echoing)) as running:
        yield running


@pytest.fixture(autouse=True)
def secrets_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def shown(project: Project, server: Server, conftest: str, *paths: str) -> str:
    project.catalogue(server.url, *paths, more=HEADERS)
    project.pytester.makeconftest(conftest)
    result = project.run("--modal-bench", "--modal-bench-rounds=3", *LOUD, timeout=600)
    junit = project.pytester.path / "junit.xml"
    return "\n".join(
        [*result.outlines, *result.errlines, junit.read_text(errors="replace") if junit.exists() else ""]
    )


def assert_silent(text: str) -> None:
    shown = {
        secret: disguises for secret in (*SECRETS.values(), LITERAL) if (disguises := leaks(text, secret))
    }
    assert shown == {}


def test_no_frame_of_a_call_that_is_cut_shows_a_secret(project: Project, server: Server) -> None:
    paths = [f"/{'held' if number % 3 == 0 else 'ok'}{number}" for number in range(MOMENTS)]
    text = shown(project, server, CUT.format(exception="Cut('cut')", seed=1, longest_sec=0.03), *paths)
    assert text.count("conftest.Cut: cut") + text.count("Cut('cut')") >= MOMENTS / 4, text[-3000:]
    assert_silent(text)


@pytest.mark.parametrize("seed", range(3))
def test_nor_does_one_that_ctrl_c_ends(project: Project, server: Server, seed: int) -> None:
    conftest = CUT.format(exception="KeyboardInterrupt", seed=seed, longest_sec=0.01)
    text = shown(project, server, conftest, *(f"/ok{number}" for number in range(10)))
    assert "KeyboardInterrupt" in text
    assert_silent(text)


@pytest.mark.parametrize(
    "name", ["getaddrinfo", "socket.connect", "socket.send", "socket.makefile", "socket.settimeout", "fromfd"]
)
def test_nor_does_one_that_fails_within_a_library(project: Project, server: Server, name: str) -> None:
    text = shown(project, server, BROKEN.format(name=name), "/ok", "/held")
    assert "broken: " in text
    assert_silent(text)
