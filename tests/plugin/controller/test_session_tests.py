from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.plugin.collection import EndpointCollection
from pytest_modal_bench.plugin.controller.session_tests import SessionTests
from pytest_modal_bench.plugin.settings.resolution import resolve
from pytest_modal_bench.plugin.settings.session_inputs import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project

IDS = {"test_endpoint[a]": "a", "test_endpoint[b]": "b", "test_load[a]": "a"}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    return tmp_path / "shared"


@pytest.fixture
def tests(project: Project, shared: Path) -> SessionTests:
    project.catalogue("http://127.0.0.1:9", "/a", "/b")
    config = project.pytester.parseconfig()
    collection = EndpointCollection(resolve(config), catalogue(config), dt.date(2026, 1, 1))
    return SessionTests(collection, shared)


def test_a_test_has_the_endpoint_that_its_process_has_collected_it_with(tests: SessionTests) -> None:
    tests.collected(IDS, [])

    assert [tests.endpoint(nodeid).path for nodeid in IDS] == ["/a", "/b", "/a"]


def test_loads_begin_once_no_other_test_is_left(tests: SessionTests, shared: Path) -> None:
    tests.collected(IDS, ["test_load[a]"])
    tests.select(dict(IDS))
    for nodeid in ("test_endpoint[a]", "test_load[a]"):
        tests.ended(nodeid)
        assert not shared.exists()

    tests.ended("test_endpoint[b]")

    assert len([*shared.iterdir()]) == 1


def test_loads_alone_begin_at_once(tests: SessionTests, shared: Path) -> None:
    tests.collected(IDS, ["test_load[a]"])
    tests.select({"test_load[a]": "a"})

    assert len([*shared.iterdir()]) == 1


def test_without_loads_nothing_is_written(tests: SessionTests, shared: Path) -> None:
    tests.collected(IDS, [])
    tests.select(dict(IDS))
    for nodeid in IDS:
        tests.ended(nodeid)

    assert not shared.exists()
