"""Whole runs on the local workspace: answers that look good and are not, dead apps, and what they cost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from project import SHIPPED_CATALOGUE

from pytest_modal_bench.local.workspace.apps import read as read_workspace
from pytest_modal_bench.local.workspace.scenario import known, read

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project

HEAD = """
summary = "of a test"
[resources]
image = true
video = VIDEO
mask = MASK
lora = true
"""


def run(
    project: Project,
    faults: str,
    *args: str,
    catalogue: str | None = None,
    video: str = "true",
    mask: str = "true",
) -> dict[str, dict[str, Any]]:
    """Run the shipped catalogue on a local workspace with `faults`; results by path."""
    scenario = project.pytester.path / "scenario.toml"
    top, _, tables = faults.partition("\n[")
    head = HEAD.replace("VIDEO", video).replace("MASK", mask)
    scenario.write_text(f"{top}{head}" + (f"[{tables}" if tables else ""))
    project.pytester.path.joinpath("endpoints.toml").write_text(catalogue or SHIPPED_CATALOGUE.read_text())
    project.run(
        "--modal-bench",
        "--modal-bench-workspace=local",
        f"--modal-bench-scenario={scenario}",
        "-p",
        "no:cacheprovider",
        *args,
        timeout=120,
    )
    return {result["path"]: result for result in project.report()["results"]}


def test_answers_under_status_200_that_are_none_fail_and_say_why(project: Project) -> None:
    results = run(
        project,
        """
[faults]
"/flux" = { kind = "blank" }
"/flux-dev" = { kind = "truncate_media", keep = 0.7 }
"/flux-dev-lora" = { kind = "wrong_size" }
"/qwen-image-2512" = { kind = "html" }
"/qwen-image-2512-fast" = { kind = "json_error" }
"/qwen-image-2512-lora" = { kind = "empty" }
"/z-image-simple" = { kind = "bomb" }
"/z-image-danrisi" = { kind = "garbage" }
"/wan2" = { kind = "blank", frames = 33 }
"/wan2.6" = { kind = "still" }
"/video-faceswap" = { kind = "echo" }
""",
        "--modal-bench-rounds=1",
        "-k",
        "flux or qwen-image or z-image or wan2 or faceswap and not pulid and not ipadapter",
    )
    said = {path: result["error"] for path, result in results.items() if result["status"] == "failed"}

    assert re.search("blank", said["/flux"])
    assert re.search("truncated", said["/flux-dev"])
    assert re.search("256", said["/flux-dev-lora"])
    assert re.search("HTML", said["/qwen-image-2512"])
    assert re.search("error", said["/qwen-image-2512-fast"])
    assert re.search("empty", said["/qwen-image-2512-lora"])
    assert re.search("too many pixels|too large", said["/z-image-simple"])
    assert re.search("blank: .*33 frames", said["/wan2"])
    assert "still" in said["/wan2.6"] or "1 frame" in said["/wan2.6"]
    assert "/z-image-danrisi" in said
    assert results["/z-image-lora"]["status"] == "success"
    assert {results[path]["cause"] for path in said} == {"invalid_output"}
    assert all(results[path]["warm_time_sec"] is None for path in said)
    markdown = (project.pytester.path / "modal-bench-report.md").read_text()
    assert "<br>**Invalid output:** It answered, but not with what it is meant to.<br>**Try:** " in markdown


def test_a_still_image_is_no_source_video_and_a_portrait_no_mask_of_itself(project: Project) -> None:
    results = run(
        project,
        "",
        "--modal-bench-rounds=1",
        "-k",
        "faceswap or inpaint or r2v or edit-2511",
        video='"still"',
        mask='"portrait"',
    )

    assert {path: result["skipped_reason"] for path, result in results.items()} == {
        "/video-faceswap": "Missing: test video",
        "/qwen-image-edit-2511": None,
        "/qwen-image-inpaint-2511": "Missing: test mask",
        "/wan2.6-r2v": "Missing: test video",
    }
    notes = project.report()["notes"]
    assert "test video: is not an MP4 or WebM video" in notes
    assert any(note.endswith("is the test image itself, not a mask for it") for note in notes)


def test_a_cached_answer_is_no_warm_one(project: Project) -> None:
    results = run(
        project,
        '\n[faults]\n"/z-image-simple" = { kind = "cached" }\n',
        "--modal-bench-strict",
        "--modal-bench-cold=off",
        "-k",
        "z-image-simple or z-image-danrisi",
    )

    assert "with the same bytes" in results["/z-image-simple"]["cached"]
    assert results["/z-image-simple"]["verdict"] == "FAIL", "strict"
    assert any("cached: " in reason for reason in results["/z-image-simple"]["reasons"])
    assert (results["/z-image-danrisi"]["status"], results["/z-image-danrisi"]["cached"]) == ("success", None)


def test_nothing_is_said_of_caches_where_no_seed_is_sent_or_equal_answers_are_right(project: Project) -> None:
    shipped = SHIPPED_CATALOGUE.read_text()
    for catalogue in (
        re.sub(r'seed = "\{seed\}"', "seed = 42", shipped),
        re.sub(r"(?m)^(path = \"/z-image-simple\")$", r"\1\nexpect = { deterministic = true }", shipped),
    ):
        assert catalogue != shipped
        results = run(
            project,
            '\n[faults]\n"/z-image-simple" = { kind = "cached" }\n',
            "--modal-bench-strict",
            "--modal-bench-cold=off",
            "-k",
            "z-image-simple",
            catalogue=catalogue,
        )
        assert (results["/z-image-simple"]["status"], results["/z-image-simple"]["cached"]) == (
            "success",
            None,
        )


def test_a_field_that_the_route_does_not_read_is_noticed(project: Project) -> None:
    catalogue = SHIPPED_CATALOGUE.read_text().replace("reference_image", "face_image")
    results = run(project, "", "--modal-bench-rounds=1", "-k", "pulid", catalogue=catalogue)
    (misfit,) = results["/flux-pulid"]["misfits"] or ["none"]

    # The route here needs it, so that the call fails as well; one that does not would answer as if nothing were.
    assert results["/flux-pulid"]["status"] == "failed" or "face_image" in misfit


def test_an_upscaler_that_ignores_a_field_passes_and_is_noted(project: Project) -> None:
    catalogue = SHIPPED_CATALOGUE.read_text().replace(
        "resolution = 1080", "resolution = 1080\nface_image = 1"
    )
    results = run(project, "", "--modal-bench-rounds=1", "-k", "seedvr2", catalogue=catalogue)
    strict = run(
        project, "", "--modal-bench-rounds=1", "--modal-bench-strict", "-k", "seedvr2", catalogue=catalogue
    )

    assert results["/seedvr2"]["status"] == "success"
    assert any("face_image: not a field" in misfit for misfit in results["/seedvr2"]["misfits"])
    assert strict["/seedvr2"]["verdict"] == "FAIL"


def test_every_edge_answer_comes_out_with_its_cause(project: Project) -> None:
    scenario = read("edge-answers", read_workspace())
    project.pytester.path.joinpath("endpoints.toml").write_text(SHIPPED_CATALOGUE.read_text())
    # A pool of its own for each: some of these answers are for the whole pool.
    project.run(
        "--modal-bench",
        "--modal-bench-workspace=local",
        "--modal-bench-scenario=edge-answers",
        "--modal-bench-rounds=1",
        "-p",
        "no:cacheprovider",
        timeout=120,
    )
    results = {result["path"]: result for result in project.report()["results"]}
    called = {
        path: result for path, result in results.items() if path in scenario.faults and result["samples"]
    }

    assert "edge-answers" in known()
    assert called, "some were called"
    for path, result in called.items():
        assert result["status"] == "failed"
        assert result["cause"] not in {None, "unknown"}, path
        assert result["meaning"]
        assert result["remedy"]
    spared = [result for result in results.values() if (result["error"] or "").startswith("Not called: ")]
    assert all(result["cause"] for result in spared)
    assert len(called) + len(spared) >= len(scenario.faults)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (
            'edge = { status = 404, body = "modal-http: app for invoked web endpoint is stopped" }',
            "app_stopped",
        ),
        ("refuse = true", "refused"),
        ("hang = true", "timeout"),
    ],
)
def test_a_dead_pool_of_four_is_called_once(project: Project, fault: str, cause: str) -> None:
    results = run(project, f"\n[apps.ryla-wan26]\n{fault}\n", "-k", "wan2")

    assert [result["status"] for result in results.values()] == ["failed"] * 4
    assert {result["cause"] for result in results.values()} == {cause}
    first, *others = results.values()
    assert len(first["samples"]) == 1
    assert all(result["samples"] == [] for result in others)
    assert all(result["error"].startswith("Not called: ") for result in others)


def test_a_container_that_is_killed_twice_spares_the_others(project: Project) -> None:
    kill = '{ kind = "kill" }'
    results = run(project, f'\n[faults]\n"/wan2" = {kill}\n"/wan2.6" = {kill}\n', "-k", "wan2")

    assert [len(result["samples"]) for result in results.values()] == [1, 1, 0, 0]
    assert {result["cause"] for result in results.values()} == {"killed"}


def test_the_servers_own_seconds_give_an_estimate_and_nothing_gives_none(project: Project) -> None:
    timed = run(
        project,
        'success_headers = ["X-Execution-Time-Sec"]',
        "--modal-bench-rounds=1",
        "-k",
        "z-image-simple",
    )["/z-image-simple"]
    for sample in timed["samples"]:
        assert sample["cost_basis"] == "estimated"
        assert sample["cost_usd"] == pytest.approx(sample["execution_sec"] * 0.000542, abs=1e-6)
    silent = run(project, "success_headers = false", "--modal-bench-rounds=1", "-k", "z-image-simple")
    unknown = silent["/z-image-simple"]
    assert (unknown["cost_usd"], unknown["cost_basis"]) == (None, None)
    assert all(sample["cost_usd"] is None for sample in unknown["samples"])


def test_hostile_text_changes_no_table(project: Project) -> None:
    results = run(
        project,
        '\n[faults]\n"/z-image-simple" = { kind = "hostile_text", bytes = 10000000 }\n',
        "-k",
        "z-image",
    )
    markdown = (project.pytester.path / "modal-bench-report.md").read_text()

    assert results["/z-image-simple"]["cause"] == "application"
    assert results["/z-image-danrisi"]["status"] == "success"
    assert "<script>" not in markdown
    assert "\x1b" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| Z Image")]
    assert len(rows) == 3
    assert len({line.count("|") for line in rows}) == 1


def test_a_large_answer_is_bounded_and_leaves_no_file(project: Project, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    project.pytester._monkeypatch.setenv("TMPDIR", str(temporary))  # noqa: SLF001 - of this very test
    results = run(
        project,
        '\n[faults]\n"/z-image-simple" = { kind = "large", bytes = 50000000 }\n',
        "--modal-bench-rounds=1",
        "-k",
        "z-image-simple",
    )

    assert results["/z-image-simple"]["samples"][0]["size_bytes"] == 50_000_000
    assert list(temporary.glob("modal-bench-*")) == []
