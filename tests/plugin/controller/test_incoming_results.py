from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from controller_parts import NOWHERE, Parts
from load_runs import searched
from msgspec import to_builtins
from report_runs import result, sample

from pytest_modal_bench.model import Check
from pytest_modal_bench.model.encoding import encode
from pytest_modal_bench.plugin import benchmark

if TYPE_CHECKING:
    from project import Project

    from pytest_modal_bench.model import EndpointResult

NODE = {"name": "test[a]", "fullname": "test[a]", "param": "a", "params": {"endpoint": "a"}}


def report(
    outcome: Any = "passed", when: Any = "call", nodeid: str = "test[a]", text: Any = None, **carried: Any
) -> pytest.TestReport:
    made = pytest.TestReport(nodeid, ("test_it.py", 1, "test"), {}, outcome, text, when)
    if carried:
        made.modal_bench = carried  # type: ignore[attr-defined] # as a test's process puts it there
    return made


def measured(seconds: float = 2.0, **given: Any) -> dict[str, Any]:
    """Return what a report carries of a measurement."""
    known: dict[str, Any] = {"path": "/a", "warm_time_sec": seconds, "samples": [sample("warm", seconds)]}
    text = encode(result("A", **known | given)).decode()
    return {"endpoint": "a", "result": text, "measured_by": NODE, "notes": []}


class Hearing:
    """A plugin of a user's own, which hears of results."""

    def __init__(self) -> None:
        self.heard: list[EndpointResult] = []

    def pytest_modal_bench_result(self, result: EndpointResult) -> None:
        self.heard.append(result)


class Session:
    """One whose tests' reports come in."""

    def __init__(self, project: Project, *args: str) -> None:
        project.catalogue(NOWHERE, "/a", "/b")
        self.parts = Parts(project, *args)
        benchmark.configure(self.parts.config, distributed=False, worker=False)
        config: Any = self.parts.config
        config._benchmarksession = object()  # noqa: SLF001 - as pytest-benchmark does
        self.hearing = Hearing()
        self.parts.config.pluginmanager.register(self.hearing)
        self.incoming = self.parts.incoming()
        self.incoming.pytest_sessionstart()
        self.parts.select("a", "b", under_load=["b"])

    def comes(self, *reports: pytest.TestReport) -> None:
        for each in reports:
            self.incoming.pytest_runtest_logreport(each)

    def of(self, endpoint_id: str = "a") -> EndpointResult:
        return self.parts.record.results.of(endpoint_id)

    def loads_may_begin(self) -> bool:
        return self.parts.shared.exists()


@pytest.fixture
def session(project: Project) -> Session:
    return Session(project)


def test_what_a_report_carries_is_kept_told_and_taken_off_the_report(session: Session) -> None:
    carried = report(**measured() | {"notes": ["the control plane does not answer"]})
    session.comes(report(when="setup"), carried, report(when="teardown"))

    assert (session.of().status, session.of().warm_time_sec, session.of().verdict) == ("success", 2.0, "PASS")
    assert [(each.test, each.outcome) for each in session.of().tests] == [("test[a]", "passed")]
    assert session.parts.notes() == ["the control plane does not answer"]
    assert [each.warm_time_sec for each in session.hearing.heard] == [2.0]
    assert carried.modal_bench == {"endpoint": "a"}


@pytest.mark.parametrize(
    ("outcome", "text", "status", "why"),
    [
        ("failed", "RuntimeError: broken", "failed", "RuntimeError: broken"),
        ("skipped", ("test_it.py", 1, "Skipped: not today"), "skipped", "not today"),
    ],
)
def test_a_test_that_ends_before_it_measures_says_why_nothing_is_known(
    session: Session, outcome: str, text: Any, status: str, why: str
) -> None:
    session.comes(report(outcome, "setup", text=text))

    assert session.of().status == status
    assert why in (session.of().error, session.of().skipped_reason)
    assert [each.status for each in session.hearing.heard] == [status]


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_how_a_later_test_ends_leaves_what_was_measured(session: Session, outcome: str) -> None:
    session.comes(
        report(**measured()), report(outcome, nodeid="test_size[a]", text="too small", endpoint="a")
    )

    assert (session.of().status, session.of().error, session.of().warm_time_sec) == ("success", None, 2.0)
    assert [each.outcome for each in session.of().tests] == ["passed", outcome]


def test_a_test_that_is_run_again_counts_as_it_ended_last(session: Session) -> None:
    failed = measured(status="failed", error="HTTP 500: boom", samples=[])
    session.comes(report(when="setup"), report("failed", text="boom", **failed))
    assert session.of().verdict == "FAIL"

    session.comes(report(when="setup"), report(**measured()))
    assert (session.of().verdict, session.of().warm_time_sec) == ("PASS", 2.0)


def test_one_that_waits_to_be_judged_is_kept_and_has_not_ended(session: Session) -> None:
    session.comes(report(when="setup", **measured()))

    assert (session.of().status, session.of().tests) == ("success", [])
    assert not session.hearing.heard
    assert not session.loads_may_begin()


@pytest.mark.parametrize("last", ["teardown", "???"])
def test_a_test_has_ended_with_its_teardown_or_with_its_worker(session: Session, last: str) -> None:
    session.parts.tests.ended("test[b]")
    session.comes(report(when="setup"), report(**measured()))
    assert not session.loads_may_begin()

    session.comes(report("failed" if last == "???" else "passed", last, text="worker 'gw0' crashed"))
    assert session.loads_may_begin()


def test_what_a_load_came_to_is_kept_beside_what_calls_one_by_one_did(session: Session) -> None:
    check = Check(metric="load_p95", against="budget", verdict="FAIL", message="p95 9 s > 5 s")
    carried = {"load": to_builtins(searched()), "checks": to_builtins([check]), "notes": ["one was lost"]}
    session.comes(
        report(nodeid="test[b]", **measured(id="b", path="/b") | {"endpoint": "b"}),
        report("failed", nodeid="test_load[b]", text="GateFailed", endpoint="b", by_gate=True, **carried),
    )

    assert (session.of("b").warm_time_sec, session.of("b").verdict) == (2.0, "FAIL")
    assert session.of("b").load is not None
    assert session.of("b").load.spec == searched().spec  # type: ignore[union-attr]
    assert session.of("b").reasons == [check.message]
    assert session.parts.notes() == ["one was lost"]


def test_a_test_without_an_endpoint_is_nobodys_result(session: Session) -> None:
    session.comes(report("failed", nodeid="test_other", text="boom"))

    assert [each.status for each in session.parts.record.results.all()] == ["not_run", "not_run"]
    assert not session.hearing.heard


@pytest.mark.parametrize(("args", "known"), [((), {}), (("--benchmark-autosave",), {"a": NODE})])
def test_which_test_measured_an_endpoint_is_kept_only_where_records_are_wanted(
    project: Project, args: tuple[str, ...], known: dict[str, Any]
) -> None:
    session = Session(project, *args)
    session.comes(report(**measured()))

    assert session.incoming.measured_by == known
