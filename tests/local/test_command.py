"""`python -m pytest_modal_bench.local`, as a person starts it, and as a program does."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from pytest_modal_bench.local import command

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "pytest_modal_bench.local"]


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def read_urls(process: subprocess.Popen[str]) -> tuple[list[str], dict[str, str]]:
    """What a person reads up to the last line of the banner, and the table of apps in it."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or "Ctrl-C" not in lines[-1]:
        line = process.stdout.readline()
        assert line, lines
        lines.append(line.rstrip("\n"))
    rows = [line.split() for line in lines]
    return lines, {row[0]: row[1] for row in rows if len(row) == 2 and row[1].startswith("http")}


def test_by_hand_it_says_what_there_is_and_ctrl_c_ends_it_and_all_containers() -> None:
    with start("--time-scale", "0.009", "--no-control-plane") as process:
        lines, urls = read_urls(process)
        assert lines[0] == "Workspace ryla, scenario healthy: all endpoints answer"
        assert (
            lines[1]
            == "Simulated: model load and inference times, at 0.009 real seconds per simulated second"
        )
        assert len(urls) == 8
        assert not any("ontrol plane" in line for line in lines)
        assert sum("POST /" in line for line in lines) == 21
        requests.get(urls["ryla-flux"] + "/health", timeout=60).raise_for_status()
        assert process.stdout is not None
        assert process.stdout.readline().endswith("started (ryla-flux)\n")
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) == 2
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == ""
    assert "Traceback" not in rest
    assert psutil.wait_procs(family, timeout=60)[1] == []


def test_by_hand_another_catalogue_can_be_served() -> None:
    with start("--catalogue", "shapes", "--scenario", "faults-1", "--no-control-plane") as process:
        lines, urls = read_urls(process)
        assert lines[0].startswith("Workspace acme, scenario faults-1: ")
        assert lines[1].startswith("Simulated: texts and sounds, the pace of their tokens, ")
        assert list(urls)[:4] == ["chat", "speech", "jobs", "images"]
        assert any(line.endswith("GET /v1/models") for line in lines)
        models = requests.get(urls["chat"] + "/v1/models", timeout=60).json()
        assert models["object"] == "list"
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_there_is_no_other_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.parser().parse_args(["--catalogue=mine"])
    assert "invalid choice: 'mine'" in capsys.readouterr().err


def test_by_hand_there_is_a_control_plane_and_how_to_use_it_is_printed() -> None:
    pytest.importorskip("modal_proto")
    with start("--token-id", "ak-mine", "--environment", "staging") as process:
        lines, _ = read_urls(process)
        exported = dict(
            line.removeprefix("export ").split("=") for line in lines if line.startswith("export ")
        )
        assert list(exported) == ["MODAL_SERVER_URL", "MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"]
        assert exported["MODAL_TOKEN_ID"].endswith("ak-mine")
        assert exported["MODAL_TOKEN_SECRET"].startswith("as-")
        assert "environment staging" in "".join(lines)
        with socket.create_connection(("127.0.0.1", int(exported["MODAL_SERVER_URL"].rpartition(":")[2]))):
            process.terminate()
            _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_by_hand_without_the_extra_it_says_how_to_get_a_control_plane(tmp_path: Path) -> None:
    (tmp_path / "grpclib.py").write_text("raise ModuleNotFoundError('gone', name='grpclib')")
    with start(env=os.environ | {"PYTHONPATH": str(tmp_path)}) as process:
        lines, _ = read_urls(process)
        assert lines[-3] == (
            "No control plane: the control plane needs the extra `modal`:"
            " pip install 'pytest-modal-bench[modal]'"
        )
        process.terminate()
        process.communicate(timeout=60)
    with start("--control-plane", env=os.environ | {"PYTHONPATH": str(tmp_path)}) as process:
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert errors == "the control plane needs the extra `modal`: pip install 'pytest-modal-bench[modal]'\n"


def test_sigterm_in_the_middle_of_calls_ends_it_and_all_containers(tmp_path: Path) -> None:
    scenario = tmp_path / "trial.toml"
    scenario.write_text(
        'summary = "trial"\n[resources]\nimage = true\nvideo = true\nmask = true\nlora = true\n'
        '[faults]\n"/flux" = { kind = "hang" }\n"/flux-dev" = { kind = "held_redirects" }\n',
    )
    with start("--scenario", str(scenario), "--time-scale", "1") as process, requests.Session() as session:
        _, urls = read_urls(process)
        for path in ("/flux", "/flux-dev", "/flux-dev-lora"):
            with pytest.raises(requests.ReadTimeout):
                session.post(urls["ryla-flux"] + path, json={"prompt": "x"}, timeout=0.1)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) == 2
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert psutil.wait_procs(family, timeout=60)[1] == []


def test_a_signal_before_it_is_up_is_no_trouble() -> None:
    with start() as process:
        # The earliest sign of life that shows from outside: its own handler is in place.
        caught = 0
        while not caught & (1 << (signal.SIGTERM - 1)):
            status = f"/proc/{process.pid}/status"
            with open(status) as lines:  # noqa: PTH123
                caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_a_reader_that_leaves_is_no_trouble() -> None:
    with start() as process:
        _, urls = read_urls(process)
        assert process.stdout is not None
        process.stdout.close()
        assert requests.get(urls["ryla-flux"] + "/health", timeout=60).status_code == 200
        process.terminate()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_for_a_program_it_prints_one_line_and_ends_with_its_input() -> None:
    with start("--json", "--scenario=reference", stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        description = json.loads(process.stdout.readline())
        assert description.keys() == {
            "workspace",
            "environment",
            "urls",
            "control",
            "resources",
            "lora",
            "simulated",
        }
        assert description["control"] is None
        assert base64.b64decode(description["resources"]["image"]).startswith(b"\x89PNG")
        assert description["resources"]["video"] is None
        assert base64.b64decode(description["resources"]["voice"]).startswith(b"RIFF")
        assert requests.get(description["urls"]["ryla-flux"] + "/health", timeout=60).status_code == 200
        rest, errors = process.communicate(timeout=60)
    assert (rest, errors, process.returncode) == ("", "", 0)


def test_without_any_input_it_ends_at_once() -> None:
    with start("--json", stdin=subprocess.DEVNULL) as process:
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_a_wrong_scenario_is_one_line_and_exit_code_2() -> None:
    with start("--scenario", "gone") as process:
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert out == ""
    assert errors == (
        "no scenario 'gone': there are edge-answers, healthy, instrumented, reference,"
        " or give a path that ends in .toml\n"
    )


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf", "fast"])
def test_a_time_scale_that_is_no_number_above_zero_is_refused(
    scale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.parser().parse_args([f"--time-scale={scale}"])
    assert f"argument --time-scale: invalid positive value: {scale!r}" in capsys.readouterr().err


def test_by_default_it_is_healthy_and_a_hundred_times_faster() -> None:
    options = command.parser().parse_args([])
    assert (options.scenario, options.time_scale, options.json) == ("healthy", 0.01, False)
    assert options.catalogue == "endpoints"
