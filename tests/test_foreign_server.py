from __future__ import annotations

import shutil
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Project

httpbin = pytest.importorskip("httpbin")
waitress_server = pytest.importorskip("waitress.server")


@pytest.fixture
def bin_url() -> Iterator[str]:
    """httpbin on loopback."""
    server = waitress_server.create_server(httpbin.app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
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
[resources]
image = "portrait.png"

[apps]
bin = {{ url = "{url}" }}
tls = {{ url = "{tls}" }}
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
path = "/drip?duration=0.2&numbytes=4&delay=0"

[[endpoints]]
path = "/drip?duration=30&numbytes=60&delay=0"
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
app = "tls"

[[endpoints]]
path = "/get"
app = "refused"

[[endpoints]]
path = "/get"
app = "unknown"
"""

FINE = None
EXPECTED = (
    ("/image/png", FINE),
    ("/status/404", "HTTP 404 NOT FOUND"),
    ("/status/500", "HTTP 500 INTERNAL SERVER ERROR"),
    ("/delay/1", FINE),
    ("/redirect/5", FINE),
    ("/redirect/31", "Exceeded 30 redirects."),
    ("/drip?duration=0.2&numbytes=4&delay=0", FINE),
    ("/drip?duration=30&numbytes=60&delay=0", "Timeout"),
    ("/anything", FINE),
    ("/anything/form", FINE),
    ("/anything/upload", FINE),
    ("/get", "SSLError"),
    ("/get", "Connection refused"),
    ("/get", "Failed to resolve 'nothing.invalid'"),
)

def test_a_server_of_others_is_reported_as_it_behaves(
    project: Project, bin_url: str, refused_url: str
) -> None:
    directory = project.pytester.path
    shutil.copy(ROOT / "fixtures" / "portrait.png", directory)
    (directory / "endpoints.toml").write_text(
        CATALOGUE.format(url=bin_url, tls=bin_url.replace("http:", "https:"), refused=refused_url)
    )
    result = project.run("--modal-bench", "--modal-bench-rounds=1")

    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 7, "failed": 7}
    results = project.report()["results"]
    assert [each["path"] for each in results] == [path for path, _ in EXPECTED]
    for each, (path, error) in zip(results, EXPECTED, strict=True):
        assert each["status"] == ("success" if error is None else "failed"), path
        assert (each["error"] is None) if error is None else (error in each["error"]), path
    by_path: dict[str, Any] = {each["path"]: each for each in results}
    assert by_path["/image/png"]["samples"][0]["content_type"] == "image/png"
    assert by_path["/delay/1"]["warm_time_sec"] >= 1
    assert by_path["/redirect/5"]["samples"][0]["redirects"] == 5
