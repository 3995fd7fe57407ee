from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from measure_server import Connection, Server, answer, redirect

if TYPE_CHECKING:
    from project import Project

DEADLINES = {"/silent": 1.0, "/drip": 1.0, "/held": 2.5}
"""Seconds that a call may take; `/held` is held for a second at a time, longer than a mere redirect."""

LATE_SEC = 0.25

CATALOGUE = """
[apps.app]
url = "{url}"
"""

ENDPOINT = """
[[endpoints]]
path = "{path}"
app = "app"
category = "Deadlines"
timeout = {timeout}
"""


def misbehave(connection: Connection) -> None:
    """Keep a call waiting in the way that its path asks for."""
    while (received := connection.receive()) is not None:
        match received.path.partition("?")[0]:
            case "/silent":
                connection.hold()
            case "/drip":
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                connection.drip(b"drop", every_sec=0.05)
            case "/held":
                connection.wait(1.05)
                connection.send(redirect("/held?again"))
            case _:
                connection.send(answer(b"fine"))


@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["alone", "spread"])
def test_every_wait_ends_at_its_deadline_and_the_next_endpoint_runs(
    project: Project, spread: tuple[str, ...]
) -> None:
    with Server(misbehave) as server:
        endpoints = [
            each
            for path, deadline in DEADLINES.items()
            for each in ((path, deadline), (f"/after{path}", 5.0))
        ]
        project.pytester.path.joinpath("endpoints.toml").write_text(
            CATALOGUE.format(url=server.url)
            + "".join(ENDPOINT.format(path=path, timeout=timeout) for path, timeout in endpoints)
        )
        result = project.run("--modal-bench", "--modal-bench-rounds=1", "--benchmark-json=b.json", *spread)

    assert result.parseoutcomes() == {"passed": 3, "failed": 3}
    results: dict[str, Any] = {each["path"]: each for each in project.report()["results"]}
    for path, deadline in DEADLINES.items():
        assert results[path]["status"] == "failed"
        assert results[path]["error"] == "Timeout"
        (sample,) = results[path]["samples"]
        assert deadline <= sample["elapsed_sec"] <= deadline + LATE_SEC
        assert results[f"/after{path}"]["status"] == "success"
    (held,) = results["/held"]["samples"]
    assert held["redirects"] == 2
    assert held["held_sec"] == pytest.approx(2.1, abs=LATE_SEC)

    written = json.loads((project.pytester.path / "b.json").read_text())["benchmarks"]
    assert {record["extra_info"]["path"] for record in written} == {f"/after{path}" for path in DEADLINES}
