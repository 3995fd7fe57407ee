from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.local import scenario, workspace
from pytest_modal_bench.local.scenario import EdgeAnswer, Hang, InputLost, Kill, RedirectLoop, ScenarioError

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
    file.write_text(text)
    return scenario.read(str(file), SPACE)


def test_healthy_lacks_nothing() -> None:
    healthy = scenario.read("healthy", SPACE)
    assert healthy.resources == scenario.Resources(image=True, video=True, mask=True, lora=True)
    assert healthy.success_headers
    assert not healthy.faults
    assert not healthy.apps


def test_reference_has_the_faults_of_the_reference_run() -> None:
    reference = scenario.read("reference", SPACE)
    assert reference.resources == scenario.Resources(image=True, video=False, mask=True, lora=False)
    assert not reference.success_headers
    assert reference.faults == {
        "/sdxl-instantid": RedirectLoop(),
        "/flux-pulid": Hang(),
        "/flux-ipadapter-faceid": Hang(),
        "/wan2": Kill(),
        "/wan2.6": InputLost(),
    }
    assert list(reference.apps) == reference.cut() == ["ryla-qwen-edit"]
    assert reference.killed() == ["/wan2"]


def test_a_scenario_can_be_a_file(tmp_path: Path) -> None:
    made = from_text(
        tmp_path, HEAD + '[faults]\n"/flux" = { kind = "edge", status = 429, body = "slow down" }'
    )
    assert made.faults == {"/flux": EdgeAnswer(status=429, body="slow down")}


def test_the_control_plane_and_whole_apps_can_be_faulty(tmp_path: Path) -> None:
    text = """
    [control]
    gone_after = 3
    [apps.ryla-flux]
    records = "late"
    records_late_sec = 4
    refuses_stops = true
    [apps.ryla-lora]
    stranger = 60
    records = "late"
    """
    made = from_text(tmp_path, HEAD + text)
    assert made.control == scenario.ControlFault(gone_after=3)
    assert made.apps["ryla-flux"].late_sec == 4
    assert made.apps["ryla-flux"].refuses_stops
    assert made.apps["ryla-lora"].stranger == 60
    assert made.apps["ryla-lora"].late_sec == scenario.LATE_SEC
    assert made.cut() == []


def test_only_the_instrumented_scenario_has_the_middleware() -> None:
    assert {name for name in scenario.known() if scenario.read(name, SPACE).middleware} == {"instrumented"}


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ScenarioError, match="no scenario 'gone': there are healthy, instrumented, reference, or"
    ):
        scenario.read("gone", SPACE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("summary = ", "Invalid value"),
        ("speed = 3" + HEAD, "unknown field `speed`"),
        ("summary = 'x'", "missing required field `resources`"),
        (
            HEAD.replace("image = true", "image = 'yes'"),
            r"Expected `bool`, got `str` - at `\$.resources.image`",
        ),
        (HEAD + '[faults]\n"/flux" = { kind = "meteor" }', "Invalid value 'meteor'"),
        (HEAD + '[faults]\n"/flux" = { kind = "hang", for = 3 }', "unknown field `for`"),
        (HEAD + '[faults]\n"/flux" = { kind = "edge", status = 700, body = "" }', "`int` <= 599"),
        (HEAD + '[faults]\n"/flux" = { kind = "drip", interval = 0 }', "> 0"),
        (HEAD + '[faults]\n"/nowhere" = { kind = "hang" }', "no such path or app: /nowhere"),
        (HEAD + '[apps.nobody]\ntls = "cut"', "no such path or app: nobody"),
        (HEAD + '[apps.ryla-flux]\nrecords = "lost"', "Invalid enum value 'lost'"),
        (HEAD + "[apps.ryla-flux]\nrecords_late_sec = 3", '`records_late_sec` goes with `records = "late"`'),
        (HEAD + "[apps.ryla-flux]\nstranger = 0", "> 0"),
        (HEAD + '[apps.ryla-flux]\ntls = "cut"\nstranger = 1', "a `stranger` gets nowhere"),
        (HEAD + "[control]\ngone_after = -1", ">= 0"),
        (HEAD + '[control]\ntokens = "lost"', "Invalid enum value 'lost'"),
        (HEAD + "[control]\ngone = 1", "unknown field `gone`"),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says) as caught:
        from_text(tmp_path, text)
    assert "trial.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        scenario.read(str(tmp_path / "gone.toml"), SPACE)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match=r"binary\.toml"):
        scenario.read(str(tmp_path / "binary.toml"), SPACE)
