"""The catalogue that is shipped is that of the reference workspace: 21 endpoints, 8 apps, 7 categories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.catalogue import Catalogue, Lora, load, resources

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.model import Endpoint

ROOT = Path(__file__).parents[2]
SQUARE = {"width": 512, "height": 512}
LORA = {"lora_id": "{lora}", "lora_strength": 0.8}
FACE = {"reference_image": "{image}"}
CLIP = SQUARE | {"length": 17, "fps": 16, "steps": 10, "cfg": 5.0}
EDIT = {"source_image": "{image}", "steps": 20, "cfg": 4.0}

# Category, name, path, app, needs, timeout, and body without seed, prompt and instruction.
REFERENCE: list[tuple[str, str, str, str, tuple[str, ...], int, dict[str, Any]]] = [
    ("Flux", "Flux", "/flux", "ryla-flux", (), 600, SQUARE | {"steps": 4}),
    ("Flux", "Flux Dev", "/flux-dev", "ryla-flux", (), 600, SQUARE | {"steps": 10}),
    (
        *("Flux", "Flux Dev Lora", "/flux-dev-lora", "ryla-flux", ("lora",), 600),
        SQUARE | {"steps": 10} | LORA,
    ),
    ("Flux", "Flux Lora", "/flux-lora", "ryla-lora", ("lora",), 600, SQUARE | {"steps": 4} | LORA),
    (
        *("Face Consistency", "Sdxl Instantid", "/sdxl-instantid", "ryla-instantid", ("image",), 900),
        SQUARE | {"steps": 15, "cfg": 5.0, "face_provider": "CPU"} | FACE,
    ),
    (
        *("Face Consistency", "Flux Pulid", "/flux-pulid", "ryla-instantid", ("image",), 900),
        SQUARE | {"steps": 15} | FACE,
    ),
    (
        *("Face Consistency", "Flux Ipadapter Faceid", "/flux-ipadapter-faceid", "ryla-instantid"),
        *(("image",), 900, SQUARE | {"steps": 15} | FACE),
    ),
    (
        *("Qwen Image", "Qwen Image 2512", "/qwen-image-2512", "ryla-qwen-image", (), 600),
        SQUARE | {"steps": 20, "cfg": 4.0},
    ),
    (
        *("Qwen Image", "Qwen Image 2512 Fast", "/qwen-image-2512-fast", "ryla-qwen-image", (), 600),
        SQUARE | {"steps": 4, "cfg": 1.0},
    ),
    (
        *("Qwen Image", "Qwen Image 2512 Lora", "/qwen-image-2512-lora", "ryla-qwen-image", ("lora",), 600),
        SQUARE | {"steps": 20, "cfg": 4.0} | LORA,
    ),
    (
        *("Qwen Image", "Video Faceswap", "/video-faceswap", "ryla-qwen-image", ("image", "video"), 900),
        {"fps": 16, "source_video": "{video}"} | FACE,
    ),
    (
        *("Qwen Edit", "Qwen Image Edit 2511", "/qwen-image-edit-2511", "ryla-qwen-edit", ("image",), 600),
        EDIT,
    ),
    (
        *("Qwen Edit", "Qwen Image Inpaint 2511", "/qwen-image-inpaint-2511", "ryla-qwen-edit"),
        *(("image", "mask"), 600, EDIT | {"mask_image": "{mask}"}),
    ),
    (
        *("Z-Image", "Z Image Simple", "/z-image-simple", "ryla-z-image", (), 600),
        SQUARE | {"steps": 4, "cfg": 0.0},
    ),
    (
        *("Z-Image", "Z Image Danrisi", "/z-image-danrisi", "ryla-z-image", (), 180),
        SQUARE | {"steps": 4, "cfg": 1.0},
    ),
    (
        *("Z-Image", "Z Image Lora", "/z-image-lora", "ryla-z-image", ("lora",), 600),
        SQUARE | {"steps": 8, "cfg": 4.5} | LORA,
    ),
    ("Video", "Wan2", "/wan2", "ryla-wan26", (), 900, CLIP),
    ("Video", "Wan2.6", "/wan2.6", "ryla-wan26", (), 900, CLIP),
    (
        *("Video", "Wan2.6 R2V", "/wan2.6-r2v", "ryla-wan26", ("video",), 900),
        CLIP | {"reference_videos": ["{video}"]},
    ),
    ("Video", "Wan2.6 Lora", "/wan2.6-lora", "ryla-wan26", ("lora",), 900, CLIP | LORA),
    (
        *("Upscaling", "Seedvr2", "/seedvr2", "ryla-seedvr2", ("video",), 900),
        {"video": "{video}", "resolution": 1080},
    ),
]
WITHOUT_PROMPT = {"/video-faceswap", "/qwen-image-edit-2511", "/seedvr2"}
VIDEOS = {"/video-faceswap", "/wan2", "/wan2.6", "/wan2.6-r2v", "/wan2.6-lora"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(ROOT / "tests" / "endpoints" / "endpoints.toml", root=ROOT)


def row(endpoint: Endpoint) -> tuple[object, ...]:
    body = {k: v for k, v in endpoint.payload.items() if k not in {"seed", "prompt", "instruction"}}
    return (
        *(endpoint.category, endpoint.name, endpoint.path, endpoint.app),
        *(endpoint.needs, endpoint.timeout, body),
    )


def test_the_endpoints_are_those_of_the_reference_report_in_its_order(catalogue: Catalogue) -> None:
    assert [row(endpoint) for endpoint in catalogue.endpoints] == REFERENCE


def test_every_endpoint_is_posted_a_new_seed_and_says_what_it_is(catalogue: Catalogue) -> None:
    for endpoint in catalogue.endpoints:
        assert endpoint.method == "POST"
        assert endpoint.payload["seed"] == "{seed}"
        assert ("prompt" in endpoint.payload) == (endpoint.path not in WITHOUT_PROMPT)
        assert ("instruction" in endpoint.payload) == (endpoint.path == "/qwen-image-edit-2511")
        assert endpoint.description
        assert endpoint.gpu == "L40S"
        assert endpoint.id == endpoint.path[1:]


def test_what_an_answer_must_be_is_what_the_endpoint_answers(catalogue: Catalogue) -> None:
    kinds = {endpoint.path: endpoint.expect.kind for endpoint in catalogue.endpoints if endpoint.expect}
    assert kinds == {
        path: None if path == "/seedvr2" else "video" if path in VIDEOS else "image"
        for _, _, path, *_ in REFERENCE
    }


def test_each_app_is_one_pool_of_the_workspace(catalogue: Catalogue) -> None:
    assert catalogue.workspace == "ryla"
    assert catalogue.pools == tuple(
        f"https://ryla--{app}-comfyui-fastapi-app.modal.run" for app in catalogue.apps
    )
    for app in catalogue.apps.values():
        assert (app.function, app.gpu, app.scaledown_window) == ("ComfyUI.fastapi_app", "L40S", 300)


KEYWORDS: list[tuple[str, Callable[[Callable[[str], bool]], bool], list[str]]] = [
    (
        "video",
        lambda has: has("video"),
        ["/video-faceswap", "/wan2", "/wan2.6", "/wan2.6-r2v", "/wan2.6-lora"],
    ),
    (
        "face-consistency",
        lambda has: has("face-consistency"),
        ["/sdxl-instantid", "/flux-pulid", "/flux-ipadapter-faceid"],
    ),
    (
        "qwen and not lora",
        lambda has: has("qwen") and not has("lora"),
        [
            "/qwen-image-2512",
            "/qwen-image-2512-fast",
            "/video-faceswap",
            "/qwen-image-edit-2511",
            "/qwen-image-inpaint-2511",
        ],
    ),
]


@pytest.mark.parametrize(
    ("matches", "expected"), [each[1:] for each in KEYWORDS], ids=[each[0] for each in KEYWORDS]
)
def test_a_keyword_selects_what_it_says(
    catalogue: Catalogue, matches: Callable[[Callable[[str], bool]], bool], expected: list[str]
) -> None:
    selected = []
    for endpoint in catalogue.endpoints:
        words = [
            *(
                endpoint.path,
                endpoint.name,
                endpoint.category,
                endpoint.category.lower().replace(" ", "-"),
                endpoint.app,
            ),
            *endpoint.tags,
        ]
        if matches(lambda keyword, words=words: any(keyword in word.lower() for word in words)):  # type: ignore[misc]
            selected.append(endpoint.path)
    assert selected == expected


def test_its_resources_are_there(catalogue: Catalogue) -> None:
    assert catalogue.resources.lora == Lora(id="test-benchmark", probe="/flux-lora")
    assert resources.reasons(catalogue.resources) == {}
    found = resources.find(catalogue.resources)
    assert {name: each.media_type for name, each in found.items() if each is not None} == {
        "image": "image/png",
        "video": "video/mp4",
        "mask": "image/png",
    }
    assert all(len(each.data) < 60_000 for each in found.values() if each is not None)
