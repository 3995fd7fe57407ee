"""Jobs against a server on loopback that answers by a script: its own log says what really happened."""

from __future__ import annotations

import itertools
import statistics
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_server import JobServer, cut, said
from measure_answers import endpoint
from measure_server import Connection, Server, answer, answering, redirect

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import build
from pytest_modal_bench.call.saturation import Saturation
from pytest_modal_bench.model import Expect, Poll
from pytest_modal_bench.protocol import jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from job_server import Step

    from pytest_modal_bench.protocol.jobs import Outcome

EVERY = 0.05
POLL = Poll(path="/result/{call_id}", every=EVERY)
ACCEPTED = said({"call_id": "fc-1"}, "202 Accepted")
PENDING = said({"status": "running"}, "202 Accepted")
DONE = said({"result": "a lake"})
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf an answer"
BUSY = answer(b"busy", status="503 Service Unavailable")
LONG = 30.0
"""Seconds in which a job is done on the busiest machine."""


def run(server: JobServer, poll: Poll = POLL, *, deadline_sec: float = LONG, **fields: Any) -> Outcome:
    scale = fields.pop("time_scale", 1.0)
    given = endpoint("/submit", url=server.url, poll=poll, **fields)
    request = build(given, {}, seed=1, environ={})
    with Client(max_body_bytes=1 << 26) as client:
        return jobs.run(client, request, given, deadline_sec=deadline_sec, fresh=True, time_scale=scale)


def failed(submitted: Step, asked: Sequence[Step], poll: Poll = POLL, **how: Any) -> tuple[str, str]:
    """Cause and error of a job that was submitted exactly once."""
    with JobServer(submitted, asked) as server:
        outcome = run(server, poll, **how)
    assert server.submits == 1
    assert not outcome.answer.ok
    assert outcome.job is None or outcome.job.delivery_sec is None
    return str(outcome.answer.cause), str(outcome.answer.error)


# --- A job that is done ---


def test_a_job_is_submitted_once_and_asked_for_until_it_is_done() -> None:
    with JobServer(ACCEPTED, [PENDING, PENDING, DONE]) as server:
        outcome = run(server)
    assert (outcome.answer.ok, outcome.answer.status, outcome.answer.body) == (
        True,
        200,
        b'{"result": "a lake"}',
    )
    assert server.submits == 1
    assert server.questions == ["/result/fc-1"] * 3
    assert outcome.job is not None
    assert outcome.job.asked == 3


def test_its_parts_add_up_to_its_time() -> None:
    with JobServer(
        ACCEPTED, [PENDING, said({"status": "done", "url": "/file"}), answer(b"x" * 5_000_000)]
    ) as server:
        outcome = run(server, Poll(path=POLL.path, every=EVERY, result="{url}"))
    job = outcome.job
    assert job is not None
    assert job.waiting_sec is not None
    assert job.delivery_sec is not None
    assert job.submit_sec + job.waiting_sec + job.delivery_sec == pytest.approx(outcome.answer.elapsed_sec)
    assert min(job.submit_sec, job.delivery_sec) > 0
    assert job.waiting_sec >= 2 * EVERY


def test_the_first_question_comes_an_interval_after_the_job_was_accepted() -> None:
    with JobServer(ACCEPTED, [DONE]) as server:
        run(server, Poll(path=POLL.path, every=0.3))
    submit, question = server.log
    assert submit.answered is not None
    assert question.read - submit.read >= 0.3


def test_its_time_and_its_resolution_are_true_to_the_servers_log() -> None:
    apart = []
    for worked_sec in (0.02, 0.06, 0.11, 0.13, 0.19):
        done_at: list[float] = []

        def take(
            connection: Connection, worked_sec: float = worked_sec, done_at: list[float] = done_at
        ) -> None:
            done_at.append(time.monotonic() + worked_sec)
            connection.send(ACCEPTED)

        def look(connection: Connection, done_at: list[float] = done_at) -> None:
            connection.send(DONE if time.monotonic() >= done_at[0] else PENDING)

        with JobServer(take, [look]) as server:
            outcome = run(server)
        job, began = outcome.job, outcome.answer.began
        assert job is not None
        assert job.waiting_sec is not None
        assert job.resolution_sec is not None
        seen_sec = job.submit_sec + job.waiting_sec
        # All clocks here are one: whatever the machine does, the job was done within the time that is said.
        assert seen_sec - job.resolution_sec <= done_at[0] - began <= seen_sec
        last = server.log[-1].answered or 0.0
        apart.append(abs(outcome.answer.elapsed_sec - (last - server.log[0].read)))
        assert outcome.answer.elapsed_sec >= worked_sec
    assert statistics.median(apart) < EVERY


def test_what_is_done_between_two_questions_is_not_added_to_the_interval() -> None:
    with JobServer(ACCEPTED, [*[PENDING] * 8, DONE]) as server:
        run(server)
    asked = [entry.read for entry in server.log[1:]]
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert statistics.median(gaps) == pytest.approx(EVERY, abs=EVERY / 2)


def test_the_result_may_be_bytes_of_any_size() -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(6_000_000)
    with JobServer(ACCEPTED, [PENDING, answer(picture)]) as server:
        outcome = run(server)
    assert (outcome.answer.ok, outcome.answer.size_bytes) == (True, len(picture))
    assert outcome.job is not None
    assert (outcome.job.delivery_sec or 0) > 0


def test_redirects_and_phases_are_those_of_all_its_requests() -> None:
    with JobServer(ACCEPTED, [redirect("/elsewhere"), PENDING, DONE]) as server:
        outcome = run(server)
    assert outcome.answer.redirects == 1
    assert server.questions == ["/result/fc-1", "/elsewhere", "/result/fc-1"]
    assert outcome.submitted.phases.wait_sec is not None
    assert (outcome.answer.phases.wait_sec or 0) > outcome.submitted.phases.wait_sec


def test_a_busy_machine_during_any_of_its_requests_marks_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = iter([None, "woke late", "computed", None])
    monkeypatch.setattr(Saturation, "reason", lambda *_: next(reasons))
    with JobServer(ACCEPTED, [PENDING, PENDING, DONE]) as server:
        outcome = run(server)
    assert (outcome.submitted.client_busy, outcome.answer.client_busy) == (None, "woke late")
    assert jobs.sample_of(outcome, start="warm", seed=None).client_busy == "woke late"


# --- Where it is asked for ---


@pytest.mark.parametrize(
    ("submitted", "path", "asked"),
    [
        ({"call_id": "fc-1"}, "/result/{call_id}", "/result/fc-1"),
        ("fc-01HXYZ12AB", "/result/{call_id}", "/result/fc-01HXYZ12AB"),
        (17, "/result/{call_id}", "/result/17"),
        ({"id": 7}, "/jobs/{id}", "/jobs/7"),
        ({"data": {"jobs": [{"id": "x"}]}}, "/jobs/{data.jobs.0.id}/status", "/jobs/x/status"),
        ({"id": "../../admin?all=1#x"}, "/jobs/{id}", "/jobs/..%2F..%2Fadmin%3Fall%3D1%23x"),
        ({"id": "ü"}, "/jobs?id={id}", "/jobs?id=%C3%BC"),
        ({"status_url": "/jobs/9"}, "{status_url}", "/jobs/9"),
        ({"status_url": "jobs/9", "key": "a/b"}, "{status_url}?key={key}", "/app/jobs/9?key=a%2Fb"),
    ],
)
def test_it_is_asked_for_where_the_catalogue_and_the_answer_say(
    submitted: object, path: str, asked: str
) -> None:
    with JobServer(said(submitted), [DONE]) as server:
        given = endpoint("/submit", url=f"{server.url}/app", poll=Poll(path=path, every=0.01))
        with Client() as client:
            outcome = jobs.run(
                client, build(given, {}, seed=1, environ={}), given, deadline_sec=LONG, fresh=True
            )
    assert outcome.answer.ok, outcome.answer.error
    prefix = "" if path.startswith("{") else "/app"
    assert server.questions == [prefix + asked]


@pytest.mark.parametrize("location", ["/result/7?x=1", "result/7?x=1", "{url}/result/7?x=1"])
def test_without_a_path_it_is_asked_for_at_the_location_of_the_answer(location: str) -> None:
    with JobServer(b"", [PENDING, DONE]) as server:
        server.submitted = said({}, "202 Accepted", location=location.replace("{url}", server.url))
        assert run(server, Poll(every=0.01)).answer.ok
    assert server.questions == ["/result/7?x=1"] * 2


def test_the_result_is_fetched_where_the_last_answer_says_or_else_the_first() -> None:
    asked = [
        said({"id": "x", "status": "IN_QUEUE"}),
        said({"status": "COMPLETED", "file": "a b.png"}),
        answer(b"png"),
    ]
    with JobServer(said({"id": "x"}), asked) as server:
        outcome = run(server, Poll(path="/jobs/{id}", every=0.01, result="/jobs/{id}/files/{file}"))
    assert outcome.answer.body == b"png"
    assert server.questions == ["/jobs/x", "/jobs/x", "/jobs/x/files/a%20b.png"]


def test_the_catalogues_headers_go_along_to_the_same_origin_alone() -> None:
    secrets = {"Authorization": "Bearer s3cret", "Modal-Key": "wk-1234", "X-Trace": "mine"}
    with Server(answering(lambda _: DONE)) as elsewhere, JobServer(b"", [PENDING, b""]) as server:
        server.submitted = said({"status_url": "/here"})
        server.asked[1] = said({"status": "done", "url": f"{elsewhere.url}/there"})
        outcome = run(server, Poll(path="{status_url}", every=0.01, result="{url}"), headers=secrets)
    assert outcome.answer.ok, outcome.answer.error
    for entry in server.log:
        assert {name: entry.received.headers.get(name.lower()) for name in secrets} == secrets
    assert "content-type" not in server.log[1].received.headers
    (asked,) = elsewhere.received
    assert set(asked.headers) <= {"host", "user-agent", "accept", "accept-encoding", "connection"}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("file:///etc/passwd", "an address that is neither http nor https"),
        ("http://user:password@127.0.0.1/", "an address that holds credentials"),
        ("http://[::1", "an address that is not valid"),
    ],
)
def test_an_address_that_nobody_is_to_ask_fails_it(address: str, says: str) -> None:
    cause, error = failed(said({"url": address}), [DONE], Poll(path="{url}", every=0.01))
    assert (cause, error) == ("application", f"asking for the job: it leads to {says}")


# --- How long a question waits ---


@pytest.mark.parametrize(
    ("retry_after", "least_sec"), [("1", 1.0), ("0", EVERY), ("soon", EVERY), ("-5", EVERY)]
)
def test_a_server_that_asks_for_a_longer_pause_gets_it(retry_after: str, least_sec: float) -> None:
    waits = said({"call_id": "fc-1"}, "202 Accepted", retry_after=retry_after)
    with JobServer(waits, [DONE]) as server:
        run(server)
    assert server.log[1].read - server.log[0].read >= least_sec


def test_a_pause_is_never_longer_than_a_minute() -> None:
    waits = said({"call_id": "fc-1"}, "202 Accepted", retry_after="9" * 400)
    with JobServer(waits, [DONE]) as server:
        outcome = run(server, time_scale=0.001)
    assert outcome.answer.ok
    assert outcome.answer.elapsed_sec >= jobs.LONGEST_PAUSE_SEC * 0.001


def test_the_intervals_of_a_simulated_workspace_are_scaled() -> None:
    with JobServer(ACCEPTED, [PENDING, DONE]) as server:
        assert run(server, Poll(path=POLL.path, every=3600), time_scale=1e-5).answer.ok


# --- A job that fails ---


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"status": "failed"}, "failed"),
        ({"status": "FAILURE", "result": None, "traceback": "ValueError: no"}, "ValueError: no"),
        ({"id": "x", "status": "error", "error": "CUDA out of memory"}, "CUDA out of memory"),
        ({"state": "cancelled", "id": "x"}, "cancelled"),
        ({"data": {"task": {"status": "TIMED_OUT"}}}, "TIMED_OUT"),
        (
            {"job": {"status": "Aborted", "reason": "preempted\nby\x1b[31m another"}},
            "Aborted: preempted by another",
        ),
        ({"status": "revoked"}, "revoked"),
        ({"success": False, "message": "no GPU"}, "no GPU"),
        ({"x": {"status": {"status_str": "error", "completed": False}}}, "error"),
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "202 Accepted"])
def test_a_job_that_says_that_it_has_failed_has(asked: dict[str, Any], words: str, status: str) -> None:
    assert failed(ACCEPTED, [PENDING, said(asked, status)]) == ("application", f"the job failed: {words}")


def test_a_job_fails_by_the_catalogues_words_too() -> None:
    poll = Poll(path=POLL.path, every=0.01, failed={"info.phase": ("Kaput",)})
    asked = [said({"info": {"phase": "warm"}, "status": "running"}), said({"info": {"phase": "KAPUT"}})]
    assert failed(ACCEPTED, asked, poll) == ("application", "the job failed: `info.phase` is KAPUT")


def test_a_job_that_fails_as_it_is_submitted_is_not_asked_for() -> None:
    with JobServer(said({"call_id": "fc-1", "status": "failed", "error": "no GPU"}), [DONE]) as server:
        outcome = run(server)
    assert (outcome.answer.cause, server.submits, server.questions) == ("application", 1, [])
    assert outcome.answer.error == "the job failed: no GPU"


def test_what_a_server_says_of_a_failure_is_bounded_and_shows_no_secret() -> None:
    _, error = failed(
        ACCEPTED,
        [said({"status": "failed", "error": "token s3cr3t-t0ken " + "long " * 100_000})],
        headers={"Authorization": "Bearer s3cr3t-t0ken"},
    )
    assert "s3cr3t" not in error
    assert error.startswith("the job failed: token [redacted]")
    assert len(error) < 2100


@pytest.mark.parametrize(
    ("submitted", "lack"),
    [
        (said({"job": "x", "ok": True}), "has no `call_id`: an object with job, ok"),
        (said({}), "has no `call_id`: an empty object"),
        (said({"call_id": None}), "has a field `call_id` that is null"),
        (said({"call_id": " "}), "has a field `call_id` that is empty"),
        (said({"call_id": True}), "has a field `call_id` that is true"),
        (said({"call_id": {"id": 1}}), "has a field `call_id` that is an object with id"),
        (said({"call_id": "x" * 5000}), "has a field `call_id` that is too long"),
        (said(["fc-1"]), "has no `call_id`: a list of 1"),
        (answer(b"thanks", status="202 Accepted"), "has no `call_id`: the text 'thanks'"),
        (answer(b"", status="202 Accepted"), "has no `call_id`: nothing"),
        (answer(b"\x89PNG" + bytes(100_000)), "has no `call_id`: no JSON"),
    ],
)
def test_a_dropped_id_fails_it_and_says_what_there_was(submitted: bytes, lack: str) -> None:
    assert failed(submitted, [DONE]) == ("invalid_output", f"the job was submitted, but its answer {lack}")


def test_a_location_that_is_not_there_fails_it() -> None:
    assert failed(ACCEPTED, [DONE], Poll(every=0.01)) == (
        "invalid_output",
        "the job was submitted, but its answer has no Location, and `poll` no path to ask at",
    )


def test_a_result_that_no_answer_names_fails_it() -> None:
    poll = Poll(path=POLL.path, every=0.01, result="{url}")
    assert failed(ACCEPTED, [PENDING, said({"status": "done"})], poll) == (
        "invalid_output",
        "the job is done, but its answer has no `url`: an object with status",
    )


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_one_that_is_not_known_any_more_fails_it(status: str) -> None:
    cause, error = failed(ACCEPTED, [PENDING, said({"detail": "no such call"}, status)])
    assert (cause, error) == (
        "application",
        f"asking for the job: HTTP {status[:3]}: no such call: its result has expired, or its id is not known",
    )


def test_an_app_that_is_stopped_meanwhile_is_named_as_such() -> None:
    gone = answer(
        b"modal-http: app for invoked web endpoint is stopped",
        status="404 Not Found",
        content_type="text/plain",
    )
    cause, error = failed(ACCEPTED, [PENDING, gone])
    assert cause == "app_stopped"
    assert "expired" not in error


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "500 Internal Server Error"])
def test_an_error_that_is_no_moments_trouble_fails_it_at_once(status: str) -> None:
    with JobServer(ACCEPTED, [answer(b"boom", status=status), DONE]) as server:
        outcome = run(server)
    assert (outcome.answer.ok, outcome.answer.status, len(server.questions)) == (False, int(status[:3]), 1)
    assert outcome.answer.error == f"asking for the job: HTTP {status[:3]}: boom"


def test_a_result_that_does_not_come_fails_it() -> None:
    poll = Poll(path=POLL.path, every=0.01, result="{url}")
    asked = [said({"status": "done", "url": "/file"}), answer(b"gone", status="404 Not Found")]
    assert failed(ACCEPTED, asked, poll) == (
        "application",
        "fetching the job's result: HTTP 404: gone: its result has expired, or its id is not known",
    )


# --- A moment's trouble ---

TROUBLES: dict[str, Step] = {
    "502": answer(b"bad", status="502 Bad Gateway"),
    "503": BUSY,
    "504": answer(b"late", status="504 Gateway Timeout"),
    "429": answer(b"slow down", status="429 Too Many Requests"),
    "cut before the answer": cut(b""),
    "cut in its head": cut(b"HTTP/1."),
    "cut in its body": cut(HALF),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_question_that_meets_trouble_is_asked_again_three_times(trouble: Step) -> None:
    with JobServer(ACCEPTED, [PENDING, *[trouble] * 3, PENDING, *[trouble] * 3, DONE]) as server:
        outcome = run(server, Poll(path=POLL.path, every=0.01))
    assert outcome.answer.ok, outcome.answer.error
    assert (server.submits, len(server.questions)) == (1, 9)


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_and_no_fourth_time(trouble: Step) -> None:
    with JobServer(ACCEPTED, [PENDING, *[trouble] * 4, DONE]) as server:
        outcome = run(server, Poll(path=POLL.path, every=0.01))
    assert not outcome.answer.ok
    assert (outcome.answer.error or "").endswith("; asked again 3 times in vain")
    assert (server.submits, len(server.questions)) == (1, 5)
    assert outcome.answer.status is not None, "the pool has answered"


def test_a_spending_limit_is_no_moments_trouble() -> None:
    spent = answer(
        b"modal-http: Webhook failed: workspace billing cycle spend limit reached",
        status="429 Too Many Requests",
        content_type="text/plain",
    )
    cause, _ = failed(ACCEPTED, [spent, DONE])
    assert cause == "spend_limit"


def test_a_server_that_is_gone_is_asked_again_too() -> None:
    def leave(connection: Connection) -> None:
        server.stop_listening()
        connection.send(ACCEPTED)
        connection.shut()

    with JobServer(leave, [DONE]) as server:
        outcome = run(server)
    assert (outcome.answer.cause, outcome.answer.status, server.submits) == ("refused", 202, 1)
    assert outcome.job is not None
    assert (outcome.job.asked, server.questions) == (4, [])


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 20", HALF], ids=["nothing", "half a head", "half a body"])
def test_a_submit_whose_answer_is_cut_is_not_sent_again(sent: bytes) -> None:
    with JobServer(cut(sent), [DONE]) as server:
        outcome = run(server)
    assert (server.submits, server.questions, outcome.job) == (1, [], None)
    assert outcome.answer.cause == "connection_lost"
    assert (outcome.answer.error or "").endswith(": whether the job was submitted is not known")


def test_a_connection_that_is_cut_after_the_last_byte_makes_no_difference() -> None:
    with JobServer(cut(ACCEPTED), [cut(PENDING), cut(DONE)]) as server:
        outcome = run(server)
    assert outcome.answer.ok
    assert (server.submits, len(server.questions)) == (1, 2)


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "500 Internal Server Error", "503 Service Unavailable"]
)
def test_a_submit_that_is_refused_is_not_sent_again(status: str) -> None:
    cause, error = failed(answer(b"no", status=status), [DONE])
    assert (cause, error) == ("application", f"HTTP {status[:3]}: no")


# --- Its one deadline ---


def test_a_job_that_never_ends_is_given_up_at_its_deadline_and_says_how_far_it_came() -> None:
    with JobServer(ACCEPTED, [PENDING]) as server:
        outcome = run(server, deadline_sec=0.5)
    got, job = outcome.answer, outcome.job
    assert (got.ok, got.cause, got.status, server.submits) == (False, "timeout", 202, 1)
    assert got.elapsed_sec >= 0.5
    assert job is not None
    assert (job.waiting_sec, job.delivery_sec, job.asked) == (None, None, len(server.questions))
    assert (got.error or "").startswith("Timeout: the job was still running after 0.")
    assert (got.error or "").endswith(f" s, asked {job.asked} times")


def test_a_question_that_hangs_is_cut_off_at_the_jobs_deadline() -> None:
    cause, error = failed(ACCEPTED, [PENDING, lambda connection: connection.hold()], deadline_sec=0.5)
    assert cause == "timeout"
    assert error.startswith("Timeout: the job was still running after 0.")
    assert error.endswith(" s, asked 2 times")


def test_an_interval_that_is_longer_than_the_deadline_is_cut_off() -> None:
    cause, error = failed(ACCEPTED, [DONE], Poll(path=POLL.path, every=60), deadline_sec=0.3)
    assert cause == "timeout"
    assert error.startswith("Timeout: the job was submitted within ")
    assert error.endswith(", and nothing came of it, asked 0 times")


def test_a_result_that_drips_is_cut_off_at_the_jobs_deadline() -> None:
    def drip(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        connection.drip(b"drop", every_sec=0.02)

    poll = Poll(path=POLL.path, every=0.05, result="{url}")
    cause, error = failed(ACCEPTED, [said({"status": "done", "url": "/x"}), drip], poll, deadline_sec=0.5)
    assert cause == "timeout"
    assert error.startswith("Timeout: the job was done after 0.")
    assert error.endswith(" s (asked 1 time), but its result did not come")


def test_a_submit_that_hangs_is_cut_off_at_its_deadline() -> None:
    with JobServer(lambda connection: connection.hold(), [DONE]) as server:
        outcome = run(server, deadline_sec=0.3)
    assert (outcome.answer.cause, outcome.job, server.submits) == ("timeout", None, 1)
    assert outcome.answer.error == "Timeout: whether the job was submitted is not known"


def test_the_last_trouble_before_the_deadline_is_told() -> None:
    poll = Poll(path=POLL.path, every=0.4)
    cause, error = failed(ACCEPTED, [PENDING, BUSY], poll, deadline_sec=1.1)
    assert cause == "timeout"
    assert error.endswith("asked 2 times; last HTTP 503: busy")


# --- Any course of things ---

STEPS: dict[str, Step] = {
    "pending": PENDING,
    "queued": said({"status": "queued"}),
    "busy": BUSY,
    "cut": cut(b""),
    "half": cut(HALF),
    "done": DONE,
    "bytes": answer(b"\x89PNG\r\n\x1a\n"),
    "failed": said({"status": "failed"}),
    "gone": answer(b"gone", status="404 Not Found"),
    "boom": answer(b"boom", status="500 Internal Server Error"),
}
TROUBLE = {"busy", "cut", "half"}


def expected(course: Sequence[str]) -> tuple[str, int]:
    """How a course ends, and after how many questions; its last step goes on for ever."""
    troubles = 0
    for asked, step in enumerate([*course, *[course[-1]] * 4], 1):
        troubles = troubles + 1 if step in TROUBLE else 0
        if troubles == 4:
            return "trouble", asked
        if step not in TROUBLE | {"pending", "queued"}:
            return ("done" if step in ("done", "bytes") else "failed"), asked
    return "timeout", 0


@settings(max_examples=80)
@given(course=st.lists(st.sampled_from([*STEPS]), min_size=1, max_size=7))
def test_any_course_of_answers_ends_as_it_must_and_is_submitted_once(course: list[str]) -> None:
    end, asked = expected(course)
    with JobServer(ACCEPTED, [STEPS[step] for step in course]) as server:
        poll = Poll(path=POLL.path, every=0.003)
        outcome = run(server, poll, deadline_sec=0.5 if end == "timeout" else LONG)
    got, job = outcome.answer, outcome.job
    if end == "timeout" and job is None:
        # On a busy machine the deadline may come before the answer to the submission.
        assert (server.submits <= 1, got.cause) == (True, "timeout")
        return
    assert server.submits == 1
    assert job is not None
    # The last question may be on its way when the deadline comes.
    assert job.asked - len(server.questions) in ((0, 1) if end == "timeout" else (0,))
    assert got.ok is (end == "done")
    assert (got.error is None) is (got.cause is None) is got.ok
    assert (got.cause == "timeout") is (end == "timeout")
    assert (job.delivery_sec is not None) is got.ok
    if end != "timeout":
        assert job.asked == asked
    if got.ok:
        assert (job.waiting_sec or 0) + (job.delivery_sec or 0) + job.submit_sec == pytest.approx(
            got.elapsed_sec
        )


# --- What is kept ---


def test_a_sample_has_the_submits_container_and_the_results_cost() -> None:
    submitted = said(
        {"call_id": "fc-1"},
        x_modal_bench_container="ta-1",
        x_modal_bench_request="1",
        modal_function_call_id="fc-9",
        x_cost_usd="0.001",
        x_gpu_type="T4",
        server_timing="handler;dur=3",
    )
    result = said(
        {"result": "x"},
        x_modal_bench_container="ta-1",
        x_modal_bench_request="7",
        modal_function_call_id="fc-10",
        x_cost_usd="0.25",
        x_execution_time_sec="4.5",
        server_timing="handler;dur=1",
    )
    with JobServer(submitted, [PENDING, result]) as server:
        sample = jobs.sample_of(run(server), start="cold", seed=3)
    assert (sample.container, sample.container_request, sample.call_id) == ("ta-1", 1, "fc-9")
    assert (sample.cost_usd, sample.cost_basis, sample.execution_sec) == (0.25, "measured", 4.5)
    assert (sample.gpu_type, sample.handler_sec) == ("T4", None)
    assert (sample.ok, sample.http_status, sample.start, sample.seed) == (True, 200, "cold", 3)
    assert sample.job is not None
    assert sample.job.asked == 2


def test_a_sample_has_the_submits_cost_where_the_result_says_none() -> None:
    with JobServer(said({"call_id": "fc-1"}, x_cost_usd="0.001"), [DONE]) as server:
        sample = jobs.sample_of(run(server), start="warm", seed=None)
    assert (sample.cost_usd, sample.cost_basis) == (0.001, "measured")


def test_a_job_that_was_not_accepted_is_a_call_that_failed() -> None:
    with JobServer(answer(b"no", status="500 Oh"), [DONE]) as server:
        sample = jobs.sample_of(run(server), start="warm", seed=None)
    assert (sample.ok, sample.job, sample.http_status, sample.error) == (False, None, 500, "HTTP 500: no")


def test_fields_that_the_catalogue_expects_are_no_failure() -> None:
    with JobServer(ACCEPTED, [said({"detail": "a lake at dawn"})]) as server:
        assert run(server, expect=Expect(json=("detail",))).answer.ok
