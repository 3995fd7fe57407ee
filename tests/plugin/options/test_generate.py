from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from project import SHIPPED_CATALOGUE

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project, Service

PLACES = '[resources]\nimage = "media/portrait.png"\nvideo = "media/clip.mp4"'


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), "navy").save(buffer, "PNG")
    return buffer.getvalue()


def animated_webp() -> bytes:
    buffer = io.BytesIO()
    first, *others = (Image.new("RGB", (16, 16), (10 * number, 0, 0)) for number in range(5))
    first.save(buffer, "WEBP", save_all=True, append_images=others, duration=50)
    return buffer.getvalue()


def check_image(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        return image.size


def check_video(path: Path) -> int:
    av = pytest.importorskip("av")
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def files(project: Project) -> set[str]:
    root = project.pytester.path
    written = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return written - {"stdout", "stderr"}  # what pytester keeps of a run


@pytest.fixture
def makers(project: Project, service: Service) -> Project:
    """A project whose workspace has the endpoints that make test resources, and a place for these."""
    service.answers |= {"/z-image-simple": (200, png()), "/wan2.6": (200, animated_webp())}
    project.catalogue(service.url, "/ok", "/z-image-simple", "/wan2.6", more=PLACES)
    project.pytester.makepyfile("def test_nothing_else_is_run(): raise AssertionError")
    return project


def test_image_and_video_are_made_and_nothing_else_is_done(makers: Project, service: Service) -> None:
    before = files(makers)

    result = makers.run("--modal-bench-generate", "--modal-bench")

    assert result.ret == 0
    media = makers.pytester.path / "media"
    assert result.outlines == [
        f"modal-bench: test image made with /z-image-simple: {media / 'portrait.png'}",
        f"modal-bench: test video made with /wan2.6: {media / 'clip.mp4'}",
    ]
    assert files(makers) - before == {"media/portrait.png", "media/clip.mp4"}
    assert service.calls == ["/z-image-simple", "/wan2.6"]
    assert check_image(media / "portrait.png") == (8, 6)
    assert check_video(media / "clip.mp4") == 5


@pytest.mark.parametrize(
    ("args", "variable", "expected"),
    [
        (["--modal-bench-generate", "image"], None, "media/portrait.png"),
        (["--modal-bench-generate=video"], "image", "media/clip.mp4"),
        ([], "video", "media/clip.mp4"),
    ],
)
def test_one_of_them_is_made_alone(
    makers: Project, monkeypatch: pytest.MonkeyPatch, args: list[str], variable: str | None, expected: str
) -> None:
    if variable:
        monkeypatch.setenv("MODAL_BENCH_GENERATE", variable)
    before = files(makers)

    assert makers.run(*args).ret == 0
    assert files(makers) - before == {expected}


def test_what_is_made_again_is_the_same(makers: Project, service: Service) -> None:
    for _ in range(2):
        assert makers.run("--modal-bench-generate=image").ret == 0

    assert service.bodies[0] == service.bodies[1]


def test_an_unknown_name_is_an_error(makers: Project, service: Service) -> None:
    assert makers.usage_error("--modal-bench-generate=image,audio") == (
        "--modal-bench-generate: can generate image and video, not 'audio'"
    )
    assert not service.calls


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (500, b"no GPU", "/z-image-simple: HTTP 500: no GPU"),
        (200, b"fine", "/z-image-simple: is not an image"),
        (200, png()[:40], "/z-image-simple: is not an image"),
    ],
    ids=["error", "text", "cut off"],
)
def test_a_call_that_fails_is_told_with_its_answer(
    makers: Project, service: Service, status: int, body: bytes, problem: str
) -> None:
    service.answers["/z-image-simple"] = (status, body)
    before = files(makers)

    result = makers.run("--modal-bench-generate")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.outlines == [f"modal-bench: test image: {problem}"]
    assert not [line for line in result.errlines if line.strip()]
    assert files(makers) == before
    assert service.calls == ["/z-image-simple"]


def test_a_still_image_is_no_video(makers: Project, service: Service) -> None:
    service.answers["/wan2.6"] = (200, png())

    result = makers.run("--modal-bench-generate=video")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = result.outlines
    assert line.startswith("modal-bench: test video: /wan2.6: is ")


def test_a_catalogue_that_cannot_make_them_says_why(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    assert project.run("--modal-bench-generate=image").outlines == [
        'modal-bench: test image: the catalogue has no place for it: add image = "…" to [resources]'
    ]

    project.catalogue(service.url, "/ok", more=PLACES)
    assert project.run("--modal-bench-generate=video").outlines == [
        "modal-bench: test video: /wan2.6 makes it, but the catalogue does not have that endpoint"
    ]
    assert project.usage_error("--modal-bench-generate", "--modal-bench-catalogue=nowhere.toml") == (
        "nowhere.toml: no such file"
    )


def test_the_local_workspace_makes_both(project: Project) -> None:
    pytest.importorskip("fastapi")
    root = project.pytester.path
    shutil.copy(SHIPPED_CATALOGUE, root)
    before = files(project)

    result = project.run(
        "--modal-bench-generate", "--modal-bench-workspace=local", "--modal-bench-time-scale=0.001"
    )

    assert result.ret == 0, result.stdout.str()
    assert files(project) - before == {"fixtures/portrait.png", "fixtures/clip.mp4"}
    assert check_image(root / "fixtures" / "portrait.png") == (512, 512)
    assert check_video(root / "fixtures" / "clip.mp4") == 17


def test_the_reference_workspace_loses_the_videos_call(project: Project) -> None:
    pytest.importorskip("fastapi")
    shutil.copy(SHIPPED_CATALOGUE, project.pytester.path)
    before = files(project)

    result = project.run(
        "--modal-bench-generate=video", "--modal-bench-workspace=local", "--modal-bench-scenario=reference"
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.outlines == [
        "modal-bench: test video: /wan2.6: HTTP 408: Missing request, possibly due to expiry or cancellation"
    ]
    assert files(project) == before
