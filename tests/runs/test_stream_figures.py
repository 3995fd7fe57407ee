"""Whole runs of streams: their figures in every report, held against budgets and against an earlier run."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest
from gated_project import properties
from project import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project, Service

OUTPUTS = 6
EVERY_SEC = 0.02
BUDGET = "--modal-bench-budget=max_ttft=30 min_tokens_per_sec=0.1"


class Chat(BaseHTTPRequestHandler):
    """Answers with a stream in OpenAI's form; `/counted` says how many tokens it had."""

    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number in range(OUTPUTS):
            time.sleep(EVERY_SEC)
            self._send({"choices": [{"index": 0, "delta": {"content": f"{number} "}}]})
        self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if self.path == "/counted":
            self._send({"choices": [], "usage": {"completion_tokens": OUTPUTS}})
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, event: object) -> None:
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def streams(project: Project, service: Service) -> Iterator[Project]:
    """Return a project of two streams, of which one has its tokens counted, and of one endpoint that is none."""
    server = Server(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    file = project.catalogue(service.url, "/ok")
    app = f'[apps.chat]\nurl = "http://127.0.0.1:{server.server_port}"'
    chats = [
        f'[[endpoints]]\npath = "{path}"\napp = "chat"\ncategory = "Chat"\nstream = "openai"\npayload = {{}}'
        for path in ("/counted", "/uncounted")
    ]
    file.write_text("\n".join([file.read_text(), app, *chats]))
    yield project
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_figures_of_a_stream_stand_in_every_report_and_only_streams_are_held_against_them(
    streams: Project,
) -> None:
    run = streams.run(
        *("--modal-bench", "--modal-bench-rounds=2", BUDGET),
        *("--junit-xml=junit.xml", "--benchmark-json=bench.json"),
    )
    run.assert_outcomes(passed=2, failed=1)
    results = {result["endpoint"]: result for result in streams.report()["results"]}
    plain, counted, uncounted = (results[name] for name in ("Ok", "Counted", "Uncounted"))

    assert counted["output_tokens"] == OUTPUTS
    assert counted["ttft_sec"] < counted["warm_time_sec"]
    assert counted["itl_sec"] > EVERY_SEC / 2
    assert counted["tokens_per_sec"] < 1 / (EVERY_SEC / 2)
    assert (plain["ttft_sec"], uncounted["tokens_per_sec"], uncounted["output_tokens"]) == (None, None, None)

    assert plain["checks"] == []
    assert {check["metric"]: check["verdict"] for check in counted["checks"]} == {
        "ttft": "PASS",
        "tokens_per_sec": "PASS",
    }
    assert uncounted["reasons"] == ["tokens/s: no data: the server sends no usage, so tokens are not known"]

    markdown = (streams.pytester.path / "modal-bench-report.md").read_text()
    section = markdown.partition("<summary>Streaming</summary>\n")[2].partition("\n</details>")[0]
    assert f" {OUTPUTS} chunks " in section
    assert "| stop " in section
    said = properties(streams.pytester.path, f"test_endpoint[{counted['id']}]")
    assert float(said["ttft"]) == counted["ttft_sec"]
    assert float(said["tokens_per_sec"]) == counted["tokens_per_sec"]
    records = [each["name"] for each in streams.report("bench.json")["benchmarks"]]
    assert [name.rpartition(":")[2] for name in records].count("ttft") == 2
    gate = {each["id"]: each for each in streams.report("gate.json")["endpoints"]}
    assert [check["metric"] for check in gate[counted["id"]]["checks"]] == ["ttft", "tokens_per_sec"]


def test_streams_are_compared_with_an_earlier_run(streams: Project) -> None:
    pytest.importorskip("scipy.stats")
    (streams.pytester.path / "earlier").mkdir()
    streams.run("--modal-bench", "--modal-bench-rounds=2", "--modal-bench-report=earlier/one.json")
    streams.run("--modal-bench", "--modal-bench-rounds=2", "--modal-bench-baseline=earlier/one.json")
    checks = {
        result["endpoint"]: {check["metric"]: check["verdict"] for check in result["checks"]}
        for result in streams.report()["results"]
    }

    assert {*checks["Counted"]} >= {"warm", "ttft", "itl", "tokens_per_sec"}
    assert {*checks["Uncounted"]} >= {"warm", "ttft", "itl"}
    assert not {"ttft", "itl", "tokens_per_sec"} & {*checks["Ok"]}
    assert "tokens_per_sec" not in checks["Uncounted"]
    assert {verdict for found in checks.values() for verdict in found.values()} == {"INCONCLUSIVE"}
