from __future__ import annotations

import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.junitxml import xml_key
from report_runs import result

from pytest_modal_bench.model import OutcomeOfTest
from pytest_modal_bench.plugin.junit import JUnitVerdicts

if TYPE_CHECKING:
    from project import Project, Service


def test_a_session_without_a_junit_file_has_nothing_to_be_told() -> None:
    config: Any = SimpleNamespace(stash=pytest.Stash())
    verdicts = JUnitVerdicts(config)
    verdicts.pytest_runtest_logreport(SimpleNamespace(when="call", passed=True, nodeid="a"))  # type: ignore[arg-type]
    verdicts.add([result(verdict="PASS", tests=[OutcomeOfTest(test="a", outcome="passed")])])


class Case:
    """A test case, before and after pytest has made its element."""

    def __init__(self, *, made: bool) -> None:
        self.element = ET.Element("testcase")
        if not made:
            self.properties: list[tuple[str, str]] = []

    def add_property(self, name: str, value: str) -> None:
        self.properties.append((name, value))

    def to_xml(self) -> ET.Element:
        return self.element


@pytest.mark.parametrize("made", [True, False])
def test_a_test_case_gets_its_endpoints_verdict_whether_or_not_it_is_made(made: bool) -> None:
    case = Case(made=made)
    config: Any = SimpleNamespace(stash=pytest.Stash())
    config.stash[xml_key] = SimpleNamespace(node_reporter=lambda _: case)
    verdicts = JUnitVerdicts(config)
    verdicts.pytest_runtest_logreport(SimpleNamespace(when="call", passed=True, nodeid="a"))  # type: ignore[arg-type]
    verdicts.add([result(verdict="FAIL", tests=[OutcomeOfTest(test="a", outcome="failed")])])

    found = (
        [(each.attrib["name"], each.attrib["value"]) for each in case.element.iter("property")]
        if made
        else case.properties
    )
    assert found == [("verdict", "FAIL")]


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_late_failure_changes_the_verdict_of_the_case_that_passed(
    project: Project, service: Service, workers: tuple[str, ...]
) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makepyfile("""
        def test_first(measure_endpoint):
            measure_endpoint()

        def test_second(endpoint_result):
            assert not "too dark"
    """)
    project.run("--modal-bench", "--junit-xml=junit.xml", *workers).assert_outcomes(passed=1, failed=1)

    cases = ET.parse(project.pytester.path / "junit.xml").iter("testcase")  # noqa: S314 - pytest's own file
    told = [{e.attrib["name"]: e.attrib["value"] for e in case.iter("property")} for case in cases]
    assert [each["verdict"] for each in told] == ["FAIL", "FAIL"]
    assert float(told[0]["warm"]) > 0
    assert told[0]["app"] == "app0"
