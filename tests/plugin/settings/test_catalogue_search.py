from __future__ import annotations

from typing import TYPE_CHECKING

from resolved_settings import NOWHERE, error, settings

if TYPE_CHECKING:
    import pytest
    from project import Project


def test_a_catalogue_is_found_in_what_is_collected(one: Project) -> None:
    found = settings(one)

    assert found.catalogue == one.pytester.path / "endpoints.toml"
    assert found.catalogue_asked_for


def test_a_catalogue_is_found_beside_a_test_file_and_where_it_usually_lies(project: Project) -> None:
    root = project.pytester.path
    usual = project.catalogue(NOWHERE, "/usual", name="tests/endpoints/endpoints.toml")
    beside = project.catalogue(NOWHERE, "/beside", name="other/endpoints.toml")
    for folder in ("other", "third"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "test_it.py").touch()

    for argument, expected in (
        ("other/test_it.py", beside),
        ("other/test_it.py::test_x[a::b]", beside),
        ("third", usual),
    ):
        found = settings(project, argument)
        assert (found.catalogue, found.catalogue_asked_for) == (expected, False)


def test_a_catalogue_by_another_name_is_one_if_it_is_named(project: Project) -> None:
    file = project.catalogue(NOWHERE, "/ok", name="below/mine.toml")

    for args in (["below/mine.toml"], ["--modal-bench-catalogue", "below/mine.toml"]):
        found = settings(project, *args)
        assert (found.catalogue, found.catalogue_asked_for) == (file, True)


def test_a_catalogue_is_named_from_where_its_name_is_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project.pytester.path
    project.pytester.makeini("[pytest]\nmodal_bench_catalogue = conf/a.toml\n")
    below = project.pytester.mkdir("below")
    monkeypatch.chdir(below)
    assert settings(project).catalogue == root / "conf" / "a.toml"

    monkeypatch.setenv("MODAL_BENCH_CATALOGUE", "b.toml")
    assert settings(project).catalogue == below / "b.toml"
    assert settings(project, "--modal-bench-catalogue=c.toml").catalogue == below / "c.toml"


def test_no_catalogue_says_the_way_out(project: Project) -> None:
    assert error(project) == (
        "no catalogue: write an endpoints.toml (`python -m pytest_modal_bench init URL` writes one), or name one"
        " with --modal-bench-catalogue=FILE"
    )


def test_a_catalogue_of_the_local_workspace_alone_says_the_way_out(project: Project) -> None:
    assert error(project, "--modal-bench-catalogue=shapes") == (
        "the catalogue shapes is the local workspace's own; add --modal-bench-workspace=local"
    )
    project.catalogue(NOWHERE, "/ok", name="shapes")
    assert settings(project, "--modal-bench-catalogue=shapes").catalogue == project.pytester.path / "shapes"


def test_several_catalogues_are_both_named(project: Project) -> None:
    for folder in ("b", "a"):
        project.catalogue(NOWHERE, "/ok", name=f"{folder}/endpoints.toml")
    project.catalogue(NOWHERE, "/ok", name="a/.hidden/endpoints.toml")
    project.catalogue(NOWHERE, "/ok", name="a/node_modules/endpoints.toml")

    assert error(project) == (
        "several catalogues: a/endpoints.toml, b/endpoints.toml; choose one with --modal-bench-catalogue=FILE"
    )
    assert settings(project, "a").catalogue == project.pytester.path / "a" / "endpoints.toml"
