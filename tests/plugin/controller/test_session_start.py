from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from controller_parts import NOWHERE, Parts
from report_runs import result, run, sample

from pytest_modal_bench.protocol import preflight
from pytest_modal_bench.report.json import render

if TYPE_CHECKING:
    from project import Project

    from pytest_modal_bench.plugin.controller.session_start import SessionStart


def begun(project: Project, *args: str, measures: bool = True) -> tuple[Parts, SessionStart]:
    parts = Parts(project, *args, measures=measures)
    start = parts.start()
    start.pytest_sessionstart()
    return parts, start


def session(*items: Any, failed: int = 0) -> Any:
    return SimpleNamespace(items=[*items], testsfailed=failed)


def test_the_header_says_which_workspace_is_measured_and_by_which_catalogue(project: Project) -> None:
    project.catalogue(NOWHERE, "/a")
    _, start = begun(project)

    assert start.pytest_report_header() == "modal-bench: workspace acme, endpoints.toml"


def test_from_its_start_on_a_session_ends_by_sigterm_as_by_an_interrupt(project: Project) -> None:
    project.catalogue(NOWHERE, "/a")
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        parts, _ = begun(project)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        parts.config._ensure_unconfigure()  # noqa: SLF001 - the session ends
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_whoever_lacks_what_checks_payloads_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(NOWHERE, "/a")
    assert begun(project)[0].notes() == []

    monkeypatch.setattr(preflight, "find_spec", lambda _: None)
    assert begun(project)[0].notes() == [preflight.without_schemas()]


def test_the_tests_that_are_collected_make_the_run_in_the_catalogues_order(project: Project) -> None:
    project.catalogue(NOWHERE, "/a", "/b", "/c")
    parts, start = begun(project)
    items = [parts.item("test[c]", "c"), parts.item("test[a]", "a"), parts.item("test_other", None)]
    load = parts.item("test_load[a]", "a", under_load=True)
    start.pytest_collection_finish(session(*items, load))

    assert [each.id for each in parts.record.results.selected] == ["a", "c"]
    assert parts.tests.endpoint_ids == {"test[c]": "c", "test[a]": "a", "test_load[a]": "a"}
    assert parts.tests.under_load == {"test_load[a]"}
    parts.tests.ended("test[a]")
    assert not parts.shared.exists(), "a load waits for all others"
    assert parts.record.run(over=False).resources == {
        "image": False,
        "video": False,
        "mask": False,
        "lora": None,
    }


def test_a_controller_of_workers_waits_for_what_these_collect(project: Project) -> None:
    project.catalogue(NOWHERE, "/a")
    parts, start = begun(project, measures=False)
    start.pytest_collection_finish(session(parts.item("test[a]", "a")))
    start.pytest_runtestloop(session(parts.item("test[a]", "a")))
    assert parts.record.results.selected == []

    parts.tests.collected({"test[a]": "a"}, [])
    start.select({"test[a]": "a"})
    assert [each.id for each in parts.record.results.selected] == ["a"]


def test_a_variable_that_is_not_set_is_named_before_the_first_call_if_a_selected_endpoint_needs_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN_OF_B", raising=False)
    file = project.catalogue(NOWHERE, "/a", "/b")
    file.write_text(f'{file.read_text()}\nheaders = {{ Authorization = "Bearer {{env:TOKEN_OF_B}}" }}')
    parts, start = begun(project)
    parts.tests.collected({"test[a]": "a", "test[b]": "b"}, [])

    start.select({"test[a]": "a"})
    with pytest.raises(pytest.UsageError, match="TOKEN_OF_B"):
        start.select({"test[a]": "a", "test[b]": "b"})


def test_what_would_be_held_against_itself_is_refused_before_the_first_call(project: Project) -> None:
    project.catalogue(NOWHERE, "/a")
    parts, start = begun(project, "--modal-bench-against=staging")
    parts.tests.collected({"test[a]": "a"}, [])

    with pytest.raises(pytest.UsageError, match="its URL is the same in staging"):
        start.select({"test[a]": "a"})


def test_what_there_is_to_compare_with_is_said_at_once_and_in_the_report(project: Project) -> None:
    project.catalogue(NOWHERE, "/a")
    earlier = run([result("B", samples=[sample()])], workspace="acme")
    (project.pytester.path / "earlier.json").write_text(render(earlier))
    parts, start = begun(project, "--modal-bench-baseline=earlier.json")
    parts.tests.collected({"test[a]": "a"}, [])
    start.select({"test[a]": "a"})

    (line,) = parts.notes()
    assert line.startswith("nothing to compare a with: ")
    assert parts.terminal.lines == [f"modal-bench: {line}"]


def test_who_measures_is_prepared_before_the_first_test_and_the_report_knows_the_resources(
    project: Project,
) -> None:
    project.catalogue(NOWHERE, "/a", more='[resources]\nlora = { id = "known" }')
    parts, start = begun(project)
    item = parts.item("test[a]", "a")
    start.pytest_collection_finish(session(item))
    assert parts.measurer is not None

    for nothing_to_do in (session(), session(item, failed=1)):
        start.pytest_runtestloop(nothing_to_do)
        assert parts.measurer.found == {}
    start.pytest_runtestloop(session(item))
    assert parts.measurer.found == {"lora": "known"}


def test_a_worker_that_comes_later_is_told_which_pools_were_begun(project: Project) -> None:
    project.catalogue(NOWHERE, "/a", "/b", apps=2)
    parts, start = begun(project, measures=False)
    parts.tests.collected({"test[a]": "a", "test[b]": "b"}, [])
    start.select({"test[a]": "a", "test[b]": "b"})
    pool = parts.collection.endpoints["b"].pool

    assert start.prepare([])["begun_pools"] == ()
    assert start.prepare(["test[b]"])["begun_pools"] == (pool,)
    assert parts.record.run(over=False).resources["lora"] is False
