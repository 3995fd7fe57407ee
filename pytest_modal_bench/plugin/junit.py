"""The only module that knows how pytest makes its JUnit file: puts the verdicts into it, which are made last."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.junitxml import xml_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.model import EndpointResult

_ALIKE = frozenset({"app", "category"})
"""Properties that have few values in a run."""


class JUnitVerdicts:
    """Plugin of the process that reports: remembers each test's place in the JUnit file, if there is to be one."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._cases: dict[str, Any] = {}
        """By test id, what makes the `testcase` element."""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """After pytest has taken the report: at its teardown it forgets which element belongs to which test."""
        xml = self._config.stash.get(xml_key, None)
        if report.when == "teardown" and report.nodeid in self._cases:
            _share(self._cases[report.nodeid])
        if xml is not None and (report.when != "setup" or not report.passed) and report.when != "teardown":
            self._cases[report.nodeid] = xml.node_reporter(report)

    def add(self, results: Iterable[EndpointResult]) -> None:
        """Give each test case the verdict on its endpoint as a property. To be called before the file is written."""
        for result in results:
            for test in result.tests:
                case = self._cases.get(test.test)
                if case is not None and result.verdict is not None:
                    _add_property(case, "verdict", result.verdict)


def _share(case: Any) -> None:
    """Have the element of a finished test case share those properties with others that many have."""
    properties = None if hasattr(case, "properties") else case.to_xml().find("properties")
    if properties is not None:
        for number, each in enumerate(properties):
            name, value = each.get("name", ""), each.get("value", "")
            if name in _ALIKE:
                properties[number] = _property(name, value)


def _add_property(case: Any, name: str, value: str) -> None:
    if hasattr(case, "properties"):
        # Its worker has crashed: the element is not made yet.
        case.add_property(name, value)
        return
    element = case.to_xml()
    properties = element.find("properties")
    if properties is None:
        properties = ET.Element("properties")
        element.insert(0, properties)
    properties.append(_property(name, value))


@cache
def _property(name: str, value: str) -> ET.Element:
    """One for all test cases that have the same."""
    return ET.Element("property", name=name, value=value)
