from __future__ import annotations

import json
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING

import pytest_modal_bench
from pytest_modal_bench import model
from pytest_modal_bench.plugin.plain_imports import PlainImports

if TYPE_CHECKING:
    from project import Project, Service

LOADERS = """
    import atexit, json, pathlib, sys

    def pytest_sessionfinish():
        loaders = {name: type(module.__loader__).__name__ for name, module in sys.modules.items()
                   if name.startswith("pytest_modal_bench.") or name == "mine"}
        pathlib.Path("loaders.json").write_text(json.dumps(loaders))

    @atexit.register
    def look():
        pathlib.Path("finders.txt").write_text(str([type(finder).__name__ for finder in sys.meta_path]))
"""


def test_a_module_of_this_package_is_found_as_python_finds_it() -> None:
    spec = PlainImports.find_spec("pytest_modal_bench.model", pytest_modal_bench.__path__)
    assert spec is not None
    assert type(spec.loader) is SourceFileLoader
    assert spec.origin == model.__file__


def test_all_others_are_left_to_others() -> None:
    assert PlainImports.find_spec("pytest_modal_benchmark") is None
    assert PlainImports.find_spec("json") is None
    assert PlainImports.find_spec("pytest_modal_bench.no_such_module", pytest_modal_bench.__path__) is None


def test_in_a_run_only_what_is_not_ours_has_its_asserts_rewritten(project: Project, service: Service) -> None:
    project.pytester.makeconftest(LOADERS)
    project.pytester.makepyfile(mine="assert True", test_mine="import mine\ndef test(): ...")
    project.catalogue(service.url, "/ok")

    project.run("--modal-bench", "--modal-bench-rounds=1", "-p", "mine", fresh=True)

    loaders = json.loads((project.pytester.path / "loaders.json").read_text())
    assert loaders.pop("mine") == "AssertionRewritingHook"
    plain = {name for name, loader in loaders.items() if loader == "SourceFileLoader"}
    assert {
        "pytest_modal_bench.plugin.controller.session_start",
        "pytest_modal_bench.report.markdown",
    } <= plain
    # What is imported before it is known whether the benchmark is asked for.
    assert loaders.keys() - plain <= {
        "pytest_modal_bench.plugin",
        "pytest_modal_bench.plugin.entry",
        "pytest_modal_bench.plugin.hookspecs",
        "pytest_modal_bench.plugin.option_values",
        "pytest_modal_bench.plugin.plain_imports",
    }


def test_the_finder_goes_with_the_session(project: Project, service: Service) -> None:
    project.pytester.makeconftest(LOADERS)
    project.catalogue(service.url, "/ok")

    project.run("--modal-bench", "--collect-only", fresh=True)

    assert "PlainImports" not in (project.pytester.path / "finders.txt").read_text()
