from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from resolved_settings import error, settings

from pytest_modal_bench.plugin.settings.resolution import resolve

if TYPE_CHECKING:
    from project import Project

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
    ],
)
def test_a_bad_value_names_its_source(
    one: Project, monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str
) -> None:
    option, variable = f"--modal-bench-{name.replace('_', '-')}", f"MODAL_BENCH_{name.upper()}"
    assert error(one, f"{option}={text}") == f"{option}: {problem}"

    monkeypatch.setenv(variable, text)
    assert error(one) == f"{variable}: {problem}"

    monkeypatch.delenv(variable)
    if "\n" not in text:
        one.pytester.makeini(f"[pytest]\nmodal_bench_{name} = {text.replace(' ', '/')}\n")
        assert error(one).startswith(f"tox.ini: modal_bench_{name}: ")


def test_what_is_settled_once_stays(one: Project) -> None:
    config = one.pytester.parseconfig()

    assert resolve(config) is resolve(config)


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
