from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from project import HOSTS

if TYPE_CHECKING:
    from project import Project, Service

ARGS = ("--modal-bench", "--modal-bench-cold=off", "--modal-bench-rounds=4")


def environments(project: Project, service: Service, *paths: str, more: str = "") -> None:
    """Write a catalogue whose environments are two hosts of one server."""
    file = project.catalogue(service.url, *paths)
    url = service.url.replace(HOSTS[0], "127.0.0.{environment}")
    file.write_text(
        file.read_text()
        .replace(service.url, url)
        .replace('workspace = "acme"', f'workspace = "acme"\n{more}')
    )


def between(project: Project, *args: str) -> pytest.RunResult:
    return project.run(*ARGS, "--modal-bench-environment=1", "--modal-bench-against=2", *args)


def bases(project: Project) -> dict[str, Any]:
    return {result["path"]: result["base"] for result in project.report()["results"]}


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_another_environment_is_called_in_turn_and_held_beside(
    project: Project, service: Service, workers: list[str]
) -> None:
    environments(project, service, "/ok", "/ok2")
    run = between(project, *workers)

    run.assert_outcomes(passed=2)
    report = project.report()
    assert report["against"] == "2"
    for result in report["results"]:
        pairs = [[sample["pair"] for sample in side["samples"]] for side in (result, result["base"])]
        assert pairs[0] == pairs[1] == [1, 2, 3, 4, 5]
        assert [(check["against"], check["metric"], check["n"]) for check in result["checks"]] == [
            ("base", "warm", 4)
        ]
        assert result["verdict"] in ("PASS", "INCONCLUSIVE", "WARN")
    assert report["summary"]["calls"] == len(service.calls) == 20
    assert not any("no baseline" in note for note in report["notes"])


def test_a_base_that_fails_ends_its_own_calls_only_and_that_is_said(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok")
    project.catalogue("http://127.0.0.1:9", "/ok", name="old.toml")
    run = project.run(*ARGS, "--modal-bench-against=old.toml")

    run.assert_outcomes(passed=1)
    (result,) = project.report()["results"]
    assert (result["status"], result["verdict"], result["base"]["status"]) == (
        "success",
        "INCONCLUSIVE",
        "failed",
    )
    assert len(result["samples"]) == 5
    assert len(result["base"]["samples"]) == 1
    (check,) = result["checks"]
    assert check["message"].startswith("not compared with old.toml, which failed: ")
    run.stdout.fnmatch_lines(["INCONCLUSIVE /ok: not compared with old.toml, which failed: *"])


def test_a_candidate_that_fails_fails_as_always(project: Project, service: Service) -> None:
    environments(project, service, "/ok", "/fail")
    run = between(project)

    run.assert_outcomes(passed=1, failed=1)
    assert project.statuses() == {"/ok": "success", "/fail": "failed"}
    assert bases(project)["/fail"]["status"] == "failed"


def test_what_the_base_lacks_is_said_and_not_compared(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok", "/ok2")
    project.catalogue(service.url, "/ok", name="old.toml")
    run = project.run(*ARGS, "--modal-bench-against=old.toml")

    run.assert_outcomes(passed=2)
    run.stdout.fnmatch_lines(["modal-bench: not compared, as old.toml lacks them: ok2"])
    assert bases(project)["/ok2"] is None
    assert bases(project)["/ok"]["status"] == "success"


def test_a_base_that_lacks_all_of_them_is_one_line(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.catalogue(service.url, "/other", name="old.toml")

    said = project.usage_error(*ARGS, "--modal-bench-against=old.toml")

    assert said == "--modal-bench-against=old.toml: it has none of the selected endpoints"
    assert service.calls == []


def test_an_environment_that_is_none_of_its_own_is_one_line(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")

    said = project.usage_error(*ARGS, "--modal-bench-against=staging")

    assert said.startswith("endpoints.toml: apps.app0: its URL is the same in staging")
    assert "{environment_suffix}" in said
    assert service.calls == []


def test_an_environment_may_be_held_against_itself(project: Project, service: Service) -> None:
    environments(project, service, "/ok")
    run = project.run(*ARGS, "--modal-bench-environment=1", "--modal-bench-against=1")

    run.assert_outcomes(passed=1)
    assert len(service.calls) == 10


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.toml", "--modal-bench-against: gone.toml: no such file"),
        ("a b", "--modal-bench-against: expected a name of letters"),
        ("broken.toml", "broken.toml: not TOML"),
    ],
)
def test_what_is_no_base_is_one_line(project: Project, service: Service, name: str, said: str) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.path.joinpath("broken.toml").write_text("a b")

    assert project.usage_error(*ARGS, f"--modal-bench-against={name}", "-n", "2").startswith(said)


def test_its_secrets_are_asked_for_before_the_first_call(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    second = project.catalogue(service.url, "/ok", name="old.toml")
    second.write_text(second.read_text() + '\nheaders = { Authorization = "Bearer {env:OLD_TOKEN}" }\n')

    assert "OLD_TOKEN" in project.usage_error(*ARGS, "--modal-bench-against=old.toml")
    assert service.calls == []


def test_forced_cold_starts_want_to_be_told_in_which_environment_of_the_second_catalogue(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok")
    project.catalogue(service.url, "/ok", name="old.toml")

    said = project.usage_error(
        "--modal-bench",
        "--modal-bench-cold=force",
        "--modal-bench-environment=main",
        "--modal-bench-against=old.toml",
    )

    assert said.startswith("--modal-bench-cold=force stops containers of old.toml too: name its environment")


def test_both_sides_are_paid_for_from_one_limit(project: Project, service: Service) -> None:
    environments(project, service, "/ok")
    service.headers["/ok"] = {"X-Cost-USD": "0.01"}
    run = between(project, "--modal-bench-max-cost=0.055")

    assert len(service.calls) == 5
    report = project.report()
    assert report["summary"]["total_cost_usd"] == pytest.approx(0.05)
    assert report["verdict"] == "INCONCLUSIVE"
    run.stdout.fnmatch_lines(["modal-bench: expected cost of 10 calls: *"])


def test_the_environment_and_the_ini_file_name_it_too(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments(project, service, "/ok")
    monkeypatch.setenv("MODAL_BENCH_AGAINST", "2")
    project.run(*ARGS, "--modal-bench-environment=1")
    assert project.report()["against"] == "2"

    monkeypatch.delenv("MODAL_BENCH_AGAINST")
    project.catalogue(service.url, "/ok", name="old/base.toml")
    project.pytester.makeini("[pytest]\naddopts = -W error\nmodal_bench_against = old/base.toml\n")
    project.run(*ARGS, "--modal-bench-environment=1")
    assert project.report()["against"] == "base.toml"
