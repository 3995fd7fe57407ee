from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.plugin.option_values import given, is_on

if TYPE_CHECKING:
    from project import Project


def config(project: Project, *args: str) -> pytest.Config:
    return project.pytester.parseconfig(*args)


def test_the_command_line_comes_first_then_the_environment_then_the_ini_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.pytester.makeini("[pytest]\nmodal_bench_rounds = 3\n")
    monkeypatch.setenv("MODAL_BENCH_ROUNDS", "2")
    here = project.pytester.path

    assert list(given(config(project, "--modal-bench-rounds=1"), "modal_bench_rounds")) == [
        [("--modal-bench-rounds", "1", here)],
        [("MODAL_BENCH_ROUNDS", "2", here)],
        [("tox.ini: modal_bench_rounds", "3", here)],
    ]


def test_a_repeated_option_has_several_values(project: Project) -> None:
    (values,) = given(
        config(project, "--modal-bench-report=a.md", "--modal-bench-report=b.md"), "modal_bench_report"
    )

    assert [text for _, text, _ in values] == ["a.md", "b.md"]


def test_an_empty_variable_is_as_good_as_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_BENCH_ROUNDS", "")
    monkeypatch.setenv("MODAL_BENCH", " ")

    assert not list(given(config(project), "modal_bench_rounds"))
    assert not is_on(config(project), "modal_bench")


def test_paths_are_meant_from_where_they_are_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.pytester.makeini("[pytest]\nmodal_bench_catalogue = a.toml\n")
    below = project.pytester.mkdir("below")
    monkeypatch.chdir(below)
    monkeypatch.setenv("MODAL_BENCH_CATALOGUE", "b.toml")

    values = [value for (value,) in given(config(project), "modal_bench_catalogue")]

    assert [(text, base) for _, text, base in values] == [
        ("b.toml", below),
        ("a.toml", project.pytester.path),
    ]


@pytest.mark.parametrize(
    ("option", "variable", "ini", "expected"),
    [
        ([], None, None, False),
        ([], None, "true", True),
        ([], None, "false", False),
        ([], "1", None, True),
        ([], "Yes", "false", True),
        ([], "off", "true", False),
        ([], "0", "true", False),
        (["--modal-bench"], "false", "false", True),
    ],
)
def test_a_switch_is_on_or_off(  # noqa: PLR0913, PLR0917 - three sources, and what they make
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    option: list[str],
    variable: str | None,
    ini: str | None,
    expected: bool,
) -> None:
    if ini is not None:
        project.pytester.makeini(f"[pytest]\nmodal_bench = {ini}\n")
    if variable is not None:
        monkeypatch.setenv("MODAL_BENCH", variable)

    assert is_on(config(project, *option), "modal_bench") is expected


def test_a_switch_that_is_neither_names_its_source(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_BENCH", "maybe")
    with pytest.raises(pytest.UsageError, match=r"^MODAL_BENCH: expected true or false, got 'maybe'$"):
        is_on(config(project), "modal_bench")

    monkeypatch.delenv("MODAL_BENCH")
    project.pytester.makeini("[pytest]\nmodal_bench = maybe\n")
    with pytest.raises(pytest.UsageError, match=r"^tox.ini: modal_bench: invalid truth value 'maybe'$"):
        is_on(config(project), "modal_bench")
