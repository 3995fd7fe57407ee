"""The workspace as its clients see it: real listeners, real containers, real faults."""

from __future__ import annotations

import base64
import io
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from PIL import Image

from pytest_modal_bench.local.app import codec
from pytest_modal_bench.local.launch import LocalWorkspace, launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCALE = 0.004
"""Containers stay for 1.2 s, and the edge holds a request for 0.6 s."""

TRIAL = """
summary = "every fault that a container takes part in, and every resource"
[resources]
image = true
video = true
mask = true
lora = true
[faults]
"/wan2" = { kind = "kill" }
"/wan2.6" = { kind = "held_redirects" }
"/flux" = { kind = "drip", interval = 0.001 }
"/flux-dev" = { kind = "truncate" }
"/flux-pulid" = { kind = "hang" }
"/sdxl-instantid" = { kind = "redirect_loop" }
"/flux-lora" = { kind = "edge", status = 429, body = "modal-http: spend limit reached" }
"/qwen-image-2512" = { kind = "large", bytes = 200000000 }
"/video-faceswap" = { kind = "echo" }
"/wan2.6-r2v" = { kind = "blank", frames = 33 }
[apps]
ryla-qwen-edit = { refuse = true }
ryla-seedvr2 = { hang = true }
ryla-z-image = { edge = { status = 404, body = "modal-http: app for invoked web endpoint is stopped" } }
"""
SMALL = {"prompt": "a lake", "width": 64, "height": 64}


@pytest.fixture(scope="module")
def healthy() -> Iterator[LocalWorkspace]:
    with launch("healthy", SCALE) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    file: Path = tmp_path_factory.mktemp("scenario") / "trial.toml"
    file.write_text(TRIAL)
    with launch(str(file), SCALE) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def reference() -> Iterator[LocalWorkspace]:
    with launch("reference", SCALE) as workspace:
        yield workspace


def post(workspace: LocalWorkspace, app: str, path: str, **body: Any) -> requests.Response:
    return requests.post(workspace.urls[app] + path, json=SMALL | body, timeout=60)


def seconds(answer: requests.Response) -> float:
    assert answer.status_code == 200, answer.text
    return float(answer.headers["X-Execution-Time-Sec"])


def uri(data: bytes | None) -> str:
    assert data is not None
    return "data:;base64," + base64.b64encode(data).decode()


def containers(workspace: LocalWorkspace) -> set[int]:
    """Process ids of the workspace's containers: what the fork server has forked."""
    (fork_server,) = psutil.Process(workspace.pid).children()
    return {child.pid for child in fork_server.children() if child.status() != psutil.STATUS_ZOMBIE}


def until(condition: Callable[[], bool], deadline: float = 60) -> None:
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_container_is_started_by_the_first_call_and_stopped_after_its_window(
    healthy: LocalWorkspace,
) -> None:
    until(lambda: not containers(healthy))  # those that another test left
    first = post(healthy, "ryla-z-image", "/z-image-simple", seed=1)
    warm = post(healthy, "ryla-z-image", "/z-image-simple", seed=2)
    (own,) = containers(healthy)
    assert seconds(first) == pytest.approx(8.8, rel=0.04)
    assert seconds(warm) == pytest.approx(2.2, rel=0.04)
    assert first.content != warm.content
    until(lambda: own not in containers(healthy))
    assert seconds(post(healthy, "ryla-z-image", "/z-image-simple", seed=3)) == pytest.approx(8.8, rel=0.04)


def test_a_cold_call_takes_longer_than_a_warm_one_for_the_client_too(healthy: LocalWorkspace) -> None:
    def took(seed: int) -> float:
        begun = time.monotonic()
        seconds(post(healthy, "ryla-lora", "/flux-lora", seed=seed, lora_id="test-benchmark"))
        return time.monotonic() - begun

    until(lambda: not containers(healthy))
    cold = took(1)
    assert cold > 44.9 * SCALE * 0.95
    assert min(took(2), took(3)) < cold / 2


def test_endpoints_of_an_app_share_its_container_and_load_their_own_models(healthy: LocalWorkspace) -> None:
    post(healthy, "ryla-flux", "/flux")
    assert seconds(post(healthy, "ryla-flux", "/flux-dev", seed=1)) == pytest.approx(29.7, rel=0.04)
    assert seconds(post(healthy, "ryla-flux", "/flux-dev", seed=2)) == pytest.approx(11.3, rel=0.04)


def test_an_identical_request_measures_the_cache(healthy: LocalWorkspace) -> None:
    one, again = (post(healthy, "ryla-qwen-image", "/qwen-image-2512", seed=7) for _ in range(2))
    assert one.content == again.content
    assert seconds(again) < 0.1


def test_eight_apps_can_boot_at_once(healthy: LocalWorkspace) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda url: requests.get(f"{url}/health", timeout=60), healthy.urls.values())
        )
    assert [answer.json() for answer in answers] == [
        {"status": "healthy", "app": app} for app in healthy.urls
    ]


def test_the_test_resources_are_good_for_the_endpoints_that_need_them(healthy: LocalWorkspace) -> None:
    image, mask, video = (uri(healthy.resources[name]) for name in ("image", "mask", "video"))
    painted = post(healthy, "ryla-qwen-edit", "/qwen-image-inpaint-2511", source_image=image, mask_image=mask)
    with Image.open(io.BytesIO(painted.content)) as opened:
        assert (opened.format, opened.size) == ("PNG", (512, 512))
    swapped = post(healthy, "ryla-qwen-image", "/video-faceswap", source_video=video, reference_image=image)
    assert len(codec.read_video(swapped.content, "answer")) == 17
    clip = post(healthy, "ryla-wan26", "/wan2.6-r2v", reference_videos=[video], length=3)
    with Image.open(io.BytesIO(clip.content)) as opened:
        assert (opened.format, getattr(opened, "n_frames", 1)) == ("WEBP", 3)
    large = post(healthy, "ryla-seedvr2", "/seedvr2", video=video, resolution=360)
    assert codec.read_video(large.content, "answer")[0].height == 360


def test_the_schemas_of_its_apps_come_through_the_edge(healthy: LocalWorkspace) -> None:
    schema = requests.get(healthy.urls["ryla-instantid"] + "/openapi.json", timeout=60).json()
    assert {"/health", "/flux-pulid"} <= set(schema["paths"])
    assert "reference_image" in schema["components"]["schemas"]["FacePicture"]["properties"]


def test_everything_listens_on_loopback_alone(healthy: LocalWorkspace) -> None:
    post(healthy, "ryla-flux", "/flux")
    family = [psutil.Process(healthy.pid), *psutil.Process(healthy.pid).children(recursive=True)]
    addresses = []
    for process in family:
        with suppress(psutil.NoSuchProcess):  # an idle container of an earlier test may stop meanwhile
            connections = process.net_connections("inet")
            addresses += [each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN]
    assert len(addresses) >= 9
    assert set(addresses) == {"127.0.0.1"}


@pytest.mark.parametrize(
    "request_line",
    [
        b"OPTIONS * HTTP/1.1",
        b"GET http://elsewhere.example/ HTTP/1.1",
        b"GET / HTTP/1.1\r\nModal-Evil: 1",
        b"\x00",
    ],
)
def test_odd_requests_are_answered_and_forgotten(healthy: LocalWorkspace, request_line: bytes) -> None:
    parts = urlsplit(healthy.urls["ryla-flux"])
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as client:
        client.sendall(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.makefile("rb").readline().split()[1] in {b"400", b"404"}


def test_a_container_killed_by_a_signal(trial: LocalWorkspace) -> None:
    for _ in range(2):
        answer = post(trial, "ryla-wan26", "/wan2")
        assert (answer.status_code, answer.headers["content-type"]) == (500, "text/plain; charset=utf-8")
        assert answer.text == "modal-http: internal error: function was terminated by signal\n"


def test_a_chain_of_held_redirects(trial: LocalWorkspace) -> None:
    url, method = trial.urls["ryla-wan26"] + "/wan2.6", "POST"
    for _ in range(2):
        begun = time.monotonic()
        hop = requests.request(
            method, url, json={} if method == "POST" else None, allow_redirects=False, timeout=60
        )
        assert hop.status_code == 303
        assert time.monotonic() - begun >= 150 * SCALE * 0.95
        url, method = hop.headers["Location"], "GET"
    refused = requests.post(url, json={}, allow_redirects=False, timeout=60)
    assert (refused.status_code, refused.text) == (400, "modal-http: bad redirect method\n")


def test_a_loop_of_redirects(trial: LocalWorkspace) -> None:
    with pytest.raises(requests.TooManyRedirects, match=r"^Exceeded 30 redirects\.$"):
        post(trial, "ryla-instantid", "/sdxl-instantid")


def test_no_answer_at_all(trial: LocalWorkspace) -> None:
    with pytest.raises(requests.ReadTimeout):
        requests.post(trial.urls["ryla-instantid"] + "/flux-pulid", json=SMALL, timeout=0.25)


def test_a_body_that_drips_does_not_wedge_the_edge_when_the_client_leaves(trial: LocalWorkspace) -> None:
    with requests.post(trial.urls["ryla-flux"] + "/flux", json=SMALL, timeout=60, stream=True) as answer:
        assert answer.status_code == 200
        assert answer.raw.read(8) == b"\x89PNG\r\n\x1a\n"
    assert seconds(post(trial, "ryla-flux", "/flux-dev-lora", lora_id="test-benchmark")) > 0


def test_a_connection_lost_in_the_middle_of_a_body(trial: LocalWorkspace) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        post(trial, "ryla-flux", "/flux-dev")


def test_an_answer_of_the_edges_own(trial: LocalWorkspace) -> None:
    answer = post(trial, "ryla-lora", "/flux-lora")
    assert answer.status_code == 429
    assert answer.text == "modal-http: spend limit reached\n"


def test_a_large_answer_goes_through_without_being_held(trial: LocalWorkspace) -> None:
    url = trial.urls["ryla-qwen-image"] + "/qwen-image-2512"
    with requests.post(url, json=SMALL, timeout=60, stream=True) as answer:
        assert answer.headers["content-length"] == "200000000"
        taken = sum(map(len, answer.iter_content(1 << 20)))
    assert taken == 200_000_000
    peak = Path(f"/proc/{trial.pid}/status").read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]
    assert int(peak) < 190_000  # kB, all that it has imported included


def test_a_client_that_leaves_a_large_answer_does_not_wedge_the_edge(trial: LocalWorkspace) -> None:
    url = trial.urls["ryla-qwen-image"] + "/qwen-image-2512"
    with requests.post(url, json=SMALL, timeout=60, stream=True) as answer:
        assert answer.raw.read(8) == b"\x89PNG\r\n\x1a\n"
    assert seconds(post(trial, "ryla-flux", "/flux-dev-lora", lora_id="test-benchmark")) > 0


def test_an_answer_can_be_the_requests_own_video(trial: LocalWorkspace) -> None:
    image, video = (uri(trial.resources[name]) for name in ("image", "video"))
    answer = post(trial, "ryla-qwen-image", "/video-faceswap", source_video=video, reference_image=image)
    assert seconds(answer) > 0
    assert answer.content == trial.resources["video"]


def test_an_animation_can_be_all_black(trial: LocalWorkspace) -> None:
    video = uri(trial.resources["video"])
    answer = post(trial, "ryla-wan26", "/wan2.6-r2v", reference_videos=[video], length=17)
    assert seconds(answer) > 0
    with Image.open(io.BytesIO(answer.content)) as opened:
        assert (opened.format, getattr(opened, "n_frames", 1), opened.size) == ("WEBP", 33, (64, 64))
        assert opened.convert("L").getextrema() == (0, 0)


def test_apps_can_be_dead(trial: LocalWorkspace) -> None:
    with pytest.raises(requests.ConnectionError, match="Connection refused"):
        requests.get(trial.urls["ryla-qwen-edit"] + "/health", timeout=60)
    with pytest.raises(requests.ReadTimeout):
        requests.get(trial.urls["ryla-seedvr2"] + "/health", timeout=150 * SCALE + 0.2)
    stopped = requests.get(trial.urls["ryla-z-image"] + "/health", timeout=60)
    assert (stopped.status_code, stopped.text) == (
        404,
        "modal-http: app for invoked web endpoint is stopped\n",
    )


def test_the_reference_workspace_has_neither_video_nor_lora(reference: LocalWorkspace) -> None:
    assert reference.resources["video"] is None
    assert not reference.lora
    image, mask = (codec.read_image(reference.resources[name] or b"", name) for name in ("image", "mask"))
    assert image.tobytes() != mask.tobytes()


def test_the_reference_workspace_knows_no_lora_and_drops_its_success_headers(
    reference: LocalWorkspace,
) -> None:
    answer = post(reference, "ryla-flux", "/flux")
    assert answer.content.startswith(b"\x89PNG")
    assert not [name for name in answer.headers if name.lower().startswith("x-")]
    missing = post(reference, "ryla-flux", "/flux-dev-lora", lora_id="test-benchmark")
    assert (missing.status_code, missing.json()) == (404, {"detail": "LoRA not found: test-benchmark"})


def test_the_reference_workspace_cuts_off_the_handshakes_of_qwen_edit(reference: LocalWorkspace) -> None:
    assert [app for app, url in reference.urls.items() if url.startswith("https://")] == ["ryla-qwen-edit"]
    with pytest.raises(requests.exceptions.SSLError, match="HTTPSConnectionPool"):
        post(reference, "ryla-qwen-edit", "/qwen-image-edit-2511")


def test_the_reference_workspace_loses_inputs_of_wan26(reference: LocalWorkspace) -> None:
    answer = post(reference, "ryla-wan26", "/wan2.6")
    assert (answer.status_code, answer.text) == (
        408,
        "Missing request, possibly due to expiry or cancellation\n",
    )
