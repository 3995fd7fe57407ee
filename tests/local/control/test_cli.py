"""The control plane, as the real `modal` CLI sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pytest_modal_bench.local.launch import launch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modal_bench.local.launch import LocalWorkspace

pytestmark = pytest.mark.usefixtures("prepared_programs")

pytest.importorskip("modal")


SCALE = 0.1
"""Containers stay for 30 s: long enough for a command to find them."""


@pytest.fixture(scope="module")
def space() -> Iterator[LocalWorkspace]:
    with launch("healthy", SCALE, control=True) as workspace:
        yield workspace


@pytest.fixture
def cli(space: LocalWorkspace, tmp_path: Path) -> Cli:
    return Cli(space, tmp_path)


class Cli:
    """Runs `modal`, out of sight of the configuration of who runs this test."""

    def __init__(self, space: LocalWorkspace, folder: Path) -> None:
        assert space.control is not None
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MODAL_")
        } | {
            "MODAL_CONFIG_PATH": str(folder / "modal.toml"),
            "MODAL_SERVER_URL": space.control.url,
            "MODAL_TOKEN_ID": space.control.token_id,
            "MODAL_TOKEN_SECRET": space.control.token_secret,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "modal", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def test_containers_are_listed_and_stopped(cli: Cli, space: LocalWorkspace) -> None:
    requests.get(f"{space.urls['ryla-flux']}/health", timeout=60).raise_for_status()
    (container,) = [each for each in cli.json("container", "list") if each["app_name"] == "ryla-flux"]
    assert container["start_time"] != "Pending"
    assert cli.run("container", "stop", container["container_id"], "-y").returncode == 0
    assert cli.json("container", "list", "--app-id", container["app_id"]) == []
    again = cli.run("container", "stop", container["container_id"], "-y")
    assert "is already stopped" in again.stderr
    assert again.returncode == 1


def test_calls_are_told_by_number_and_by_time(cli: Cli, space: LocalWorkspace) -> None:
    answers = [requests.get(f"{space.urls['ryla-lora']}/health", timeout=60) for _ in range(2)]
    listed = cli.json("function", "calls", "ryla-lora/ComfyUI.*")
    ids = [answer.headers["modal-function-call-id"] for answer in answers]
    assert [call["function_call_id"] for call in listed] == ids[::-1]
    assert listed[0].keys() == {
        "function_call_id",
        "service_method_name",
        "enqueued_at",
        "started_at",
        "container_id",
        "startup_time_seconds",
        "execution_time_seconds",
        "status",
    }
    assert listed[0]["startup_time_seconds"] is None
    assert listed[1]["startup_time_seconds"] > 8.9 * SCALE
    assert {call["status"] for call in listed} == {"success"}
    by_time = cli.json("function", "calls", "ryla-lora/ComfyUI.*", "--since", "1h")
    assert [call["function_call_id"] for call in by_time] == ids


def test_functions_are_described(cli: Cli, space: LocalWorkspace) -> None:
    info = cli.json("function", "info", "ryla-flux/ComfyUI.*")
    assert info["name"] == "ComfyUI.*"
    assert info["gpus"] == [["L40S", 1]]
    assert info["method_details"]["fastapi_app"]["web_url"] == space.urls["ryla-flux"]
    assert info["scaledown_window"] == 300
    wrong = cli.run("function", "info", "ryla-flux/ComfyUI")
    assert "is a modal.Cls" in wrong.stderr


def test_apps_have_a_history_of_one_version(cli: Cli, space: LocalWorkspace) -> None:
    apps = cli.json("app", "list")
    assert {app["description"] for app in apps} == set(space.urls)
    assert {app["state"] for app in apps} == {"deployed"}
    (version,) = cli.json("app", "history", "ryla-flux")
    assert (version["version"], version["deployed_by"]) == ("v1", "local-workspace")
    assert cli.json("app", "history", apps[0]["app_id"]) == [version]
    assert "No App with name 'gone'" in cli.run("app", "history", "gone").stderr


def test_prices_are_those_of_the_pricing_page(cli: Cli) -> None:
    rates = cli.json("billing", "rates")
    assert rates["gpu_hour_cost_l40s"] == "1.9512"
    assert rates["cpu_hour_cost"] == "0.04716"


def test_there_is_one_environment(cli: Cli) -> None:
    assert [each["name"] for each in cli.json("environment", "list")] == ["main"]
    assert "Environment 'other' not found" in cli.run("container", "list", "--env", "other").stderr


def test_another_token_is_refused(cli: Cli) -> None:
    cli.environment["MODAL_TOKEN_ID"] = "ak-another"  # noqa: S105 - no password
    done = cli.run("app", "list")
    assert done.returncode == 1
    assert "oken" in done.stderr
