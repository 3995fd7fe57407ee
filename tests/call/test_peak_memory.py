"""What receiving a large answer costs: a file on disk, not memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

_PIECE = bytes(1 << 20)
_PIECES = 512
_LIMIT_MIB = 64


class _Large(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(_PIECE) * _PIECES))
        self.end_headers()
        for _ in range(_PIECES):
            self.wfile.write(_PIECE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


# In a process of its own, whose peak nothing else has raised.
_RECEIVE = """
    import sys
    from pathlib import Path
    from pytest_modal_bench.call.client import Client
    from pytest_modal_bench.answers.inspector import Inspector
    from pytest_modal_bench.call.request import Request

    def peak_mib():
        # Not `ru_maxrss`: that begins with the peak of whoever has started the process.
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(status["VmHWM"].split()[0]) / 1024

    with Client() as client, Inspector() as inspector:
        inspector.inspect(b"small")
        before = peak_mib()
        answer = client.call(Request(method="GET", url=sys.argv[1]), deadline_sec=60, fresh=True)
        assert answer.ok, answer.error
        assert isinstance(answer.body, Path)
        media = inspector.inspect(answer.body)
        assert media.size_bytes == answer.size_bytes == 512 << 20
        print(peak_mib() - before)
"""


def test_an_answer_of_512_mib_grows_memory_by_less_than_64() -> None:
    server = HTTPServer(("127.0.0.1", 0), _Large)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_RECEIVE), f"http://127.0.0.1:{server.server_port}/"],
        capture_output=True,
        text=True,
        check=False,
    )
    thread.join()
    server.server_close()

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < _LIMIT_MIB


# What is copied while a body comes, and what stays: the body itself, once.
_COPIES = """
    import sys, tracemalloc
    from pytest_modal_bench.call.client import Client
    from pytest_modal_bench.call.request import Request

    with Client() as client:
        request = Request(method="GET", url=sys.argv[1])
        client.call(request, deadline_sec=60, fresh=False)
        tracemalloc.start()
        answer = client.call(request, deadline_sec=60, fresh=False)
        print(tracemalloc.get_traced_memory()[1] / answer.size_bytes)
"""


class _Small(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(_SMALL_BYTES))
        self.end_headers()
        self.wfile.write(bytes(_SMALL_BYTES))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


_SMALL_BYTES = 4 << 20


def test_a_body_in_memory_is_copied_a_few_times_at_most() -> None:
    with HTTPServer(("127.0.0.1", 0), _Small) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(_COPIES), f"http://127.0.0.1:{server.server_port}/"],
            capture_output=True,
            text=True,
            check=False,
        )
        thread.join()

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < _MOST_COPIES


_MOST_COPIES = 3.2
