"""Options in a configuration file with types of its own, which pytest 9 reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.model import Budget, Level
from pytest_modal_bench.plugin.option_values import is_on
from pytest_modal_bench.plugin.settings.resolution import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project

pytestmark = pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="pytest 9 reads native TOML")


@pytest.fixture(params=["pytest.toml", "pyproject.toml"])
def file(project: Project, request: pytest.FixtureRequest) -> Path:
    """A configuration file that options can be added to."""
    project.catalogue("http://127.0.0.1:9", "/ok")
    (project.pytester.path / "tox.ini").unlink()
    path: Path = project.pytester.path / request.param
    path.write_text("[pytest]\n" if path.name == "pytest.toml" else "[tool.pytest]\n")
    return path


def config(project: Project, file: Path, *lines: str) -> pytest.Config:
    file.write_text("\n".join((file.read_text(), *lines)))
    return project.pytester.parseconfig()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("rounds", "2", 2),
        ("rounds", '"2"', 2),
        ("cold_rounds", "4", 4),
        ("timeout", "30", 30.0),
        ("timeout", "2.5", 2.5),
        ("timeout", '"2.5"', 2.5),
        ("max_cost", "0.05", 0.05),
        ("traffic", "60", 60.0),
        ("time_scale", "1e-3", 0.001),
        ("cold", '"off"', "off"),
        ("workspace", '"acme"', "acme"),
        ("quick", "true", True),
        ("strict", "true", True),
        ("strict", "false", False),
        ("generate", '["image", "video"]', ("image", "video")),
        ("generate", '"video,image"', ("video", "image")),
        ("budget", '["max_warm=5", "max_cold=60"]', Budget(max_warm=Level(fail=5), max_cold=Level(fail=60))),
        ("budget", '"max_warm=5"', Budget(max_warm=Level(fail=5))),
    ],
)
def test_a_value_may_have_its_own_type_or_be_text(
    project: Project, file: Path, name: str, value: str, expected: Any
) -> None:
    assert getattr(resolve(config(project, file, f"modal_bench_{name} = {value}")), name) == expected


def test_an_array_names_each_report_and_a_name_may_have_spaces(project: Project, file: Path) -> None:
    reports = resolve(config(project, file, 'modal_bench_report = ["a b.md", "c.json"]')).reports

    assert reports == (project.pytester.path / "a b.md", project.pytester.path / "c.json")


def test_the_benchmark_itself_is_turned_on_by_a_boolean(project: Project, file: Path) -> None:
    assert is_on(config(project, file, "modal_bench = true"), "modal_bench")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rounds", "0"),
        ("rounds", "2.5"),
        ("rounds", "true"),
        ("rounds", '"three"'),
        ("timeout", "-1"),
        ("timeout", "nan"),
        ("timeout", "[1]"),
        ("report", "[1]"),
        ("quick", "1"),
        ("cold", "false"),
        ("max_cost", "0"),
    ],
)
def test_a_value_that_is_none_names_file_and_key_in_one_line(
    project: Project, file: Path, name: str, value: str
) -> None:
    with pytest.raises(pytest.UsageError) as caught:
        resolve(config(project, file, f"modal_bench_{name} = {value}"))

    assert str(caught.value).startswith(f"{file.name}: modal_bench_{name}: ")
    assert str(caught.value).isprintable()
