from __future__ import annotations

import base64
import json
import shutil
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import prettier
import pytest
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project, Service

httpbin = pytest.importorskip("httpbin")
waitress_server = pytest.importorskip("waitress.server")


@dataclass
class Bin:
    """httpbin on loopback."""

    url: str
    echoes: dict[str, dict[str, Any]]
    """What `/anything…` last answered, by path: the request as httpbin understood it."""


@pytest.fixture
def foreign() -> Iterator[Bin]:
    echoes: dict[str, dict[str, Any]] = {}

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        answer = httpbin.app(environ, start_response)
        path = environ["PATH_INFO"]
        if not path.startswith("/anything"):
            return answer
        body = b"".join(answer)
        echoes[path] = json.loads(body)
        return [body]

    server = waitress_server.create_server(application, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield Bin(f"http://127.0.0.1:{server.effective_port}", echoes)
    server.close()
    server.task_dispatcher.shutdown()
    thread.join()


@pytest.fixture
def refused_url() -> Iterator[str]:
    """An address at which nobody listens: the port is taken, by a socket that does not."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


CATALOGUE = """
# A plain port answers TLS with an error (`plain`), or waits for the request to end (`mute`).
[resources]
image = "portrait.png"

[apps]
bin = {{ url = "{bin}" }}
slow = {{ url = "{bin}" }}
plain = {{ url = "{plain}" }}
mute = {{ url = "{mute}" }}
refused = {{ url = "{refused}" }}
unknown = {{ url = "http://nothing.invalid" }}

[defaults]
app = "bin"
method = "GET"
category = "httpbin"
timeout = 10

[[endpoints]]
path = "/image/png"

[[endpoints]]
path = "/status/404"

[[endpoints]]
path = "/status/500"
method = "POST"

[[endpoints]]
path = "/delay/1"

[[endpoints]]
path = "/redirect/5"

[[endpoints]]
path = "/redirect/31"

[[endpoints]]
path = "/drip"
query = {{ duration = 0.2, numbytes = 4, delay = 0 }}

[[endpoints]]
path = "/drip"
app = "slow"
query = {{ duration = 30, numbytes = 60, delay = 0 }}
timeout = 1

[[endpoints]]
path = "/anything"
method = "PUT"
query = {{ size = "large", seed = "{{seed}}" }}
headers = {{ X-Trace = "one two" }}
payload = {{ prompt = "a lake", picture = "{{image}}" }}

[[endpoints]]
path = "/anything/form"
method = "POST"
form = {{ prompt = "a lake", seed = "{{seed}}" }}

[[endpoints]]
path = "/anything/upload"
method = "POST"
form = {{ prompt = "a lake", picture = "{{image:bytes}}" }}

[[endpoints]]
path = "/get"
app = "plain"

[[endpoints]]
path = "/get"
app = "mute"
timeout = 1

[[endpoints]]
path = "/get"
app = "refused"

[[endpoints]]
path = "/get"
app = "unknown"
"""

FINE = None
EXPECTED = {
    "image-png": FINE,
    "status-404": "HTTP 404 NOT FOUND",
    "status-500": "HTTP 500 INTERNAL SERVER ERROR",
    "delay-1": FINE,
    "redirect-5": FINE,
    "redirect-31": "Exceeded 30 redirects.",
    "bin-drip": FINE,
    "slow-drip": "Timeout",
    "anything": FINE,
    "anything-form": FINE,
    "anything-upload": FINE,
    "plain-get": "SSLError",
    "mute-get": "Timeout",
    "refused-get": "Connection refused",
    "unknown-get": "Failed to resolve 'nothing.invalid'",
}


def test_a_server_of_others_is_reported_as_it_behaves(
    project: Project, service: Service, foreign: Bin, refused_url: str
) -> None:
    directory = project.pytester.path
    picture = ROOT / "fixtures" / "portrait.png"
    shutil.copy(picture, directory)
    urls = {"bin": foreign.url, "plain": service.url.replace("http:", "https:"), "refused": refused_url}
    urls["mute"] = foreign.url.replace("http:", "https:")
    (directory / "endpoints.toml").write_text(CATALOGUE.format(**urls))
    result = project.run("--modal-bench", "--modal-bench-rounds=1")

    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 7, "failed": 8}
    results = project.report()["results"]
    assert [each["id"] for each in results] == list(EXPECTED)
    for each, error in zip(results, EXPECTED.values(), strict=True):
        assert each["status"] == ("success" if error is None else "failed"), each["id"]
        assert (each["error"] is None) if error is None else (error in each["error"]), each["id"]
        assert "\n" not in (each["error"] or "")
    by_id = {each["id"]: each for each in results}
    assert by_id["image-png"]["samples"][0]["content_type"] == "image/png"
    assert by_id["delay-1"]["warm_time_sec"] >= 1
    assert [sample["redirects"] for sample in by_id["redirect-5"]["samples"]] == [5, 5]
    seeds = [str(each["samples"][-1]["seed"]) for each in results]

    put = foreign.echoes["/anything"]
    assert put["method"] == "PUT"
    assert put["args"]["size"] == "large"
    assert put["args"]["seed"] in seeds
    assert put["headers"]["X-Trace"] == "one two"
    encoded = base64.b64encode(picture.read_bytes()).decode()
    assert put["json"] == {"prompt": "a lake", "picture": f"data:image/png;base64,{encoded}"}
    form = foreign.echoes["/anything/form"]["form"]
    assert form["prompt"] == "a lake"
    assert form["seed"] in seeds
    upload = foreign.echoes["/anything/upload"]
    assert upload["form"] == {"prompt": "a lake"}
    assert upload["files"] == {"picture": f"data:image/png;base64,{encoded}"}

    report = (directory / "modal-bench-report.md").read_text()
    assert "| `/redirect/31`" in report
    assert "❌ Exceeded 30 redirects." in report
    if prettier.INSTALLED:
        prettier.leaves_alone(directory, "modal-bench-report.md")
