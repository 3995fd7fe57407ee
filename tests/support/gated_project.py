"""A project of two endpoints that is held against a gate, and what its JUnit file says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from project import Project, Service


def properties(directory: Path, name: str) -> dict[str, str]:
    for case in ET.parse(directory / "junit.xml").iter("testcase"):  # noqa: S314 - pytest's own file
        if case.attrib["name"] == name:
            return {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
    raise AssertionError(name)


def gated(project: Project, service: Service, *args: str, more: str = "") -> pytest.RunResult:
    service.released.set()
    file = project.catalogue(service.url, "/ok", "/slow")
    file.write_text(file.read_text().replace('path = "/slow"', f'path = "/slow"\n{more}'))
    return project.run("--modal-bench", "--modal-bench-rounds=2", "--junit-xml=junit.xml", *args)
