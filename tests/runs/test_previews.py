"""Whole runs whose reports hold what people are shown: answers, inputs, what was sent, and where it ran."""

from __future__ import annotations

import json
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import media_corpus
import pytest
from measure_server import Server, answer, answering
from PIL import Image

from pytest_modal_bench.model.encoding import load

if TYPE_CHECKING:
    from measure_server import Received
    from project import Project

    from pytest_modal_bench.model import Preview, Run

pytestmark = pytest.mark.timeout(300)

KINDS = {
    "Chat streamed": ["text"],
    "Events": ["text"],
    "Models": ["text"],
    "Speech streamed": ["audio"],
    "Speech whole": ["audio"],
    "Transcription": ["text"],
    "Job": ["image"],
    "Job with a location": ["video"],
    "Base64 batch": ["image"] * 3,
    "Data URIs": ["image"] * 2,
    "Image URLs": ["image"] * 2,
    "Bundle": [],
    "Animate": ["image"],
    "Embed": ["text"],
}
"""What is shown of some of the answers of the catalogue `shapes`; a ZIP can't be shown."""


def is_right(preview: Preview) -> bool:
    """Whether a preview is what its kind says, and each of its frames a WebP of the size that is said."""
    for frame in preview.frames:
        with Image.open(BytesIO(frame), formats=("WEBP",)) as image:
            image.load()
            assert image.size == (preview.width, preview.height)
    told = {"image": preview.frames, "video": preview.frames, "audio": preview.peaks, "text": preview.text}
    return bool(told[preview.kind])


def read(project: Project, name: str = "modal-bench-report.json") -> Run:
    return load((project.pytester.path / name).read_bytes())


def test_answers_of_every_shape_are_shown_and_cross_from_the_workers(project: Project) -> None:
    pytest.importorskip("fastapi")
    result = project.run(
        *("--modal-bench", "--modal-bench-workspace=local", "--modal-bench-catalogue=shapes"),
        *("--modal-bench-rounds=1", "--modal-bench-cold=off", "--benchmark-json=b.json", "-n", "2"),
        *(
            "--modal-bench-report=run.json",
            "--modal-bench-report=run.benchmark.json",
            "-p",
            "no:cacheprovider",
        ),
        timeout=200,
    )
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    run = read(project, "run.json")
    results = {each.endpoint: each for each in run.results}

    assert {name: [each.kind for each in results[name].previews] for name in KINDS} == KINDS
    for each in run.results:
        assert all(is_right(preview) for preview in each.previews)
        assert {preview.started_at for preview in each.previews} <= {each.samples[-1].started_at}
    assert len(results["Animate"].previews[0].frames) == 4
    assert results["Events"].previews[0].text is not None
    assert results["Events"].previews[0].text.startswith("About river: ")
    assert {name: preview.kind for name, preview in run.inputs.items()} == {
        "voice": "audio",
        "image": "image",
    }
    assert all(is_right(preview) and preview.started_at is None for preview in run.inputs.values())

    assert results["Retouch"].needs == ("image",)
    assert json.loads(results["Retouch"].sent or "")["source_image"] == "{image}"
    assert results["Transcription"].sent == 'form {"file":"{voice:bytes}","model":"local-ear"}'
    assert {each.container_usd_per_sec for each in run.results} == {None}, "simulated seconds have no price"
    assert results["Draw"].scaledown_window_sec is not None

    assert run.catalogue == "shapes.toml"
    assert set(run.machine) == {"cores", "system", "architecture", "python"}
    assert run.versions["pytest"] == pytest.__version__
    frame = b64encode(results["Job"].previews[0].frames[0]).decode()
    texts = {path.name: path.read_text() for path in project.pytester.path.glob("*.json")}
    assert [name for name, text in texts.items() if frame in text] == ["run.json"]


def test_what_has_failed_is_shown_and_no_secret_with_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "correct-horse-battery"  # noqa: S105 - made up
    monkeypatch.setenv("STAPLE_TOKEN", secret)

    def respond(received: Received) -> bytes:
        if received.path == "/black":
            return answer(media_corpus.blank("black-png"))
        if received.path == "/cut":
            return answer(media_corpus.good("png")[:-40])
        return answer(json.dumps({"token": received.headers["x-token"], "said": "fine"}).encode())

    def shown(report: dict[str, Any]) -> dict[str, Any]:
        return {result["path"]: result["previews"] for result in report["results"]}

    with Server(answering(respond)) as server:
        project.catalogue(
            server.url,
            *("/black", "/cut", "/says"),
            more='[defaults]\nheaders.X-Token = "{env:STAPLE_TOKEN}"',
            payloads={"/black": f'{{ prompt = "a lake, {secret}", seed = "{{seed}}" }}'},
        )
        project.run("--modal-bench", "--modal-bench-rounds=1").assert_outcomes(passed=1, failed=2)
    report = project.report()

    black, cut, says = shown(report).values()
    assert [len(preview["frames"]) for preview in black] == [1]
    assert cut == []
    assert [preview["text"] for preview in says] == ['{"token": "[redacted]", "said": "fine"}']
    assert report["results"][0]["sent"] == '{"prompt":"a lake, [redacted]","seed":"{seed}"}'
    written = [path for path in project.pytester.path.glob("modal-bench-report.*") if path.is_file()]
    assert len(written) >= 2
    assert not any(secret in path.read_text() for path in written)
