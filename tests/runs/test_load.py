"""Loads of an app of known capacity, held against the log of the workspace that serves it."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import modal  # noqa: F401 - pytester forgets what a test has imported, and the SDK can't be loaded a second time
import pytest
from capacity import APP, BODY, CATALOGUE_PATH, Served, serving
from load_server import means
from load_truth import is_the_truth, pairs, shift
from workspace_log import WorkspaceLog

from pytest_modal_bench.control.journal import Journal
from pytest_modal_bench.control.observer import Observer
from pytest_modal_bench.load import generators
from pytest_modal_bench.load.spec import parse
from pytest_modal_bench.local.workspace.pauses import Pauses
from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.run.control import Credentials, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modal_bench.model import Load

pytestmark = pytest.mark.timeout(180)

SCALE = 0.2
TWO_CONTAINERS = (
    "max_containers = 2\nconcurrent_inputs = 1\nenter = 3\nload = 0\ninference = 1\nscaledown_window = 60"
)
"""Two containers, an input each, a second a call: real ones start in 0.6 s, and answer ten calls a second."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(tmp_path, TWO_CONTAINERS, time_scale=SCALE, control=True) as served:
        assert served.workspace.control is not None
        monkeypatch.setenv("MODAL_SERVER_URL", served.workspace.control.url)
        yield served


def quantile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(share * len(seconds))]


def endpoint(served: Served) -> Endpoint:
    return Endpoint(
        id=APP,
        name="Embed",
        path=CATALOGUE_PATH,
        app=APP,
        modal_app="shapes-functions",
        function="embed",
        pool=APP,
        category="Functions",
        url=served.workspace.urls[APP] + CATALOGUE_PATH,
        payload=BODY,
        timeout=60.0,
        scaledown_window=60.0,
    )


def loaded(served: Served, spec: str, tmp_path: Path) -> Load:
    """Put the app under load, as somebody does who can ask the control plane."""
    control = served.workspace.control
    assert control is not None
    observer = Observer(
        lambda: connect(Credentials(*control), "main"),
        Journal(tmp_path / ".modal-bench"),
        patience_sec=lambda seconds: seconds,
    )
    try:
        return generators.run(endpoint(served), parse(spec), replace(means(), observer=observer))
    finally:
        observer.close()


@pytest.mark.parametrize("spec", ["users=1,4 duration=2", "rate=4,15 duration=2", "burst=12"])
def test_every_call_of_a_load_is_as_the_workspaces_own_log_has_it(
    served: Served, tmp_path: Path, spec: str
) -> None:
    load = loaded(served, spec, tmp_path)
    log = served.log()

    is_the_truth(load, log)
    assert len(log.containers) <= 2
    for step in load.steps:
        assert step.errors == {}
        assert all(call.queue_sec is not None for call in step.calls), (
            "the provider's record has come for each"
        )
        least, most = shift(pairs(step, log))
        assert most - least < 1.5, "calls begin when the load says, as seen from the edge"


def test_a_burst_from_zero_says_when_each_container_was_there(served: Served, tmp_path: Path) -> None:
    (step,) = loaded(served, "burst=12", tmp_path).steps
    log = served.log()

    begin = min(call.received for call in log.calls)
    assert step.containers_started == len(log.containers) == 2
    assert step.scale_out_sec == pytest.approx(log.first_answers_after(begin), abs=1.0)
    assert all(up <= answered for up, answered in zip(log.up_after(begin), step.scale_out_sec, strict=True))


def test_calls_that_are_refused_are_counted_as_such(tmp_path: Path) -> None:
    limits = "pending_inputs = 3"
    with serving(tmp_path, TWO_CONTAINERS, time_scale=SCALE, limits=limits) as served:
        load = generators.run(endpoint(served), parse("burst=10"), means())
        log = served.log()

    is_the_truth(load, log)
    (step,) = load.steps
    assert step.errors == {"queue_full": 7}
    assert step.answered == 3


def test_a_rate_meets_every_pause_of_a_server_that_stalls_and_a_waiting_user_only_one_call_of_each(
    tmp_path: Path,
) -> None:
    pauses = Pauses(every=2.0, sec=1.0)
    stalling = (
        "max_containers = 1\nconcurrent_inputs = 100\njobs_at_once = 100\nenter = 0\nload = 0\ninference = 0.02\n"
        f"pauses = {{ every = {pauses.every}, sec = {pauses.sec} }}"
    )
    with serving(tmp_path, stalling) as served:
        served.call()
        begin = time.monotonic()
        load = generators.run(endpoint(served), parse("rate=20 duration=4", "users=1 duration=4"), means())
        log = served.log().between(begin, time.monotonic())

    is_the_truth(load, log)
    rate, user = load.steps
    # Each call was received at a known moment of the pauses' clock: this is what it must have met.
    implied = [pauses.end(pair.logged.received, 0.02) - pair.logged.received for pair in pairs(rate, log)]
    met = [call.latency_sec for call in rate.calls]
    for share in (0.5, 0.9):
        # What a busy machine adds has no limit to speak of; `benchmarks/load_open_loop.py` says what an idle one adds.
        assert quantile(implied, share) * 0.95 <= quantile(met, share) <= quantile(implied, share) + 1.0
    assert quantile(met, 0.9) >= 0.7
    waited = quantile([call.latency_sec for call in user.calls], 0.5)
    assert waited < quantile(met, 0.9) / 2, "it waits through a pause in one call"


def test_what_calls_wait_is_what_the_theory_of_one_server_has(tmp_path: Path) -> None:
    one_server = (
        "max_containers = 1\nconcurrent_inputs = 1\nenter = 0\nload = 0\n"
        "inference = 0.08\nservice = 'exponential'"
    )
    with serving(tmp_path, one_server) as served:
        served.call()
        begin = time.monotonic()
        load = generators.run(endpoint(served), parse("rate=8 duration=5 arrivals=poisson"), means())
        log = served.log().between(begin, time.monotonic())

    is_the_truth(load, log)
    # Lindley's recursion (1952): a call waits for what is left of the wait and the work of the one before.
    for before, call in pairwise(log.calls):
        left = before.waited_sec + before.execution_sec - (call.received - before.received)
        assert call.waited_sec == pytest.approx(max(0.0, left), abs=0.02)


def test_the_log_of_an_app_that_was_not_called_is_empty(served: Served) -> None:
    assert served.log() == WorkspaceLog()
