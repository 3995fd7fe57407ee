from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from pytest_modal_bench.local.workspace import apps as workspace
from pytest_modal_bench.local.workspace import scenario
from pytest_modal_bench.local.workspace.faults import (
    Blank,
    Bomb,
    Cached,
    Costly,
    Echo,
    EdgeAnswer,
    Empty,
    Garbage,
    Hang,
    HostileText,
    Html,
    InputLost,
    JsonError,
    Kill,
    Large,
    RedirectLoop,
    Slow,
    Still,
    TruncateMedia,
    WrongSize,
)
from pytest_modal_bench.local.workspace.scenario import ScenarioError
from pytest_modal_bench.local.workspace.shape_faults import Fewer, ShapeFault

if TYPE_CHECKING:
    from pathlib import Path

SPACE = workspace.read()
SHAPES = workspace.read("shapes")
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
    assert list(reference.apps) == reference.apps_with_cut_tls() == ["ryla-qwen-edit"]


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
    assert made.apps["ryla-lora"].background_interval == 60
    assert made.apps["ryla-lora"].late_sec == scenario.LATE_SEC
    assert made.apps_with_cut_tls() == []


def test_every_kind_of_spoiled_answer_can_be_written_down(tmp_path: Path) -> None:
    text = """
    [faults]
    "/flux" = { kind = "blank" }
    "/flux-dev" = { kind = "truncate_media", keep = 0.9 }
    "/flux-dev-lora" = { kind = "html" }
    "/flux-lora" = { kind = "json_error" }
    "/sdxl-instantid" = { kind = "echo" }
    "/flux-pulid" = { kind = "wrong_size" }
    "/flux-ipadapter-faceid" = { kind = "kill", times = 2 }
    "/qwen-image-2512" = { kind = "empty" }
    "/qwen-image-2512-fast" = { kind = "bomb" }
    "/qwen-image-2512-lora" = { kind = "garbage" }
    "/video-faceswap" = { kind = "still" }
    "/qwen-image-edit-2511" = { kind = "large", bytes = 536870912 }
    "/qwen-image-inpaint-2511" = { kind = "hostile_text", bytes = 10000000 }
    "/z-image-simple" = { kind = "cached" }
    "/z-image-danrisi" = { kind = "slow", inference = 1.3 }
    "/z-image-lora" = { kind = "costly", factor = 2 }
    "/wan2" = { kind = "blank", frames = 33 }
    """
    assert list(from_text(tmp_path, HEAD + text).faults.values()) == [
        Blank(),
        TruncateMedia(0.9),
        Html(),
        JsonError(),
        Echo(),
        WrongSize(),
        Kill(2),
        Empty(),
        Bomb(),
        Garbage(),
        Still(),
        Large(536_870_912),
        HostileText(10_000_000),
        Cached(),
        Slow(inference=1.3),
        Costly(2),
        Blank(33),
    ]


def test_times_and_costs_can_be_other_than_in_the_workspace(tmp_path: Path) -> None:
    text = """
    [apps.ryla-flux]
    slow = { enter = 2.0, load = 3.0 }
    cost = 2.0
    [faults]
    "/flux" = { kind = "slow", load = 2.0, inference = 1.5 }
    "/flux-dev" = { kind = "costly", factor = 5 }
    """
    made = from_text(tmp_path, HEAD + text)
    before = SPACE.apps["ryla-flux"]
    after = made.app_with_faults("ryla-flux", before)
    assert after.enter == before.enter * 2
    flux, dev = (after.endpoints[path] for path in ("/flux", "/flux-dev"))
    assert flux.load == before.endpoints["/flux"].load * 6
    assert flux.inference == before.endpoints["/flux"].inference * 1.5
    assert dev.inference == before.endpoints["/flux-dev"].inference
    assert (flux.cost_factor, dev.cost_factor) == (2, 10)
    assert made.app_with_faults("ryla-lora", SPACE.apps["ryla-lora"]) == SPACE.apps["ryla-lora"]


def test_an_app_can_be_dead_in_four_ways(tmp_path: Path) -> None:
    text = """
    [apps]
    ryla-flux = { edge = { status = 404, body = "gone" } }
    ryla-lora = { hang = true }
    ryla-z-image = { refuse = true }
    ryla-wan26 = { tls = "cut" }
    """
    made = from_text(tmp_path, HEAD + text)
    assert [fault.on_every_path for fault in made.apps.values()] == [
        EdgeAnswer(404, "gone"),
        Hang(),
        None,
        None,
    ]
    assert (made.apps_that_refuse(), made.apps_with_cut_tls()) == (["ryla-z-image"], ["ryla-wan26"])


@pytest.mark.parametrize(
    ("written", "survive"),
    [
        ("true", {"x-cost-usd", "x-modal-bench-request", "date"}),
        ("false", {"date"}),
        ('["X-Cost-USD", "X-Execution-Time-Sec"]', {"x-cost-usd", "date"}),
        ("[]", {"date"}),
    ],
)
def test_headers_of_success_survive_as_the_scenario_says(
    tmp_path: Path, written: str, survive: set[str]
) -> None:
    made = from_text(tmp_path, f"success_headers = {written}{HEAD}")
    headers = ("x-cost-usd", "x-modal-bench-request", "date")
    assert {header for header in headers if made.passes(header)} == survive


@pytest.mark.parametrize("name", ["healthy", "instrumented"])
def test_some_scenarios_are_for_both_workspaces(name: str) -> None:
    assert scenario.read(name, SPACE) == scenario.read(name, SHAPES)


def test_each_workspace_has_scenarios_of_its_own() -> None:
    assert {*scenario.known()} - {*scenario.known("shapes")} == {"reference", "edge-answers"}
    assert {*scenario.known("shapes")} - {*scenario.known()} == {f"faults-{number}" for number in range(1, 7)}
    with pytest.raises(ScenarioError, match="no scenario 'reference': there are faults-1, faults-2"):
        scenario.read("reference", SHAPES)


def test_faults_of_the_shapes_are_on_a_path_of_one_endpoint_each() -> None:
    kinds = set()
    for name in scenario.known("shapes"):
        faults = scenario.read(name, SHAPES).faults
        kinds |= {type(fault) for fault in faults.values()}
        assert all(len(SHAPES.find(key)) == 1 for key in faults)
    assert {*get_args(ShapeFault)} <= kinds


def test_a_path_of_several_apps_is_named_with_its_app(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(HEAD + '[faults]\n"draw:/" = { kind = "kill" }\n"/generate" = { kind = "fewer" }')
    chosen = scenario.read(str(file), SHAPES)

    assert chosen.fault("draw", "/") == Kill()
    assert chosen.fault("embed", "/") is None
    assert chosen.fault("images", "/generate") == Fewer()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ('"/" = { kind = "kill" }', "/ is a path of several apps: write draw:/"),
        ('"nobody:/" = { kind = "kill" }', "no such path or app: nobody:/"),
        ('"draw:/generate" = { kind = "kill" }', "no such path or app: draw:/generate"),
        ('"/generate" = { kind = "stall" }', "/generate answers no stream"),
        ('"/bundle" = { kind = "wrong_rate" }', "/bundle answers no sound"),
        ('"/submit" = { kind = "job_fails" }', "/submit answers no status job"),
        ('"/v1/chat/completions" = { kind = "blank" }', "/v1/chat/completions answers no picture or sound"),
    ],
)
def test_a_fault_that_an_endpoint_cannot_have_is_a_mistake(tmp_path: Path, fault: str, says: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(f"{HEAD}[faults]\n{fault}")
    with pytest.raises(ScenarioError, match=f": {says}"):
        scenario.read(str(file), SHAPES)


def test_only_the_instrumented_scenario_has_the_middleware() -> None:
    assert {name for name in scenario.known() if scenario.read(name, SPACE).middleware} == {"instrumented"}


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ScenarioError,
        match="no scenario 'gone': there are edge-answers, healthy, instrumented, reference, or",
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
        ('success_headers = ["X-Cost"]' + HEAD, "`success_headers`: no app answers with 'X-Cost'"),
        (HEAD + '[faults]\n"/flux" = { kind = "still" }', "/flux answers a still picture as it is"),
        (
            HEAD + '[faults]\n"/flux" = { kind = "blank", frames = 33 }',
            "/flux answers a still picture as it is",
        ),
        (HEAD + '[faults]\n"/flux" = { kind = "echo" }', "/flux takes no image or video that it could echo"),
        (HEAD + '[faults]\n"/flux" = { kind = "truncate_media", keep = 1 }', "< 1"),
        (HEAD + '[faults]\n"/flux" = { kind = "large" }', "missing required field `bytes`"),
        (HEAD + '[faults]\n"/flux" = { kind = "hostile_text", bytes = 10000001 }', "<= 10000000"),
        (HEAD + '[faults]\n"/flux" = { kind = "slow" }', "`slow` needs a factor other than 1"),
        (HEAD + '[faults]\n"/flux" = { kind = "costly" }', "missing required field `factor`"),
        (HEAD + '[faults]\n"/flux" = { kind = "kill", times = 0 }', ">= 1"),
        (HEAD + "[apps.ryla-flux]\nslow = { warm = 2 }", "unknown field `warm`"),
        (HEAD + "[apps.ryla-flux]\ncost = 0", "> 0"),
        (
            HEAD + "[apps.ryla-flux]\nhang = true\nrefuse = true",
            "dead in one way, not in 2: `refuse`, `hang`",
        ),
        (HEAD + "[apps.ryla-flux]\nhang = true\nstranger = 1", "not one with `hang`"),
        (
            HEAD + '[apps.ryla-flux]\nedge = { kind = "hang", status = 404, body = "" }',
            "Invalid value 'hang'",
        ),
        (HEAD + '[apps.nobody]\ntls = "cut"', "no such path or app: nobody"),
        (HEAD + '[apps.ryla-flux]\nrecords = "lost"', "Invalid enum value 'lost'"),
        (HEAD + "[apps.ryla-flux]\nrecords_late_sec = 3", '`records_late_sec` goes with `records = "late"`'),
        (HEAD + "[apps.ryla-flux]\nstranger = 0", "> 0"),
        (HEAD + '[apps.ryla-flux]\ntls = "cut"\nstranger = 1', "`stranger` needs an app that can be reached"),
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
