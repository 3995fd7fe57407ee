"""A service on loopback, and a project with a catalogue of it: what runs of pytest are tested with."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from prepared_interpreter import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from forks import Fork

ROOT = Path(__file__).parents[2]
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
SHIPPED_CATALOGUE = ROOT / "tests" / "endpoints" / "endpoints.toml"
WITHOUT_OTHER_PLUGINS = "-p no:hypothesispytest -p no:anyio -p no:randomly -p no:rerunfailures"
_PAYLOAD = '{ prompt = "a lake", seed = "{seed}" }'


@dataclass
class Service:
    """A server on loopback: `/ok…` answers, `/fail…` answers 500, `/hang…` never does, `/lora…` knows `known`.

    `/held…` answers once `released` is set.

    It has no `/openapi.json`, and does not count who asks for it.
    """

    url: str
    calls: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Status and body for paths that are to be answered otherwise."""
    statuses: dict[str, list[int]] = field(default_factory=dict)
    """Of the first answers of paths, one after the other, before they are answered as ever."""
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    """More headers of what paths are answered with."""
    released: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: Service
    stopped: threading.Event

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/openapi.json") and self.path not in self.service.answers:
            self._answer(404, b"this service says nothing of itself")
            return
        self.service.calls.append(self.path)
        self.service.bodies.append(json.loads(body) if body else None)
        if self.service.statuses.get(self.path):
            status = self.service.statuses[self.path].pop(0)
            self._answer(status, b"boom" if status >= 500 else b"fine")
        elif self.path in self.service.answers:
            self._answer(*self.service.answers[self.path])
        elif self.path.startswith("/fail"):
            self._answer(500, b"boom\n")
        elif self.path.startswith("/hang"):
            self.stopped.wait()
        elif self.path.startswith("/held") and self.service.released.wait():
            self._answer(200, b"fine")
        elif self.path.startswith("/lora") and json.loads(body).get("lora_id") != "known":
            self._answer(404, b'{"detail": "no such LoRA"}')
        else:
            time.sleep(0.01)
            self._answer(200, b"fine")

    do_GET = do_POST  # noqa: N815 - the name is the base class's

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in self.service.headers.get(self.path, {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, as those with a deadline do, is no error of this server."""


@dataclass
class Project:
    """A directory with a catalogue, in which pytest is run as its users run it."""

    pytester: pytest.Pytester

    def catalogue(
        self,
        url: str,
        *paths: str,
        more: str = "",
        name: str = "endpoints.toml",
        apps: int = 1,
        payloads: Mapping[str, str] = MappingProxyType({}),
    ) -> Path:
        """Write a catalogue of `paths` at `url`, spread over `apps` apps of which each is a pool.

        `payloads` are TOML, by path.
        """
        lines = ['workspace = "acme"', more]
        for number in range(apps):
            # Addresses of one server that differ in the host alone are different pools.
            lines += [f"[apps.app{number}]", f'url = "{url.replace(HOSTS[0], HOSTS[number])}"']
        for number, path in enumerate(paths):
            lines += [
                "[[endpoints]]",
                f'path = "{path}"',
                f'app = "app{number % apps}"',
                f'category = "Category {number % 2}"',
                f"payload = {payloads.get(path, _PAYLOAD)}",
                "timeout = 10",
            ]
        file = self.pytester.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines))
        return file

    def run(self, *args: str, timeout: float = 120, fresh: bool = False) -> pytest.RunResult:
        """Run pytest in a process of its own; a `fresh` one has imported nothing before."""
        with pytest.MonkeyPatch.context() as patch:
            if not fresh:
                patch.setattr(self.pytester, "popen", self._popen)
            return self.pytester.runpytest_subprocess(*args, timeout=timeout)

    def _popen(self, cmdargs: Sequence[str], *, stdout: IO[Any], stderr: IO[Any], **_: object) -> Fork:
        """Do as pytester's own, quicker."""
        python, module, *args = cmdargs
        assert (python, module) == (sys.executable, "-mpytest")
        path = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH"))))
        return INTERPRETER.start([module, *args], {**os.environ, "PYTHONPATH": path}, stdout, stderr)

    def usage_error(self, *args: str) -> str:
        """What pytest says of a mistake in how it was called: one line, nothing else, and exit code 4."""
        result = self.run(*args)
        assert result.ret == pytest.ExitCode.USAGE_ERROR, result.stdout.str()
        assert "Traceback" not in result.stdout.str() + result.stderr.str()
        (line,) = [line for line in result.errlines if line.strip()]
        assert line.startswith("ERROR: ")
        return line.removeprefix("ERROR: ")

    def report(self, name: str = "modal-bench-report.json") -> dict[str, Any]:
        """The JSON report."""
        report: dict[str, Any] = json.loads((self.pytester.path / name).read_text())
        return report

    def statuses(self) -> dict[str, str]:
        """Status of each path in the JSON report."""
        return {result["path"]: result["status"] for result in self.report()["results"]}
