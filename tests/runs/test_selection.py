"""Which endpoints of the shipped catalogue `-k` and `-m` select, and the order that they run in."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from project import SHIPPED_CATALOGUE

if TYPE_CHECKING:
    from project import Project, Service

VIDEO = ["wan2", "wan2.6", "wan2.6-r2v", "wan2.6-lora"]


@pytest.fixture
def shipped(project: Project) -> Project:
    """A project with the shipped catalogue and its test."""
    shutil.copytree(SHIPPED_CATALOGUE.parent, project.pytester.path / "tests" / "endpoints")
    return project


def selected(project: Project, *args: str) -> list[str]:
    result = project.run("--modal-bench", "--collect-only", "-q", *args)
    assert result.ret == 0
    return re.findall(
        r"^tests/endpoints/test_endpoints\.py::test_endpoint\[(.*)\]$", result.stdout.str(), re.MULTILINE
    )


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("video", ["video-faceswap", *VIDEO]),
        ("face-consistency", ["sdxl-instantid", "flux-pulid", "flux-ipadapter-faceid"]),
        (
            "qwen and not lora",
            [
                "qwen-image-2512",
                "qwen-image-2512-fast",
                "video-faceswap",
                "qwen-image-edit-2511",
                "qwen-image-inpaint-2511",
            ],
        ),
        ("flux", ["flux", "flux-dev", "flux-dev-lora", "flux-lora", "flux-pulid", "flux-ipadapter-faceid"]),
        ("ryla-lora", ["flux-lora"]),
        ("edit", ["qwen-image-edit-2511", "qwen-image-inpaint-2511"]),
        ("fast and not z-image", ["flux", "flux-lora", "qwen-image-2512-fast"]),
        ("upscaling or seedvr2", ["seedvr2"]),
    ],
)
def test_keywords(shipped: Project, expression: str, ids: list[str]) -> None:
    assert selected(shipped, "-k", expression) == ids


@pytest.mark.skipif(pytest.version_tuple < (8, 3), reason="-m reads a marker's arguments from pytest 8.3 on")
def test_markers(shipped: Project) -> None:
    assert selected(shipped, "-m", "modal_endpoint(category='Video')") == VIDEO
    assert selected(shipped, "-m", "modal_endpoint(path='/wan2.6', app='ryla-wan26')") == ["wan2.6"]


def test_a_selection_of_nothing_runs_nothing_and_says_so(shipped: Project) -> None:
    result = shipped.run("--modal-bench", "-k", "nothing_like_it")

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["nothing was measured: no endpoint was selected"])
    assert not list(shipped.pytester.path.glob("modal-bench-report*"))


@pytest.mark.usefixtures("all_plugins")
def test_the_order_is_the_catalogues_whatever_shuffles(shipped: Project) -> None:
    pytest.importorskip("pytest_randomly")
    in_order = selected(shipped)

    assert len(in_order) == 21
    for seed in ("1", "2"):
        assert selected(shipped, f"--randomly-seed={seed}") == in_order


def test_a_pools_endpoints_follow_one_another(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-a", "/ok-b", "/ok-c", "/fail-d", apps=2)
    project.run("--modal-bench", "--modal-bench-rounds=1")

    assert list(dict.fromkeys(service.calls)) == ["/ok-a", "/ok-c", "/ok-b", "/fail-d"]
    assert [result["path"] for result in project.report()["results"]] == [
        "/ok-a",
        "/ok-b",
        "/ok-c",
        "/fail-d",
    ]

    service.calls.clear()
    result = project.run("--modal-bench", "--lf")
    result.assert_outcomes(failed=1)
    assert service.calls == ["/fail-d"]
    assert project.statuses() == {"/fail-d": "failed"}

    service.calls.clear()
    project.run("--modal-bench", "--ff", "--modal-bench-rounds=1")
    assert list(dict.fromkeys(service.calls)) == ["/ok-a", "/ok-c", "/ok-b", "/fail-d"]
