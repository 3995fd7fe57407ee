from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from pytest_modal_bench.local import routes, workspace
from pytest_modal_bench.local.gpu import Gpu

SPACE = workspace.read()
SMALL = {"prompt": "a lake", "width": 32, "height": 32}


def ask(
    app: str, *requests: tuple[str, str, Any], loras: tuple[str, ...] = ("test-benchmark",)
) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        gpu = Gpu(SPACE.apps[app].endpoints, time_scale=0, seed=1)
        web = routes.build(app, SPACE.apps[app], gpu, loras)
        transport = httpx.ASGITransport(app=web)
        async with httpx.AsyncClient(transport=transport, base_url="http://container") as client:
            return [await client.request(method, path, json=body) for method, path, body in requests]

    return asyncio.run(run())


def test_an_answer_states_a_type_that_it_is_not_and_what_it_cost() -> None:
    (answer,) = ask("ryla-flux", ("POST", "/flux", SMALL))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\x89PNG")
    seconds = float(answer.headers["X-Execution-Time-Sec"])
    assert seconds == pytest.approx(34.6, rel=0.04)
    assert float(answer.headers["X-Cost-USD"]) == pytest.approx(seconds * 0.000542, abs=1e-6)
    assert answer.headers["X-GPU-Type"] == "L40S"


def test_same_request_same_bytes_other_seed_other_bytes() -> None:
    one, again, other = ask(
        "ryla-flux",
        ("POST", "/flux", SMALL | {"seed": 1}),
        ("POST", "/flux", SMALL | {"seed": 1}),
        ("POST", "/flux", SMALL | {"seed": 2}),
    )
    assert one.content == again.content != other.content
    assert float(again.headers["X-Execution-Time-Sec"]) < 0.1


def test_health_loras_and_openapi() -> None:
    health, loras, schema = ask(
        "ryla-flux", *(("GET", path, None) for path in ("/health", "/loras", "/openapi.json"))
    )
    assert health.json() == {"status": "healthy", "app": "ryla-flux"}
    assert loras.json() == {"loras": ["test-benchmark"]}
    assert set(SPACE.apps["ryla-flux"].endpoints) <= set(schema.json()["paths"])
    assert "width" in schema.json()["components"]["schemas"]["Picture"]["properties"]


def test_an_unknown_lora_is_404_before_anything_else() -> None:
    for body in ({**SMALL, "lora_id": "nobody"}, SMALL, {"lora_id": "x" * 5000}):
        unknown, known = ask(
            "ryla-flux",
            ("POST", "/flux-dev-lora", body),
            ("POST", "/flux-dev-lora", {**SMALL, "lora_id": "test-benchmark"}),
        )
        assert unknown.status_code == 404
        assert unknown.json()["detail"].startswith("LoRA not found: ")
        assert len(unknown.content) < 200
        assert known.status_code == 200
        assert float(known.headers["X-Execution-Time-Sec"]) > 14  # the model was not loaded yet


def test_without_loras_the_list_is_empty_and_each_is_unknown() -> None:
    loras, call = ask(
        "ryla-lora",
        ("GET", "/loras", None),
        ("POST", "/flux-lora", {**SMALL, "lora_id": "test-benchmark"}),
        loras=(),
    )
    assert loras.json() == {"loras": []}
    assert call.status_code == 404


def test_a_missing_prompt_is_500_with_a_traceback() -> None:
    (answer,) = ask("ryla-flux", ("POST", "/flux", {}))
    assert answer.status_code == 500
    assert answer.json().keys() == {"error", "details", "type"}
    assert "prompt" in answer.json()["error"]
    assert answer.json()["details"].startswith("Traceback")
    assert answer.json()["type"] == "MissingFieldError"


def test_a_bad_image_is_400() -> None:
    (answer,) = ask("ryla-instantid", ("POST", "/sdxl-instantid", SMALL | {"reference_image": "data:,x"}))
    assert answer.status_code == 400
    assert answer.json() == {"detail": "reference_image must be a base64 data URI"}


def test_a_wrong_type_is_fastapis_own_answer() -> None:
    (answer,) = ask("ryla-flux", ("POST", "/flux", {"width": "wide"}))
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], list)


def test_every_route_of_the_workspace_is_there() -> None:
    for name, app in SPACE.apps.items():
        answers = ask(name, *(("POST", path, []) for path in app.endpoints))
        assert {answer.status_code for answer in answers} == {422}
