from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import modal  # noqa: F401 - pytester forgets what a test has imported, and the SDK can't be loaded a second time
import pytest
from project import SHIPPED_CATALOGUE
from pytest_process import PytestProcess, until

from pytest_modal_bench.catalogue import load
from pytest_modal_bench.control.interface import Autoscaler
from pytest_modal_bench.local.launch import LocalWorkspace, launch
from pytest_modal_bench.run.control import Credentials, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from project import Project

    from pytest_modal_bench.control.interface import ControlPlane

pytestmark = pytest.mark.usefixtures("prepared_programs")

FORCE = (
    "--modal-bench",
    "--modal-bench-environment=main",
    "--modal-bench-cold=force",
    "-p",
    "no:cacheprovider",
)

BEFORE = Autoscaler(min_containers=0, max_containers=3, buffer_containers=0, scaledown_window=3000)
"""Settings that no default has, so that putting them back can't happen by chance."""


@dataclass
class LastingWorkspace:
    """A local workspace that outlives the runs against it, as Modal does, and a project that measures it."""

    project: Project
    workspace: LocalWorkspace
    plane: ControlPlane
    log: Path
    apps: list[str]

    @property
    def directory(self) -> Path:
        return self.project.pytester.path

    def started(self) -> list[str]:
        """Containers that were started, by the workspace's own log."""
        events = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [event["container"] for event in events if event["what"] == "started"]

    def set_all(self, settings: Autoscaler) -> None:
        for app in self.apps:
            self.plane.function(app, "ComfyUI.fastapi_app").set_autoscaler(settings)

    def settings(self) -> dict[str, Autoscaler]:
        return {app: self.plane.function(app, "ComfyUI.fastapi_app").autoscaler() for app in self.apps}

    def as_before(self) -> bool:
        return self.settings() == dict.fromkeys(self.apps, BEFORE)

    def journal(self) -> list[Path]:
        return sorted((self.directory / ".modal-bench").glob("*.json"))

    def wake(self, app: str) -> None:
        """Somebody else's request."""
        import requests

        requests.get(f"{self.workspace.urls[app]}/health", timeout=60).raise_for_status()


def standing_in(
    project: Project, monkeypatch: pytest.MonkeyPatch, scenario: str
) -> Iterator[LastingWorkspace]:
    log = project.pytester.path / "containers.jsonl"
    with launch(scenario, 0.01, control=True, log=log) as workspace:
        assert workspace.control is not None
        monkeypatch.setenv("MODAL_SERVER_URL", workspace.control.url)
        monkeypatch.setenv("MODAL_TOKEN_ID", workspace.control.token_id)
        monkeypatch.setenv("MODAL_TOKEN_SECRET", workspace.control.token_secret)
        text = SHIPPED_CATALOGUE.read_text()
        for app, url in workspace.urls.items():
            text = text.replace(f"https://{{workspace}}--{app}-comfyui-fastapi-app.modal.run", url)
        folder = project.pytester.path / "fixtures"
        folder.symlink_to(SHIPPED_CATALOGUE.parents[2] / "fixtures")
        project.pytester.path.joinpath("endpoints.toml").write_text(text)
        plane = connect(Credentials(*workspace.control), "main")
        try:
            yield LastingWorkspace(project, workspace, plane, log, list(workspace.urls))
        finally:
            plane.close()


@pytest.fixture
def lasting(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[LastingWorkspace]:
    """A healthy workspace whose pools have settings of their own."""
    for lasting in standing_in(project, monkeypatch, "healthy"):
        lasting.set_all(BEFORE)
        yield lasting


def samples(report: dict[str, Any], start: str) -> list[dict[str, Any]]:
    return [each for result in report["results"] for each in result["samples"] if each["start"] == start]


def test_every_forced_cold_start_is_proven_and_in_the_workspaces_own_log(lasting: LastingWorkspace) -> None:
    result = lasting.project.run(*FORCE, "-n", "auto", timeout=120)

    result.assert_outcomes(passed=21)
    report = lasting.project.report()
    colds = samples(report, "cold")
    assert [each["container"] for each in colds if not each["proof"]] == []
    assert sorted(each["container"] for each in colds) == sorted(lasting.started())
    assert len({result["pool"] for result in report["results"] if result["cold_verified"]}) == 8
    assert not {each["container"] for each in samples(report, "warm")} - set(lasting.started())
    first_calls = {each["call_id"] for each in colds}
    assert not any(each["provider"]["boot_sec"] for each in samples(report, "warm"))
    assert not first_calls & {each["call_id"] for each in samples(report, "warm")}
    assert lasting.as_before()
    assert lasting.journal() == []


def test_several_cold_starts_each_meet_a_container_of_their_own(lasting: LastingWorkspace) -> None:
    lasting.wake("ryla-z-image")
    result = lasting.project.run(
        *FORCE, "--modal-bench-cold-rounds=3", "--modal-bench-rounds=2", "-k", "z-image-simple", timeout=120
    )

    result.assert_outcomes(passed=1)
    (measured,) = lasting.project.report()["results"]
    colds = [each for each in measured["samples"] if each["start"] == "cold"]
    assert len({each["container"] for each in colds}) == 3
    assert [each["container"] for each in colds] == lasting.started()[1:], "the first was woken by another"
    assert measured["cold_inconclusive"] is None
    assert lasting.as_before()


def test_the_cli_as_a_second_opinion(lasting: LastingWorkspace) -> None:
    lasting.project.run(
        *FORCE, "-k", "z-image-simple", "--modal-bench-rounds=1", timeout=120
    ).assert_outcomes(passed=1)
    (measured,) = lasting.project.report()["results"]
    listed = subprocess.run(
        [sys.executable, "-m", "modal", "container", "list", "--env", "main", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    there = {row["container_id"] for row in json.loads(listed.stdout)}

    assert {each["container"] for each in measured["samples"]} <= there == set(lasting.started())
    called = subprocess.run(
        [
            sys.executable,
            "-m",
            "modal",
            "function",
            "calls",
            "ryla-z-image/ComfyUI.*",
            "--env",
            "main",
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    by_cli = {row["function_call_id"]: row["container_id"] for row in json.loads(called.stdout)}
    assert {each["call_id"]: each["container"] for each in measured["samples"]}.items() <= by_cli.items()
    assert len(by_cli) == len(measured["samples"]) + 1, "and once for what the app says of itself"


def stop_while_changed(lasting: LastingWorkspace, group: int) -> None:
    """Stop a run's processes at a moment at which settings are changed: between two pools they are as before."""

    def stopped() -> bool:
        os.killpg(group, signal.SIGSTOP)
        if not lasting.as_before():
            return True
        os.killpg(group, signal.SIGCONT)
        return False

    until("it is stopped with settings changed", stopped, timeout=60)


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "kill -9"])
@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["alone", "spread"])
def test_settings_are_put_back_however_a_run_ends(
    lasting: LastingWorkspace, how: str, spread: tuple[str, ...]
) -> None:
    with PytestProcess(lasting.directory, *FORCE, "--modal-bench-cold-rounds=20", *spread) as running:
        running.until(
            "settings are changed", lambda: lasting.journal() and not lasting.as_before(), timeout=60
        )
        running.descendants()
        if how == "Ctrl-C":
            running.interrupt()
        elif how == "SIGTERM":
            running.send(signal.SIGTERM)
        else:
            stop_while_changed(lasting, running.pid)
            # Workers too: one that sees its controller die puts things right.
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        until("everything it started is gone", lambda: not running.survivors(), timeout=60)

    if how == "kill -9":
        assert not lasting.as_before()
        lasting.project.run(*FORCE, "-k", "z-image-simple", "--modal-bench-rounds=1", timeout=120)
        notes = lasting.project.report()["notes"]
        assert any(note.startswith("put back the autoscaler of ") for note in notes)
    assert lasting.as_before()
    assert lasting.journal() == []


def scenario(project: Project, text: str) -> str:
    """A scenario file: all is well, but for `text`."""
    path = project.pytester.path / "scenario.toml"
    path.write_text(
        f'summary = "of a test"\n{text}\n[resources]\nimage = true\nvideo = true\nmask = true\nlora = true\n'
    )
    return str(path)


def run_locally(project: Project, faults: str, *args: str) -> dict[str, Any]:
    """Force the cold start of one endpoint of a local workspace with `faults`; its result."""
    project.pytester.path.joinpath("endpoints.toml").write_text(SHIPPED_CATALOGUE.read_text())
    result = project.run(
        *FORCE,
        "--modal-bench-workspace=local",
        f"--modal-bench-scenario={scenario(project, faults)}",
        "--modal-bench-rounds=1",
        "-k",
        "z-image-simple",
        *args,
        timeout=120,
    )
    result.assert_outcomes(passed=1)
    (measured,) = project.report()["results"]
    return measured  # type: ignore[no-any-return]


@pytest.mark.parametrize("middleware", ["true", "false"])
def test_another_client_that_keeps_the_pool_awake_leaves_no_cold_start(
    project: Project, middleware: str
) -> None:
    measured = run_locally(
        project,
        # As good as always: in a longer pause the benchmark's own call would come first, and rightly be cold.
        f"middleware = {middleware}\n[apps.ryla-z-image]\nstranger = 0.01",
        "--modal-bench-cold-rounds=2",
    )
    colds = [each for each in measured["samples"] if each["start"] == "cold"]

    for each in colds:
        # On a busy machine the other client may pause, and then the benchmark's own call starts the container.
        assert each["proof"]
        assert each["container_request"] == 1 if middleware == "true" else each["provider"]["boot_sec"]
    if len(colds) < 2:
        assert measured["cold_inconclusive"]
    assert (measured["cold_time_sec"] is None) == (not colds)
    assert len(measured["samples"]) <= 3 * 2 + 1 + 3 * 1


@pytest.mark.parametrize("records", ["late", "missing"])
def test_a_record_that_does_not_come_takes_no_proof_away(project: Project, records: str) -> None:
    measured = run_locally(project, f'[apps.ryla-z-image]\nrecords = "{records}"')

    assert measured["cold_verified"]
    assert measured["cold_inconclusive"] is None


def test_a_record_that_contradicts_the_container_makes_the_cold_start_inconclusive(project: Project) -> None:
    measured = run_locally(project, 'middleware = true\n[apps.ryla-z-image]\nrecords = "contradictory"')

    assert measured["cold_time_sec"] is None
    assert "the provider's record says" in measured["cold_inconclusive"]


def test_containers_that_can_not_be_stopped_make_it_inconclusive_not_wrong(project: Project) -> None:
    measured = run_locally(project, "[apps.ryla-z-image]\nrefuses_stops = true\nstranger = 0.01")

    assert measured["cold_time_sec"] is None
    assert "could not be stopped" in measured["cold_inconclusive"]


def test_a_control_plane_that_goes_away_costs_cold_starts_and_no_measurement(project: Project) -> None:
    measured = run_locally(project, "[control]\ngone_after = 12")

    assert measured["status"] == "success"
    assert measured["warm_time_sec"] is not None
    notes = project.report()["notes"]
    assert any("control plane" in note for note in notes), notes


def test_a_refused_token_is_one_line(project: Project) -> None:
    project.pytester.path.joinpath("endpoints.toml").write_text(SHIPPED_CATALOGUE.read_text())
    faults = scenario(project, '[control]\ntokens = "refused"')
    said = project.usage_error(*FORCE, "--modal-bench-workspace=local", f"--modal-bench-scenario={faults}")

    assert "MODAL_TOKEN_ID" in said


def test_an_app_that_is_not_deployed_is_one_line(lasting: LastingWorkspace) -> None:
    file = lasting.directory / "endpoints.toml"
    file.write_text(file.read_text().replace("ryla-z-image", "ryla-gone"))
    result = lasting.project.run(*FORCE, "-k", "z-image-simple", "--modal-bench-rounds=1", timeout=120)

    result.assert_outcomes(passed=1)
    (measured,) = lasting.project.report()["results"]
    assert measured["warm_time_sec"] is not None
    assert "ryla-gone" in measured["cold_inconclusive"]
    assert "modal app list" in measured["cold_inconclusive"]


def test_urls_may_come_from_modal(lasting: LastingWorkspace) -> None:
    file = lasting.directory / "endpoints.toml"
    urls = lasting.workspace.urls
    file.write_text(file.read_text().replace(f'url = "{urls["ryla-z-image"]}"\n', ""))
    assert load(file).without_url[0].name == "ryla-z-image"
    result = lasting.project.run(
        "--modal-bench", "-k", "z-image", "--modal-bench-rounds=1", "-n", "1", timeout=120
    )

    result.assert_outcomes(passed=3)
    assert lasting.project.report()["results"][0]["cold_verified"], "there are tokens, so it is observed"
