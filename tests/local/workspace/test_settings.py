from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.local.workspace import apps as workspace
from pytest_modal_bench.local.workspace import scenario
from pytest_modal_bench.local.workspace.pauses import Pauses
from pytest_modal_bench.local.workspace.scenario import ScenarioError
from pytest_modal_bench.local.workspace.settings import AppSettings, Limits

if TYPE_CHECKING:
    from pathlib import Path

SPACE = workspace.read()
HEAD = """
summary = "trial"
[resources]
image = true
video = true
mask = true
lora = true
"""


def from_text(tmp_path: Path, text: str) -> scenario.Scenario:
    file = tmp_path / "trial.toml"
    file.write_text(HEAD + text)
    return scenario.read(str(file), SPACE)


def test_a_scenario_can_make_an_app_of_known_capacity(tmp_path: Path) -> None:
    made = from_text(
        tmp_path,
        """
        [apps.ryla-flux]
        max_containers = 2
        concurrent_inputs = 1
        inference = 1.0
        service = "exponential"
        pauses = { every = 10, sec = 2 }
        """,
    )
    before = SPACE.apps["ryla-flux"]
    app = made.app_with_faults("ryla-flux", before)
    assert (app.max_containers, app.concurrent_inputs, app.service) == (2, 1, "exponential")
    assert app.pauses == Pauses(every=10, sec=2)
    assert {endpoint.inference for endpoint in app.endpoints.values()} == {1.0}
    assert (app.enter, app.scaledown_window) == (before.enter, before.scaledown_window), "as they were"
    assert app.endpoints["/flux"].load == before.endpoints["/flux"].load
    assert made.app_with_faults("ryla-lora", SPACE.apps["ryla-lora"]) == SPACE.apps["ryla-lora"]


def test_slowness_comes_on_top_of_settings(tmp_path: Path) -> None:
    made = from_text(tmp_path, "[apps.ryla-flux]\ninference = 2.0\nenter = 0\nslow = { inference = 3 }")
    app = made.app_with_faults("ryla-flux", SPACE.apps["ryla-flux"])
    assert (app.endpoints["/flux"].inference, app.enter) == (6.0, 0.0)


def test_without_settings_an_app_stays_as_it_is() -> None:
    assert all(AppSettings().applied(app) == app for app in SPACE.apps.values())


def test_a_scenario_can_set_the_edges_limits(tmp_path: Path) -> None:
    made = from_text(tmp_path, "[limits]\npending_inputs = 5")
    assert made.limits == Limits(inputs_per_sec=200, pending_inputs=5)


@pytest.mark.parametrize(
    "setting", ["max_containers = 0", "max_containers = 11", "jobs_at_once = 0", "inference = -1", "size = 2"]
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ScenarioError, match=setting.partition(" ")[0]):
        from_text(tmp_path, f"[apps.ryla-flux]\n{setting}")
