"""What the project's own tests share: a service on loopback, and a project with a catalogue of it."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
SHIPPED_CATALOGUE = ROOT / "tests" / "endpoints" / "endpoints.toml"


@dataclass
class Service:
    """A server on loopback: `/ok…` answers, `/fail…` answers 500, `/hang…` never does, `/lora…` knows `known`."""

    url: str
    calls: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service
    stopped: threading.Event

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.service.calls.append(self.path)
        self.service.bodies.append(json.loads(body) if body else None)
        if self.path.startswith("/fail"):
            self._answer(500, b"boom\n")
        elif self.path.startswith("/hang"):
            self.stopped.wait()
        elif self.path.startswith("/lora") and json.loads(body).get("lora_id") != "known":
            self._answer(404, b'{"detail": "no such LoRA"}')
        else:
            time.sleep(0.01)
            self._answer(200, b"fine")

    do_GET = do_POST  # noqa: N815 - the name is the base class's

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, as those with a deadline do, is no error of this server."""


@pytest.fixture
def service() -> Iterator[Service]:
    """A running `Service`."""
    stopped = threading.Event()
    handler = type("Handler", (_Handler,), {"stopped": stopped})
    server = _Server(("127.0.0.1", 0), handler)
    handler.service = Service(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield handler.service  # type: ignore[attr-defined]
    stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Project:
    """A directory with a catalogue, in which pytest is run as its users run it."""

    pytester: pytest.Pytester

    def catalogue(
        self, url: str, *paths: str, more: str = "", name: str = "endpoints.toml", apps: int = 1
    ) -> Path:
        """Write a catalogue of `paths` at `url`, spread over `apps` apps of which each is a pool."""
        lines = ['workspace = "acme"', more]
        for number in range(apps):
            # Addresses of one server that differ in the host alone are different pools.
            lines += [f"[apps.app{number}]", f'url = "{url.replace("127.0.0.1", f"127.0.0.{number + 1}")}"']
        for number, path in enumerate(paths):
            lines += [
                "[[endpoints]]",
                f'path = "{path}"',
                f'app = "app{number % apps}"',
                f'category = "Category {number % 2}"',
                'payload = { prompt = "a lake", seed = "{seed}" }',
                "timeout = 10",
            ]
        file = self.pytester.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines))
        return file

    def run(self, *args: str, timeout: float = 60) -> pytest.RunResult:
        """Run pytest in a process of its own."""
        return self.pytester.runpytest_subprocess(*args, timeout=timeout)

    def report(self, name: str = "modal-bench-report.json") -> dict[str, Any]:
        """The JSON report."""
        report: dict[str, Any] = json.loads((self.pytester.path / name).read_text())
        return report

    def statuses(self) -> dict[str, str]:
        """Status of each path in the JSON report."""
        return {result["path"]: result["status"] for result in self.report()["results"]}


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project, out of sight of the session and the machine that run this test."""
    for name in list(os.environ):
        if name.startswith(("PYTEST_XDIST", "MODAL_", "PYTEST_ADDOPTS", "PYTEST_TIMEOUT")):
            monkeypatch.delenv(name)
    pytester.makeini("[pytest]\naddopts = -W error\n")
    return Project(pytester)
