from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project import SHIPPED_CATALOGUE

from pytest_modal_bench.model import Budget
from pytest_modal_bench.plugin.settings import catalogue, pools, resolve
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project


NOWHERE = "http://127.0.0.1:9"

OPTIONS: list[tuple[str, tuple[str, str, str], tuple[Any, Any, Any], Any]] = [
    ("workspace", ("one", "two", "three"), ("one", "two", "three"), None),
    ("environment", ("one", "two", "three"), ("one", "two", "three"), None),
    ("rounds", ("1", "2", "4"), (1, 2, 4), 3),
    ("cold", ("off", "observe", "off"), ("off", "observe", "off"), "observe"),
    ("cold_rounds", ("1", "2", "4"), (1, 2, 4), 1),
    ("baseline_last", ("1", "2", "4"), (1, 2, 4), None),
    ("timeout", ("1", "2.5", "1e3"), (1.0, 2.5, 1000.0), None),
    ("max_cost", ("1", "2.5", "0.01"), (1.0, 2.5, 0.01), None),
    ("traffic", ("60", "0.5", "1e3"), (60.0, 0.5, 1000.0), None),
    ("generate", ("image", "video", "video,image"), (("image",), ("video",), ("video", "image")), ()),
    ("scenario", ("one", "two", "three.toml"), ("one", "two", "three.toml"), "healthy"),
    ("time_scale", ("1", "0.5", "2"), (1.0, 0.5, 2.0), 0.01),
]
"""Name, texts on the command line, in the environment and in the ini file, what they come to, and the default."""


def settings(project: Project, *args: str) -> Settings:
    return resolve(project.pytester.parseconfig(*args))


def error(project: Project, *args: str) -> str:
    with pytest.raises(pytest.UsageError) as caught:
        settings(project, *args)
    text = str(caught.value)
    assert text.isprintable(), "not one line"
    return text


@pytest.fixture
def one(project: Project) -> Project:
    """A project with one catalogue."""
    project.catalogue(NOWHERE, "/ok")
    return project


@pytest.mark.parametrize(("name", "texts", "values", "default"), OPTIONS)
def test_command_line_then_environment_then_ini_then_default(  # noqa: PLR0913, PLR0917 - one row of the table
    one: Project,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    texts: tuple[str, str, str],
    values: tuple[Any, Any, Any],
    default: Any,
) -> None:
    option, variable = f"--modal-bench-{name.replace('_', '-')}", f"MODAL_BENCH_{name.upper()}"
    assert getattr(settings(one), name) == default

    one.pytester.makeini(f"[pytest]\nmodal_bench_{name} = {texts[2]}\n")
    assert getattr(settings(one), name) == values[2]

    monkeypatch.setenv(variable, texts[1])
    assert getattr(settings(one), name) == values[1]
    assert getattr(settings(one, f"{option}={texts[0]}"), name) == values[0]


def test_quick_is_asked_for_anywhere(one: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(one).quick is False
    assert settings(one, "--modal-bench-quick").quick is True

    one.pytester.makeini("[pytest]\nmodal_bench_quick = true\n")
    assert settings(one).quick is True

    monkeypatch.setenv("MODAL_BENCH_QUICK", "no")
    assert settings(one).quick is False
    assert settings(one, "--modal-bench-quick").quick is True


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("workspace", "a b", "expected a name of letters, digits, '-', '_' and '.', got 'a b'"),
        ("workspace", "a/b", "expected a name of letters, digits, '-', '_' and '.', got 'a/b'"),
        ("environment", "x\ny", "expected a name of letters, digits, '-', '_' and '.', got 'x\\ny'"),
        ("rounds", "0", "expected a whole number from 1 on, got '0', or 'auto'"),
        ("rounds", "-1", "expected a whole number from 1 on, got '-1', or 'auto'"),
        ("rounds", "2.5", "expected a whole number from 1 on, got '2.5', or 'auto'"),
        ("rounds", "three", "expected a whole number from 1 on, got 'three', or 'auto'"),
        ("cold", "yes", "expected observe, force, off, got 'yes'"),
        ("cold_rounds", "0", "expected a whole number from 1 on, got '0'"),
        ("timeout", "0", "expected a number above 0, got '0'"),
        ("timeout", "nan", "expected a number above 0, got 'nan'"),
        ("timeout", "inf", "expected a number above 0, got 'inf'"),
        ("timeout", "10s", "expected a number above 0, got '10s'"),
        ("time_scale", "-0.1", "expected a number above 0, got '-0.1'"),
        ("generate", "audio", "can generate image and video, not 'audio'"),
        ("generate", "image,", "can generate image and video, not ''"),
        (
            "report",
            "report.xml",
            "report.xml: a report's name ends in .md, .json, .html, .comment.md or .benchmark.json",
        ),
        (
            "report",
            "report",
            "report: a report's name ends in .md, .json, .html, .comment.md or .benchmark.json",
        ),
        ("report", "folder.md", "folder.md: is a directory, name a file in it"),
    ],
)
def test_a_bad_value_names_its_source(
    one: Project, monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str
) -> None:
    one.pytester.mkdir("folder.md")
    option, variable = f"--modal-bench-{name.replace('_', '-')}", f"MODAL_BENCH_{name.upper()}"
    assert error(one, f"{option}={text}") == f"{option}: {problem}"

    monkeypatch.setenv(variable, text)
    assert error(one) == f"{variable}: {problem}"

    monkeypatch.delenv(variable)
    if "\n" not in text:
        one.pytester.makeini(f"[pytest]\nmodal_bench_{name} = {text.replace(' ', '/')}\n")
        assert error(one).startswith(f"tox.ini: modal_bench_{name}: ")


def test_reports_lie_in_the_root_directory_unless_named(
    one: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = one.pytester.path
    below = one.pytester.mkdir("below")
    one.catalogue(NOWHERE, "/ok", name="below/endpoints.toml")
    monkeypatch.chdir(below)
    usual = tuple(root / f"modal-bench-report.{suffix}" for suffix in ("md", "json", "html"))
    assert settings(one).reports == usual

    one.pytester.makeini("[pytest]\nmodal_bench_report = out/a.md out/b.json\n")
    assert settings(one).reports == (root / "out" / "a.md", root / "out" / "b.json")

    monkeypatch.setenv("MODAL_BENCH_REPORT", "c.md d.json")
    assert settings(one).reports == (below / "c.md", below / "d.json")

    option = "--modal-bench-report"
    absolute = root / "f.json"
    assert settings(
        one, f"{option}=with space.md", f"{option}={absolute}", f"{option}=with space.md"
    ).reports == (
        below / "with space.md",
        absolute,
    )


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


def test_what_is_settled_once_stays(one: Project) -> None:
    config = one.pytester.parseconfig()

    assert resolve(config) is resolve(config)
    assert catalogue(config) is catalogue(config)


def test_workspace_and_environment_of_the_session_win_over_the_catalogues(project: Project) -> None:
    project.catalogue("https://{workspace}-{environment}--shop.modal.run", "/ok", more='environment = "main"')

    def url(*args: str) -> str:
        return catalogue(project.pytester.parseconfig(*args)).endpoints[0].url

    assert url() == "https://acme-main--shop.modal.run"
    assert url("--modal-bench-workspace=local") == "https://acme-main--shop.modal.run"
    assert (
        url("--modal-bench-workspace=other", "--modal-bench-environment=dev")
        == "https://other-dev--shop.modal.run"
    )


def test_pools_of_the_shipped_catalogue(project: Project) -> None:
    assert pools(project.pytester.parseconfig(f"--modal-bench-catalogue={SHIPPED_CATALOGUE}")) == 8


def test_forcing_is_refused_without_an_environment_named_for_this_run(one: Project) -> None:
    assert error(one, "--modal-bench-cold=force") == (
        "--modal-bench-cold=force stops the containers of the apps that it measures, so it wants to be told where: "
        "name the environment with --modal-bench-environment=NAME"
    )
    assert settings(one, "--modal-bench-cold=force", "--modal-bench-environment=staging").cold == "force"


def test_forcing_and_quick_exclude_each_other(one: Project) -> None:
    options = ("--modal-bench-cold=force", "--modal-bench-environment=staging", "--modal-bench-quick")
    assert "leave one of them out" in error(one, *options)


def test_quick_looks_for_no_cold_start(one: Project) -> None:
    assert settings(one, "--modal-bench-quick").cold == "off"


def made(path: Path, **changed: Any) -> Settings:
    plain: dict[str, Any] = {
        "quick": False,
        "workspace": None,
        "environment": None,
        "catalogue": path,
        "catalogue_asked_for": True,
        "rounds": 3,
        "timeout": None,
        "reports": (),
        "save_outputs": None,
        "max_cost": None,
        "strict": False,
        "baseline": None,
        "budget": Budget(),
        "generate": (),
        "cold": "observe",
        "cold_rounds": 1,
        "scenario": "healthy",
        "time_scale": 0.01,
    }
    return Settings(**plain | changed)


seconds = st.floats(min_value=0.001, max_value=86_400)


@given(
    timeout=seconds,
    cap=st.none() | seconds,
    scale=st.floats(min_value=0.001, max_value=10),
    local=st.booleans(),
)
def test_no_deadline_exceeds_the_cap_and_only_the_local_workspace_scales_it(
    timeout: float, cap: float | None, scale: float, local: bool
) -> None:
    given_settings = made(
        SHIPPED_CATALOGUE, timeout=cap, time_scale=scale, workspace="local" if local else "acme"
    )
    deadline = given_settings.deadline_sec(timeout)

    assert 0 < deadline <= (cap or 864_000)
    if not local:
        assert deadline == min(timeout, cap or timeout)
    elif cap is None:
        assert deadline >= min(timeout, 5), "a container starts in unscaled time"


def test_a_hop_counts_as_held_in_the_local_workspaces_own_time() -> None:
    assert made(SHIPPED_CATALOGUE).held_after_sec == 1
    assert made(SHIPPED_CATALOGUE, workspace="local", time_scale=0.001).held_after_sec == 0.075
    assert made(SHIPPED_CATALOGUE, workspace="local", time_scale=1).held_after_sec == 1
