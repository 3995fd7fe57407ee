from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
from typing import Any

import pytest

from pytest_modal_bench import middleware


@pytest.fixture(autouse=True)
def _container(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new container, as far as the module can tell."""
    monkeypatch.setenv("MODAL_TASK_ID", "ta-01ABC")
    monkeypatch.setenv("MODAL_REGION", "us-east-1")
    importlib.reload(middleware)


async def app(scope: Any, receive: Any, send: Any) -> None:
    del receive
    if scope["type"] == "http":
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"server-timing", b"db;dur=1")]}
        )
        await send({"type": "http.response.body", "body": b"fi", "more_body": True})
        await send({"type": "http.response.body", "body": b"ne"})
    else:
        await send({"type": f"{scope['type']}.done"})


def called(wrapped: Any, kind: str = "http") -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(wrapped({"type": kind}, None, send))
    return sent


def headers(wrapped: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in called(wrapped)[0]["headers"]}


def test_it_tells_container_request_start_region_and_time() -> None:
    told = headers(middleware.ModalBenchMiddleware(app))

    assert told["x-modal-bench-container"] == "ta-01ABC"
    assert told["x-modal-bench-request"] == "1"
    assert told["x-modal-bench-started"].endswith("+00:00")
    assert 0 <= float(told["x-modal-bench-uptime"]) < 60
    assert told["x-modal-bench-region"] == "us-east-1"
    assert told["server-timing"].startswith("handler;dur=")


def test_it_keeps_the_apps_own_headers_and_passes_each_piece_on_as_it_comes() -> None:
    head, *pieces = called(middleware.ModalBenchMiddleware(app))

    assert (b"server-timing", b"db;dur=1") in head["headers"]
    assert [piece["body"] for piece in pieces] == [b"fi", b"ne"]


def test_it_counts_every_http_request_of_the_container() -> None:
    one, other = middleware.ModalBenchMiddleware(app), middleware.ModalBenchMiddleware(app)

    assert [headers(each)["x-modal-bench-request"] for each in (one, other, one)] == ["1", "2", "3"]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_http_passes_untouched_and_uncounted(kind: str) -> None:
    wrapped = middleware.ModalBenchMiddleware(app)

    assert called(wrapped, kind) == [{"type": f"{kind}.done"}]
    assert headers(wrapped)["x-modal-bench-request"] == "1"


def test_what_it_does_not_know_it_leaves_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("MODAL_TASK_ID")
    monkeypatch.setenv("MODAL_REGION", "us\r\nx-evil: 1")
    monkeypatch.setattr(middleware, "_DRIVER", tmp_path / "none")
    told = headers(middleware.ModalBenchMiddleware(app))

    assert not {"x-modal-bench-container", "x-modal-bench-region", "x-modal-bench-gpu"} & told.keys()


def test_the_gpu_is_what_its_driver_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    information = tmp_path / "0000:01:00.0" / "information"
    information.parent.mkdir()
    information.write_text("Model: \t\t NVIDIA L40S\nIRQ:   \t\t 42\n")
    monkeypatch.setattr(middleware, "_DRIVER", tmp_path)

    assert headers(middleware.ModalBenchMiddleware(app))["x-modal-bench-gpu"] == "NVIDIA L40S"


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, pytest_modal_bench.middleware;"
        "others = {m.partition('.')[0] for m in sys.modules} - set(sys.stdlib_module_names) - {'__main__'};"
        "print(*sorted(m for m in others if not m.startswith('_')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )

    assert done.stdout.split() == ["pytest_modal_bench"]
