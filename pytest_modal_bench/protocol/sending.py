"""Makes one call of an endpoint, whatever it is: a request, a stream, or a job that is asked for until it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.protocol import jobs
from pytest_modal_bench.protocol.sampling import as_sample

if TYPE_CHECKING:
    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.call.client import Client
    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import Endpoint, Sample, Start


def send(  # noqa: PLR0913 - all but the first three are named where it is called
    client: Client,
    request: Request,
    endpoint: Endpoint,
    *,
    start: Start,
    seed: int,
    deadline_sec: float,
    fresh: bool,
    time_scale: float = 1.0,
) -> tuple[Answer, Sample]:
    """Send a request, or submit a job and ask for it until it is done; the sample is not judged yet.

    `fresh`: on a new connection. `time_scale` is that of a simulated workspace. Raises SpoolError where this machine
    has no room for an answer.
    """
    if endpoint.poll is None:
        answer = client.call(
            request, deadline_sec=deadline_sec, fresh=fresh, arrivals=endpoint.stream is not None
        )
        return answer, as_sample(answer, start=start, seed=seed)
    outcome = jobs.run(
        client, request, endpoint, deadline_sec=deadline_sec, fresh=fresh, time_scale=time_scale
    )
    return outcome.answer, jobs.sample_of(outcome, start=start, seed=seed)
