"""Whole runs against jobs, those that are done and those that are not, as the server's own log has them."""

from __future__ import annotations

import itertools
import json
import statistics
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from job_server import said
from measure_server import Connection, Received, Server, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project

EVERY = 0.1
WORK_SEC = 0.25
TOKEN = "s3cr3t-t0ken-of-mine"  # noqa: S105 - it opens nothing

FINE = ("fine", "located", "fetched", "elsewhere", "busy", "cut-question", "cut-after")
FAULTS = {
    "failed": ("application", "the job failed: CUDA out of memory"),
    "cancelled": ("application", "the job failed: cancelled"),
    "own-word": ("application", "the job failed: `phase` is kaput"),
    "dropped": (
        "invalid_output",
        "the job was submitted, but its answer has no `call_id`: an object with job",
    ),
    "expired": (
        "application",
        "asking for the job: HTTP 404: not found: its result has expired, or its id is not known",
    ),
    "endless": ("timeout", "Timeout: the job was still running after "),
    "cut-submit": ("connection_lost", ": whether the job was submitted is not known"),
    "refused": ("application", "HTTP 503: no capacity"),
    "always-busy": ("application", "asking for the job: HTTP 503: busy; asked again 3 times in vain"),
    "page": ("invalid_output", "an HTML page, not a result"),
}


@dataclass
class Job:
    """One job, as the server knows it; moments are those of its monotonic clock."""

    seed: int
    submitted: float
    asked: int = 0
    last: float = 0.0
    """When its last answer had been sent."""

    @property
    def is_done(self) -> bool:
        return time.monotonic() >= self.submitted + WORK_SEC


@dataclass
class Jobs:
    """A service of jobs in the manner of Modal's `spawn`: `/NAME/submit`, `/NAME/result/ID`, with NAME's fault."""

    elsewhere: Server
    jobs: dict[str, list[Job]] = field(default_factory=lambda: defaultdict(list))
    received: list[Received] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, connection: Connection) -> None:
        while (received := connection.receive()) is not None:
            self.received.append(received)
            _, name, *rest = received.path.split("/")
            if rest[:1] == ["submit"]:
                with self._lock:
                    seed = json.loads(received.body)["seed"]
                    self.jobs[name].append(Job(seed, time.monotonic()))
                    number = len(self.jobs[name]) - 1
                self._submitted(connection, name, number)
            elif rest:
                job = self.jobs[name][int(rest[1])]
                if rest[0] == "file":
                    connection.send(answer(f"lake number {job.seed}".encode()))
                else:
                    job.asked += 1
                    self._asked(connection, name, job, rest[1])
                job.last = time.monotonic()
            else:
                connection.send(answer(b"not found", status="404 Not Found"))

    def _submitted(self, connection: Connection, name: str, number: int) -> None:
        accepted = said({"call_id": number}, "202 Accepted")
        match name:
            case "located":
                accepted = said({}, "202 Accepted", location=f"/located/result/{number}")
            case "dropped":
                accepted = said({"job": number}, "202 Accepted")
            case "refused":
                accepted = answer(b"no capacity", status="503 Service Unavailable")
            case "elsewhere":
                accepted = said({"status_url": f"{self.elsewhere.url}/elsewhere/result/{number}"})
        connection.send(accepted[:-5] if name == "cut-submit" else accepted)
        if name in ("cut-submit", "cut-after"):
            connection.shut()

    def _asked(self, connection: Connection, name: str, job: Job, number: str) -> None:
        pending = answer(b"", status="202 Accepted")
        done = said({"caption": f"lake number {job.seed}"})
        failures = {
            "failed": said({"status": "FAILED", "error": "CUDA out of memory"}),
            "cancelled": said({"status": "cancelled", "id": number}),
            "own-word": said({"phase": "kaput"}),
            "expired": answer(b"not found", status="404 Not Found"),
            "page": answer(b"<html><body>oops", content_type="text/html"),
        }
        busy = answer(b"busy", status="503 Service Unavailable")
        if name == "always-busy" or (name == "busy" and job.asked in (2, 3)):
            connection.send(busy)
        elif name == "cut-question" and job.asked in (1, 2):
            connection.send(done[: len(done) // 2])
            connection.shut()
        elif name == "endless" or not job.is_done:
            connection.send(said({"status": "IN_PROGRESS", "id": number}) if job.asked % 2 else pending)
        elif name == "fetched":
            connection.send(said({"status": "COMPLETED", "output": {"url": f"/fetched/file/{number}"}}))
        else:
            connection.send(failures.get(name, done))
        if name == "cut-after":
            connection.shut()


CATALOGUE = """
[defaults]
app = "app"
category = "Jobs"
timeout = 30
payload = { prompt = "a lake", seed = "{seed}" }
headers.Authorization = "Bearer {env:BENCH_TOKEN}"
poll = { path = "/NAME/result/{call_id}", every = EVERY }

[apps.app]
url = "URL"
"""

OWN = {
    "located": "poll = { every = EVERY }",
    "fetched": 'poll = { path = "/fetched/result/{call_id}", every = EVERY, result = "{output.url}" }',
    "elsewhere": 'poll = { path = "{status_url}", every = EVERY }',
    "own-word": 'poll = { path = "/own-word/result/{call_id}", every = EVERY, failed = { phase = ["kaput"] } }',
    "endless": 'timeout = 1\npoll = { path = "/endless/result/{call_id}", every = EVERY }',
}
USUAL = 'poll = { path = "/NAME/result/{call_id}", every = EVERY }'


@pytest.fixture
def service() -> Iterator[tuple[Jobs, Server]]:
    with Server(lambda connection: jobs.handle(connection)) as elsewhere:  # noqa: PLW0108 - there are none yet
        jobs = Jobs(elsewhere)
        with Server(jobs.handle) as server:
            yield jobs, server


def write(project: Project, server: Server, *names: str) -> None:
    lines = [CATALOGUE.replace("URL", server.url).replace("poll =", "# poll =")]
    for name in names:
        lines += ["[[endpoints]]", f'path = "/{name}/submit"', OWN.get(name, USUAL).replace("NAME", name)]
    text = "\n".join(lines).replace("EVERY", str(EVERY))
    (project.pytester.path / "endpoints.toml").write_text(text)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_TOKEN", TOKEN)


def test_jobs_are_timed_as_the_servers_log_has_them_and_each_is_submitted_once_a_sample(
    project: Project, service: tuple[Jobs, Server]
) -> None:
    jobs, server = service
    write(project, server, *FINE)
    result = project.run("--modal-bench", "--modal-bench-rounds=2")

    assert result.parseoutcomes() == {"passed": len(FINE)}, result.stdout.str()
    apart = []
    for each in project.report()["results"]:
        name = each["path"].split("/")[1]
        known = jobs.jobs[name]
        assert len(known) == len(each["samples"]) == 3, name
        assert [job.seed for job in known] == [sample["seed"] for sample in each["samples"]]
        for sample, job in zip(each["samples"], known, strict=True):
            parts = sample["job"]
            total = parts["submit_sec"] + parts["waiting_sec"] + parts["delivery_sec"]
            assert total == pytest.approx(sample["elapsed_sec"])
            assert sample["elapsed_sec"] >= WORK_SEC
            assert parts["asked"] == job.asked
            assert parts["waiting_sec"] - parts["resolution_sec"] <= WORK_SEC
            apart.append(abs(sample["elapsed_sec"] - (job.last - job.submitted)))
        assert each["warm_time_sec"] == statistics.median(
            sample["elapsed_sec"] for sample in each["samples"] if sample["start"] == "warm"
        )
    assert statistics.median(apart) < EVERY


def test_each_job_that_fails_is_named_with_its_cause_was_submitted_once_and_touches_no_other(
    project: Project, service: tuple[Jobs, Server]
) -> None:
    jobs, server = service
    mixed = [*itertools.chain.from_iterable(zip(FAULTS, itertools.cycle(("fine", "busy")), strict=False))]
    names = list(dict.fromkeys(mixed))
    write(project, server, *names)
    result = project.run("--modal-bench", "--modal-bench-rounds=1")

    assert result.parseoutcomes() == {"passed": 2, "failed": len(FAULTS)}, result.stdout.str()
    by_name = {each["path"].split("/")[1]: each for each in project.report()["results"]}
    for name, (cause, error) in FAULTS.items():
        each = by_name[name]
        assert (each["status"], each["cause"]) == ("failed", cause), name
        assert error in each["error"], name
        assert len(jobs.jobs[name]) == len(each["samples"]) == 1, name
    for name in ("fine", "busy"):
        assert by_name[name]["status"] == "success"
        assert len(jobs.jobs[name]) == 2


def test_no_secret_goes_elsewhere_nor_into_a_report(project: Project, service: tuple[Jobs, Server]) -> None:
    jobs, server = service
    write(project, server, "fine", "elsewhere", "failed", "dropped", "endless")
    result = project.run("--modal-bench", "--modal-bench-rounds=1", "-vv", "--showlocals", "--full-trace")

    here = [each for each in jobs.received if each.headers["host"] == server.url.removeprefix("http://")]
    there = [each for each in jobs.received if each not in here]
    own = [each for each in here if each.path != "/openapi.json"]
    assert own
    assert {each.headers.get("authorization") for each in own} == {f"Bearer {TOKEN}"}
    assert there
    assert all(
        set(each.headers) <= {"host", "user-agent", "accept", "accept-encoding", "connection"}
        for each in there
    )
    written = [path.read_text() for path in project.pytester.path.glob("modal-bench-report*")]
    assert TOKEN not in "\n".join([result.stdout.str(), result.stderr.str(), *written])


def test_jobs_in_several_workers_are_submitted_once_too(
    project: Project, service: tuple[Jobs, Server]
) -> None:
    jobs, server = service
    write(project, server, "fine", "cut-submit", "cut-question", "always-busy")
    result = project.run("--modal-bench", "--modal-bench-rounds=1", "-n", "2")

    assert result.parseoutcomes() == {"passed": 2, "failed": 2}, result.stdout.str()
    assert {name: len(known) for name, known in jobs.jobs.items()} == {
        "fine": 2,
        "cut-submit": 1,
        "cut-question": 2,
        "always-busy": 1,
    }
