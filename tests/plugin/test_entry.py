"""What a session sees of the plugin before, or without, asking for the benchmark."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.plugin import entry as plugin
from pytest_modal_bench.plugin import fixtures

if TYPE_CHECKING:
    from project import Project, Service

SKIPPED = "SKIPPED [[]?] *: endpoint tests call deployed endpoints: run pytest with --modal-bench"

# Asks for everything that the benchmark offers, in every way.
ENDPOINT_TESTS = """
    import pytest

    def test_endpoint(endpoint, measure_endpoint): ...
    def test_result(endpoint_result): ...
    def test_resources(test_image, test_video, test_mask, test_lora, test_resource): ...

    @pytest.mark.parametrize("size", [1, 2])
    def test_sizes(size, endpoint): ...

    class TestClass:
        def test_method(self, measure_endpoint): ...
"""

# `endpoint` is a common word: whoever uses it for something else is left alone.
OWN_ENDPOINTS = """
    import pytest

    class TestFixture:
        @pytest.fixture
        def endpoint(self):
            return "mine"

        def test_it(self, endpoint):
            assert endpoint == "mine"

    @pytest.mark.parametrize("endpoint", ["mine"])
    def test_parametrized(endpoint):
        assert endpoint == "mine"

    @pytest.mark.parametrize(("number", "endpoint"), [(1, "mine")])
    class TestClass:
        def test_it(self, number, endpoint):
            assert endpoint == "mine"

    @pytest.mark.parametrize(argnames="number,endpoint", argvalues=[(1, "mine")])
    def test_named(number, endpoint):
        assert endpoint == "mine"

    @pytest.fixture
    def test_image():
        return "mine"

    def test_image_of_ones_own(test_image):
        assert test_image == "mine"

    def pytest_generate_tests(metafunc):
        if metafunc.definition.name == "test_generated":
            metafunc.parametrize("endpoint", ["mine"])

    def test_generated(endpoint):
        assert endpoint == "mine"
"""

IMPORTED = """
    import json, pathlib, sys

    def pytest_unconfigure():
        pathlib.Path("imported.json").write_text(json.dumps(sorted(sys.modules)))
"""


def test_off_endpoint_tests_skip_and_no_catalogue_is_read(project: Project) -> None:
    project.pytester.makepyfile(ENDPOINT_TESTS)
    (project.pytester.path / "endpoints.toml").write_text("this is no TOML")

    result = project.run("-rs", "--strict-markers")

    assert result.ret == 0
    result.assert_outcomes(skipped=6)
    result.stdout.fnmatch_lines([SKIPPED])
    assert not list(project.pytester.path.glob("modal-bench-report*"))


def test_off_nothing_but_the_entry_point_is_imported(project: Project) -> None:
    project.pytester.makeconftest(IMPORTED)
    project.pytester.makepyfile("def test_endpoint(endpoint): ...")
    off = project.run("-p", "no:benchmark", "-p", "no:xdist", "-p", "no:timeout", fresh=True)
    off.assert_outcomes(skipped=1)

    imported = set(json.loads((project.pytester.path / "imported.json").read_text()))

    assert {name for name in imported if name.partition(".")[0] == "pytest_modal_bench"} == {
        "pytest_modal_bench",
        "pytest_modal_bench.plugin",
        "pytest_modal_bench.plugin.hookspecs",
        "pytest_modal_bench.plugin.entry",
        "pytest_modal_bench.plugin.option_values",
    }
    ours = {"msgspec", "requests", "urllib3", "PIL", "pytest_benchmark", "fastapi"}
    assert imported.isdisjoint(ours), sorted(imported & ours)


FROZEN = """
    import gc, pathlib

    BEFORE = gc.get_freeze_count()  # Python 3.12 begins with some

    def pytest_collection(session):
        pathlib.Path("frozen.txt").write_text(str(gc.get_freeze_count() - BEFORE))
"""


@pytest.mark.parametrize("on", [True, False])
def test_on_what_is_imported_is_left_out_of_collections_of_garbage(
    project: Project, service: Service, *, on: bool
) -> None:
    project.pytester.makeconftest(FROZEN)
    project.catalogue(service.url, "/ok")

    project.run(*["--modal-bench"][: int(on)], "--collect-only", fresh=True)

    assert (int((project.pytester.path / "frozen.txt").read_text()) > 0) == on


def test_off_an_endpoint_of_ones_own_is_left_alone(project: Project) -> None:
    project.pytester.makepyfile(OWN_ENDPOINTS)

    project.run().assert_outcomes(passed=6)


def test_on_an_endpoint_of_ones_own_is_no_endpoint_test(project: Project, service: Service) -> None:
    project.pytester.makepyfile(OWN_ENDPOINTS)
    project.catalogue(service.url, "/ok")

    result = project.run("--modal-bench", "--modal-bench-rounds=1", "-v")

    result.assert_outcomes(passed=1, deselected=6)
    result.stdout.fnmatch_lines(["*endpoints.toml::test_endpoint?ok? PASSED*"])
    assert service.calls == ["/ok"] * 2


def test_help_lists_every_option_and_ini_key(project: Project) -> None:
    help_text = project.run("--help", "--modal-bench").stdout.str()

    section = help_text.partition("benchmarks of Modal web endpoints:")[2].partition("\n\n")[0]
    options = re.findall(r"^  --(modal-bench\S*?)(?:=|\s|$)", section, re.MULTILINE)
    assert options == [
        "modal-bench",
        "modal-bench-quick",
        "modal-bench-workspace",
        "modal-bench-environment",
        "modal-bench-catalogue",
        "modal-bench-cold",
        "modal-bench-cold-rounds",
        "modal-bench-rounds",
        "modal-bench-timeout",
        "modal-bench-report",
        "modal-bench-save-outputs",
        "modal-bench-max-cost",
        "modal-bench-traffic",
        "modal-bench-baseline",
        "modal-bench-baseline-last",
        "modal-bench-against",
        "modal-bench-budget",
        "modal-bench-load",
        "modal-bench-load-bind",
        "modal-bench-load-workers",
        "modal-bench-load-only",
        "modal-bench-strict",
        "modal-bench-generate",
        "modal-bench-scenario",
        "modal-bench-time-scale",
    ]
    ini_keys = re.findall(r"^  (modal_bench\w*) \(", help_text, re.MULTILINE)
    assert ini_keys == [option.replace("-", "_") for option in options]
    assert "None" not in section


def test_the_fixtures_that_tests_are_skipped_for_are_all_there_are() -> None:
    offered = {
        name
        for name in vars(fixtures.EndpointFixtures)
        if name.startswith(("test_", "measure_e", "endpoint"))
    }

    assert offered | {"endpoint", "put_under_load"} == plugin._FIXTURES  # noqa: SLF001


def test_the_marker_is_declared(project: Project) -> None:
    result = project.run("--markers")

    result.stdout.fnmatch_lines(["@pytest.mark.modal_endpoint(name, path, category, app, tags): *"])


def test_hooks_hear_of_each_result_and_of_the_end(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-a", "/fail-b")
    project.pytester.makeconftest("""
        def pytest_modal_bench_result(config, result):
            print("heard:", result.path, result.status)

        def pytest_modal_bench_finish(config, run, reports):
            print("heard:", run.finished, run.summary.failed, *(path.name for path in reports))
    """)

    result = project.run("--modal-bench", "-s")

    assert [line.partition("heard: ")[2] for line in result.outlines if "heard: " in line] == [
        "/ok-a success",
        "/fail-b failed",
        "True 1 modal-bench-report.md modal-bench-report.json modal-bench-report.html",
    ]
