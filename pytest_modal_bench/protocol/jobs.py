"""One job: submitted once, asked for until it is done, its result fetched. One clock, one deadline.

Nothing is submitted twice, whatever happens: a job of which it is not known whether it was submitted has failed.
Questions change nothing, and may be asked again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec import UNSET, structs

from pytest_modal_bench.answers import job_answers
from pytest_modal_bench.answers.contents import plain_content
from pytest_modal_bench.call import failures, following
from pytest_modal_bench.model import Job, Phases
from pytest_modal_bench.protocol import job_targets
from pytest_modal_bench.protocol.sampling import as_sample, parse_headers
from pytest_modal_bench.safety.redaction import Redactor
from pytest_modal_bench.safety.secrets import sealed
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.call.client import Client
    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import Cause, Endpoint, Sample, Start

MOST_REPEATS = 3
"""How often in a row a question is asked again that met a moment's trouble."""

LONGEST_PAUSE_SEC = 60.0
"""A server's `Retry-After` is heeded up to here; one that asks for more would only run out the deadline."""

# What may be over at the next question. A spending limit, or an app that was stopped, is not.
_PASSING: frozenset[Cause] = frozenset(
    {
        *("connection_lost", "refused", "dns", "tls", "timeout"),
        *("rate_limited", "queue_full", "booting", "input_lost"),
    }
)
_PASSING_STATUSES = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_SHORTEST_SEC = 0.001
_ASKING, _FETCHING = "asking for the job", "fetching the job's result"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a job."""

    answer: Answer
    """The last one; its times, phases and redirects are those of all the job's requests together."""
    submitted: Answer
    """The answer to submitting it."""
    job: Job | None
    """None: it was not accepted, as far as is known."""


@sealed
def run(  # noqa: PLR0913 - all but the first three are named where it is called
    client: Client,
    request: Request,
    endpoint: Endpoint,
    *,
    deadline_sec: float,
    fresh: bool,
    time_scale: float = 1.0,
) -> Outcome:
    """Submit a job with `request`, and return what comes of it within `deadline_sec` seconds, failures included.

    `fresh`: on a new connection. `time_scale` is that of a simulated workspace: intervals are multiplied by it. Raises
    SpoolError where this machine has no room for an answer.
    """
    course = _Course(client, request, endpoint, deadline_sec, time_scale)
    failed = None
    try:
        course.submit(fresh=fresh)
        course.ask()
        course.fetch()
    except _Failed as failure:
        failed = failure
    return course.outcome(failed)


def sample_of(outcome: Outcome, *, start: Start, seed: int | None) -> Sample:
    """Return what is kept of a job that was meant as `start`.

    Its container is the one that took the job, and nothing is claimed of any other: the questions find that one warm,
    and the work itself may be done in another function's, as with Modal's `spawn`, which no header tells. Cost,
    execution and GPU are the last answer's word, or else the first's.
    """
    sample = as_sample(outcome.answer, start=start, seed=seed)
    if outcome.job is None:
        return sample
    first = as_sample(outcome.submitted, start=start, seed=seed)
    costs = sample if sample.cost_usd is not None else first
    taken = structs.asdict(parse_headers(outcome.submitted.headers))
    return structs.replace(
        sample,
        # What the handlers took is not the job's time: one took it on, the others looked whether it was done.
        **{**taken, "handler_sec": None},
        job=outcome.job,
        cost_usd=costs.cost_usd,
        cost_basis=costs.cost_basis,
        cost_source=costs.cost_source,
        execution_sec=first.execution_sec if sample.execution_sec is None else sample.execution_sec,
        gpu_type=sample.gpu_type or first.gpu_type,
    )


class _Failed(Exception):
    """The job has failed, or is given up; its text is the sample's error, secrets not yet taken out."""

    def __init__(self, text: str, cause: Cause | None) -> None:
        super().__init__(text)
        self.cause = cause


class _Course:
    """How far a job has come. Moments are those of `time.monotonic`."""

    _submitted: Answer
    _last: Answer

    def __init__(
        self, client: Client, request: Request, endpoint: Endpoint, deadline_sec: float, time_scale: float
    ) -> None:
        assert endpoint.poll is not None  # noqa: S101 - what is no job does not come here
        self._client = client
        self._request = request
        self._endpoint = endpoint
        self._poll = endpoint.poll
        self._deadline_sec = deadline_sec
        self._time_scale = time_scale
        expect = endpoint.expect
        self._ordered = () if expect is None else tuple(key.partition(".")[0] for key in expect.json)
        self._phases = Phases()
        self._status: int | None = None
        """Of the last answer that came."""
        self._redirects = 0
        self._held_sec = 0.0
        self._client_busy: str | None = None
        self._reads: list[job_targets.Read] = []
        """The answers in which fields are looked up, the first one first."""
        self._asked = 0
        self._unfinished: float | None = None
        """When it was last seen unfinished."""
        self._done: float | None = None
        """When an answer began that says that it is done."""
        self._ended = 0.0
        """When the last byte came, or the job was given up."""

    def submit(self, *, fresh: bool) -> None:
        """Send the job: the one time that it is sent."""
        answer = self._client.call(self._request, deadline_sec=self._deadline_sec, fresh=fresh)
        self._submitted = answer
        self._take(answer)
        if answer.ok:
            self._reads.append(self._read(answer)[0])
        elif answer.cause in {"timeout", "connection_lost"} and answer.phases.send_sec is not None:
            text = f"{answer.error}: whether the job was submitted is not known"
            raise _Failed(text, answer.cause)
        else:
            raise _Failed(answer.error or "", answer.cause)

    def ask(self) -> None:
        """Ask until the job is done; in between is the time in which an answer is looked at."""
        target = self._target(self._poll.path, "the job was submitted, but its answer")
        due = self._ended + self._pause(self._submitted)
        troubles = 0
        while self._done is None:
            self._wait_until(due)
            self._asked += 1
            answer = self._get(target, _ASKING)
            due = answer.began + self._pause(answer)
            if not answer.ok:
                troubles += 1
                self._check_trouble(answer, troubles)
                continue
            troubles = 0
            read, is_pending = self._read(answer)
            if is_pending:
                self._unfinished = answer.began
            else:
                self._done = self._ended - (answer.phases.download_sec or 0.0)
                self._reads.insert(0, read)

    def fetch(self) -> None:
        """Get the result, where the answer that says that the job is done does not hold it."""
        if self._poll.result is not None:
            target = self._target(self._poll.result, "the job is done, but its answer")
            answer = self._get(target, _FETCHING)
            if not answer.ok:
                self._fail(answer, _FETCHING)

    def outcome(self, failed: _Failed | None) -> Outcome:
        """What has come of it by now."""
        first = self._submitted
        last = replace(
            self._last,
            began=first.began,
            started_at=first.started_at,
            elapsed_sec=self._ended - first.began,
            phases=self._phases,
            redirects=self._redirects,
            held_sec=self._held_sec,
            client_busy=self._client_busy,
            # Between questions that come seldom, a server closes connections: that is no news, and costs no time.
            reconnected=first.reconnected,
        )
        if failed is not None:
            last = replace(
                last, ok=False, status=self._status, error=self._cleaned(str(failed)), cause=failed.cause
            )
        return Outcome(answer=last, submitted=first, job=self._job(is_done=failed is None))

    def _job(self, *, is_done: bool) -> Job | None:
        if not self._submitted.ok:
            return None
        submit_sec = self._submitted.elapsed_sec
        if self._done is None:
            return Job(submit_sec=submit_sec, asked=self._asked)
        accepted = self._submitted.began + submit_sec
        return Job(
            submit_sec=submit_sec,
            waiting_sec=self._done - accepted,
            delivery_sec=self._ended - self._done if is_done else None,
            asked=self._asked,
            resolution_sec=self._done - (accepted if self._unfinished is None else self._unfinished),
        )

    # --- Requests ---

    def _get(self, target: job_targets.Target, doing: str) -> Answer:
        left_sec = max(self._over - time.monotonic(), _SHORTEST_SEC)
        try:
            if target.named_by is None:
                request = following.get(self._request, self._request.url, target.address)
                answer = self._client.call(request, deadline_sec=left_sec, fresh=False)
            else:
                answer = self._client.follow(
                    self._request, target.named_by, target.address, deadline_sec=left_sec
                )
        except following.AddressError as error:
            raise _Failed(f"{doing}: it leads to {error}", "application") from None
        self._take(answer)
        if not answer.ok and self._ended >= self._over:
            self._give_up()
        return answer

    def _take(self, answer: Answer) -> None:
        self._last = answer
        self._status = self._status if answer.status is None else answer.status
        self._ended = answer.began + answer.elapsed_sec
        self._phases = _sum(self._phases, answer.phases)
        self._redirects += answer.redirects
        self._held_sec += answer.held_sec
        self._client_busy = self._client_busy or answer.client_busy

    @property
    def _over(self) -> float:
        """When the deadline ends."""
        return self._submitted.began + self._deadline_sec

    def _wait_until(self, due: float) -> None:
        time.sleep(max(min(due, self._over) - time.monotonic(), 0.0))
        if time.monotonic() >= self._over:
            self._ended = time.monotonic()
            self._give_up()

    def _pause(self, answer: Answer) -> float:
        """Seconds from an answer's question to the next one."""
        wanted = answer.headers.get("retry-after", "").strip()
        seconds = float(wanted) if wanted.isascii() and wanted.isdecimal() else 0.0
        return max(self._poll.every, min(seconds, LONGEST_PAUSE_SEC)) * self._time_scale

    # --- What answers say ---

    def _read(self, answer: Answer) -> tuple[job_targets.Read, bool]:
        """What an answer says, and whether the job goes on by it; raises _Failed if it says that it has failed."""
        try:
            said = plain_content(answer.body, answer.size_bytes)
        except OSError:
            said = UNSET  # the judge meets the same, and says so
        state = job_answers.state(said, answer.status, self._poll, self._ordered)
        if state.name == "failed":
            raise _Failed(f"the job failed: {state.words}", "application")
        return job_targets.Read(said, answer), state.name == "pending"

    def _target(self, template: str | None, whose: str) -> job_targets.Target:
        try:
            if template is None:
                return job_targets.by_location(self._submitted)
            return job_targets.filled_in(template, self._endpoint.url, self._reads)
        except job_targets.TargetError as error:
            raise _Failed(f"{whose} {error}", "invalid_output") from None

    # --- How it fails ---

    def _check_trouble(self, answer: Answer, times: int) -> None:
        """Raise _Failed unless the question that was answered so is worth another one."""
        if answer.cause not in _PASSING and answer.status not in _PASSING_STATUSES:
            self._fail(answer, _ASKING)
        if times > MOST_REPEATS:
            again = f"asked again {counted(MOST_REPEATS, 'time')} in vain"
            raise _Failed(f"{_ASKING}: {answer.error}; {again}", answer.cause)

    def _fail(self, answer: Answer, doing: str) -> None:
        text = f"{doing}: {answer.error}"
        if answer.status in _GONE and answer.cause == "application":
            text = f"{text}: its result has expired, or its id is not known"
        raise _Failed(text, answer.cause)

    def _give_up(self) -> None:
        """Raise _Failed with how far the job came before its deadline."""
        asked = f"asked {counted(self._asked, 'time')}"
        if self._done is not None:
            done = f"the job was done after {self._since(self._done)} ({asked})"
            text = f"{done}, but its result did not come"
        elif self._unfinished is not None:
            text = f"the job was still running after {self._since(self._unfinished)}, {asked}"
        else:
            accepted = self._since(self._submitted.began + self._submitted.elapsed_sec)
            text = f"the job was submitted within {accepted}, and nothing came of it, {asked}"
        trouble = "" if self._last.ok or self._last.cause == "timeout" else f"; last {self._last.error}"
        raise _Failed(f"{failures.TIMEOUT}: {text}{trouble}", "timeout")

    def _since(self, moment: float) -> str:
        seconds = moment - self._submitted.began
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2g} s"

    def _cleaned(self, text: str) -> str:
        redactor = Redactor(self._request.secrets)
        return failures.bounded(redactor.clean(failures.one_line(redactor.clean(text))))


def _sum(one: Phases, other: Phases) -> Phases:
    """Add up what happened of the phases."""
    names = Phases.__struct_fields__
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in names}
    known = {name: [sec for sec in pair if sec is not None] for name, pair in pairs.items()}
    return Phases(**{name: sum(seconds) for name, seconds in known.items() if seconds})
