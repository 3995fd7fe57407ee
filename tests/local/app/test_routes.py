from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from pytest_modal_bench.local.app import codec, routes
from pytest_modal_bench.local.app.gpu import Gpu
from pytest_modal_bench.local.app.request_bodies import BODIES
from pytest_modal_bench.local.workspace import apps as workspace
from pytest_modal_bench.local.workspace.faults import AnyFault, Blank, Cached, HostileText, Html, JsonError

if TYPE_CHECKING:
    from collections.abc import Mapping

SPACE = workspace.read()
SMALL = {"prompt": "a lake", "width": 32, "height": 32}
FLUX_BLANK = {"/flux": Blank()}


def ask(
    app: str,
    *requests: tuple[str, str, Any],
    loras: tuple[str, ...] = ("test-benchmark",),
    faults: Mapping[str, AnyFault] = routes.NO_FAULTS,
) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        gpu = Gpu(SPACE.apps[app].endpoints, time_scale=0, seed=1)
        web = routes.build(app, SPACE.apps[app], gpu, loras, faults)
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


@pytest.mark.parametrize("name", SPACE.apps)
def test_the_schema_of_every_route_lists_its_fields_and_requires_none(name: str) -> None:
    (answer,) = ask(name, ("GET", "/openapi.json", None))
    schema = answer.json()
    for path, endpoint in SPACE.apps[name].endpoints.items():
        body = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        form = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]]
        assert set(form["properties"]) == set(BODIES[endpoint.body].model_fields)
        assert "required" not in form  # what is missing is a 500, as in the reference apps


def test_a_route_may_answer_what_its_work_did_not_make() -> None:
    sound, black = (ask("ryla-flux", ("POST", "/flux", SMALL), faults=each)[0] for each in ({}, FLUX_BLANK))
    assert sound.headers["content-type"] == black.headers["content-type"]
    assert sound.headers["X-Cost-USD"] == black.headers["X-Cost-USD"]
    assert black.content == codec.png(Image.new("RGB", (32, 32)))


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Html(), 200, "text/html; charset=utf-8"),
        (JsonError(), 200, "application/json"),
        (HostileText(), 500, "text/plain; charset=utf-8"),
    ],
)
def test_a_route_may_make_excuses_which_state_no_cost(fault: AnyFault, status: int, kind: str) -> None:
    (answer,) = ask("ryla-flux", ("POST", "/flux", SMALL), faults={"/flux": fault})
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert "X-Cost-USD" not in answer.headers


def test_what_a_sound_route_refuses_a_faulty_one_refuses_too() -> None:
    (answer,) = ask("ryla-flux", ("POST", "/flux", {}), faults=FLUX_BLANK)
    assert answer.status_code == 500
    assert answer.json()["type"] == "MissingFieldError"


def test_a_route_may_ignore_the_seed_and_so_measure_the_cache() -> None:
    first, second, other = ask(
        "ryla-flux",
        ("POST", "/flux", SMALL | {"seed": 1}),
        ("POST", "/flux", SMALL | {"seed": 2}),
        ("POST", "/flux", SMALL | {"seed": 2, "prompt": "a hill"}),
        faults={"/flux": Cached()},
    )
    assert first.content == second.content != other.content
    took = [float(answer.headers["X-Execution-Time-Sec"]) for answer in (first, second, other)]
    assert took == [pytest.approx(34.6, rel=0.04), 0.05, pytest.approx(2.1, rel=0.04)]
    (elsewhere,) = ask("ryla-flux", ("POST", "/flux", SMALL | {"seed": 3}), faults={"/flux": Cached()})
    assert elsewhere.content == first.content
