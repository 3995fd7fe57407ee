"""The edge, against a container that answers when the test lets it."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from pytest_modal_bench.local.containers.handle import ContainerDiedError
from pytest_modal_bench.local.containers.records import Record, Records
from pytest_modal_bench.local.edge import forwarding
from pytest_modal_bench.local.edge import server as edge_module
from pytest_modal_bench.local.edge.server import Edge
from pytest_modal_bench.local.events import EndedCall
from pytest_modal_bench.local.http import listen
from pytest_modal_bench.local.workspace import apps as workspace
from pytest_modal_bench.local.workspace import scenario as scenarios
from pytest_modal_bench.local.workspace.apps import App
from pytest_modal_bench.local.workspace.faults import (
    AnyFault,
    EdgeAnswer,
    HeldRedirects,
    InputLost,
    Large,
    RedirectLoop,
)
from pytest_modal_bench.local.workspace.scenario import AppFault, Resources, Scenario

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from pytest_modal_bench.local.containers.pool import Pool
    from pytest_modal_bench.local.events import LogEntry

PORT = 4321
BASE = f"http://127.0.0.1:{PORT}"
TEXT = "text/plain; charset=utf-8"


@dataclass
class Backend:
    """A pool with one container, which is a socket in this process."""

    name: str = "ryla-flux"
    log: list[LogEntry] = field(default_factory=list)
    app: App = field(default_factory=lambda: App(endpoints={}, enter=0))
    time_scale: float = 1.0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0
    error: Exception | None = None
    breaks: bool = False
    held: asyncio.Event | None = None
    """What a stream waits for before its head."""
    streams: bool = False
    """Whether it sends a piece, waits to be released again, and sends the next, without a length."""
    stopped: bool = False
    records: Records = field(default_factory=Records)
    id: str = "ta-01"
    taken: int = 0
    concurrent_inputs: int = 5
    refuses: str | None = None
    created_at: float = 10.0
    up_at: float = 12.5
    freed: list[float] = field(default_factory=list)
    """When each call's place in the container became free."""

    def record(self) -> Record:
        (record,) = self.records.visible()
        return record

    def refusal(self) -> str | None:
        return self.refuses

    @asynccontextmanager
    async def container(self) -> AsyncGenerator[Backend]:
        if self.error:
            raise self.error
        try:
            yield self
        finally:
            self.freed.append(time.monotonic())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.splitlines()
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        self.bodies.append(await reader.readexactly(length))
        if self.streams:
            if self.held is not None:
                await self.held.wait()
            await self._stream(writer)
            return
        await self.release.wait()
        if not self.breaks:
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\nx-cost-usd: 0.001\r\nx-gpu-type: L40S\r\n"
                b"x-modal-bench-request: 1\r\nserver-timing: handler;dur=1\r\n"
                b"x-note: caf\xe9\r\ncontent-length: 4\r\nconnection: close\r\n\r\ndone",
            )
        writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nx-gpu-type: L40S\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n6\r\ndata: \r\n"
        )
        await self.release.wait()
        if not self.breaks:
            writer.write(b"6\r\n[DONE]\r\n0\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        self.gone.set()


def play(  # noqa: PLR0913 - what a scene may want otherwise
    scene: Callable[[httpx.AsyncClient, Backend], Awaitable[Any]],
    *,
    hold: float = 5.0,
    faults: dict[str, AnyFault] | None = None,
    success_headers: bool | list[str] = True,
    app: AppFault | None = None,
    scenario: Scenario | None = None,
) -> Any:
    """Play a scene with a client and a container that answers at once, unless the scene says otherwise."""
    chosen = scenario or Scenario(
        summary="trial",
        resources=Resources(image=True, video=True, mask=True, lora=True),
        success_headers=success_headers,
        faults=faults or {},
        apps={"ryla-flux": app} if app else {},
    )

    async def run() -> Any:
        backend = Backend()
        backend.release.set()
        listener = listen()
        backend.port = listener.getsockname()[1]
        made = Edge({PORT: cast("Pool", backend)}, chosen, hold / edge_module.HOLD_SEC, backend.log.append)
        transport = httpx.ASGITransport(app=made)
        async with (
            await asyncio.start_server(backend.serve, sock=listener),
            httpx.AsyncClient(transport=transport, base_url=BASE) as client,
            asyncio.timeout(20),
        ):
            result = await scene(client, backend)
        made.close()
        return result

    return asyncio.run(run())


def test_a_request_reaches_the_container_and_its_answer_the_client() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        answer = await client.post("/flux?a=1%20b", json={"seed": 1}, headers={"X-Mine": "yes"})
        (head,) = backend.heads
        assert head.startswith(b"POST /flux?a=1%20b HTTP/1.1\r\n")
        assert b"x-mine: yes" in head.lower()
        assert json.loads(backend.bodies[0]) == {"seed": 1}
        return answer

    answer = play(scene)
    assert (answer.status_code, answer.content) == (200, b"done")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-cost-usd"] == "0.001"
    assert answer.headers["x-modal-bench-request"] == "1"
    assert answer.headers["content-length"] == "4"
    assert answer.headers["modal-function-call-id"].startswith("fc-01")
    assert "connection" not in answer.headers


def test_the_host_that_a_client_called_reaches_the_app() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        await client.post("/flux", json={})
        assert f"host: 127.0.0.1:{PORT}\r\n".encode() in backend.heads[0].lower()

    play(scene)


def test_an_answer_without_a_length_is_passed_on_and_kept_no_record_of_until_its_end() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        backend.streams = True
        backend.release.clear()
        asking = asyncio.create_task(client.post("/flux", json={}))
        while not backend.heads:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        assert backend.record().status == "running"
        assert backend.log == []
        backend.release.set()
        return await asking

    answer = play(scene)
    assert answer.content == b"data: [DONE]"
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["modal-function-call-id"].startswith("fc-01")
    assert "content-length" not in answer.headers


def test_headers_of_a_stream_can_get_lost_too_and_its_call_is_logged_at_its_end() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        backend.streams = True
        answer = await client.post("/flux", json={})
        assert "x-gpu-type" not in answer.headers
        (entry,) = backend.log
        assert isinstance(entry, EndedCall)
        assert (entry.path, entry.status) == ("/flux", 200)
        assert backend.record().status == "success"

    play(scene, success_headers=False)


def test_a_stream_that_breaks_off_is_no_success() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        backend.streams = backend.breaks = True
        with pytest.raises(AssertionError):  # httpx's transport insists on the end of an answer
            await client.post("/flux", json={})
        while backend.record().status == "running":  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
        assert backend.record().status == "terminated"

    play(scene)


def test_a_stream_may_begin_after_a_redirect() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> list[bytes]:
        backend.streams = True
        backend.release.clear()
        backend.held = asyncio.Event()
        hop = await client.post("/flux", json={})
        assert hop.status_code == 303
        backend.held.set()
        backend.release.set()
        return [(await client.get(hop.headers["location"])).content for _ in range(2)]

    assert play(scene, hold=0.05) == [b"data: [DONE]"] * 2


def test_what_happens_on_the_way_to_the_client_happens_to_streams_too() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> bytes:
        backend.streams = True
        return (await client.post("/flux", json={})).content

    assert play(scene, faults={"/flux": Large(3)}) == b"dat"


def test_a_fault_may_be_of_one_apps_path_alone() -> None:
    def status(key: str) -> int:
        answer: httpx.Response = play(
            lambda client, _: client.post("/flux", json={}), faults={key: InputLost()}
        )
        return answer.status_code

    assert (status("/flux"), status("ryla-flux:/flux"), status("ryla-lora:/flux")) == (408, 408, 200)


def test_success_headers_can_get_lost_on_the_way() -> None:
    answer = play(lambda client, _: client.post("/flux", json={}), success_headers=False)
    assert answer.status_code == 200
    lost = {"x-cost-usd", "x-gpu-type", "x-modal-bench-request", "server-timing"}
    assert not lost & set(answer.headers)
    assert "x-note" in answer.headers


def test_some_success_headers_can_survive_alone() -> None:
    answer = play(lambda client, _: client.post("/flux", json={}), success_headers=["X-Cost-USD"])
    assert answer.headers["x-cost-usd"] == "0.001"
    lost = {"x-gpu-type", "x-modal-bench-request", "server-timing"}
    assert not lost & set(answer.headers)
    assert "x-note" in answer.headers


def test_proxy_credentials_are_taken_and_kept_from_the_app() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> int:
        answer = await client.post("/flux", headers={"Modal-Key": "wk-1", "Modal-Secret": "ws-2"})
        assert b"wk-1" not in backend.heads[0]
        assert b"ws-2" not in backend.heads[0]
        return answer.status_code

    assert play(scene) == 200


@pytest.mark.parametrize("name", ["Modal-Session", "modal-function-call-id", "MODAL-X"])
def test_other_modal_headers_are_refused(name: str) -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        answer = await client.post("/flux", headers={name: "x"})
        assert backend.heads == []
        return answer

    answer = play(scene)
    assert (answer.status_code, answer.headers["content-type"]) == (400, TEXT)


def test_a_long_call_is_redirected_to_its_answer_again_and_again_and_runs_once() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        backend.release.clear()
        hop = await client.post("/flux?a=1", json={})
        call = hop.headers["modal-function-call-id"]
        for _ in range(3):
            assert hop.status_code == 303
            assert hop.headers["location"].startswith(f"{BASE}/flux?__modal_attempt_token=")
            assert hop.headers["modal-function-call-id"] == call
            hop = await client.get(hop.headers["location"])
        backend.release.set()
        done = await client.get(hop.headers["location"])
        again = await client.get(hop.headers["location"])
        older = await client.get(f"/flux?__modal_function_call_id={call}")
        assert [answer.content for answer in (done, again, older)] == [b"done"] * 3
        assert done.headers["modal-function-call-id"] == call
        assert len(backend.heads) == 1

    play(scene, hold=0.03)


def test_a_result_url_must_be_fetched_with_get() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        backend.release.clear()
        hop = await client.post("/flux", json={})
        answer = await client.post(hop.headers["location"], json={})
        while not backend.heads:  # noqa: ASYNC110 - on a busy machine the first call may not have arrived yet
            await asyncio.sleep(0.01)
        assert len(backend.heads) == 1
        backend.release.set()
        return answer

    answer = play(scene, hold=0.03)
    assert (answer.status_code, answer.text) == (400, "modal-http: bad redirect method\n")
    assert answer.headers["content-type"] == TEXT


@pytest.mark.parametrize("query", ["__modal_attempt_token=gone", "__modal_function_call_id=fc-01GONE"])
def test_an_unknown_result_url_is_408_and_starts_nothing(query: str) -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        answer = await client.get(f"/flux?{query}")
        assert backend.heads == []
        return answer

    answer = play(scene)
    assert answer.status_code == 408
    assert answer.text == "Missing request, possibly due to expiry or cancellation\n"


def test_a_call_goes_on_when_its_client_leaves_and_the_next_client_is_served() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        backend.release.clear()
        leaving = asyncio.create_task(client.post("/flux", json={}))
        while not backend.heads:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.002)
        leaving.cancel()
        await asyncio.wait({leaving})
        backend.release.set()
        return await client.post("/flux", json={})

    assert play(scene).content == b"done"


def test_a_loop_redirects_to_itself_at_once() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        with pytest.raises(httpx.TooManyRedirects):
            await client.post("/flux", json={}, follow_redirects=True)
        assert backend.heads == []

    play(scene, faults={"/flux": RedirectLoop()})


def test_held_redirects_hold_every_hop_and_never_end() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        loop = asyncio.get_running_loop()
        hop = await client.post("/flux", json={})
        for _ in range(4):
            assert hop.status_code == 303
            begun = loop.time()
            hop = await client.get(hop.headers["location"])
            assert loop.time() - begun >= 0.02
        assert backend.heads == []

    play(scene, hold=0.02, faults={"/flux": HeldRedirects()})


def test_an_input_can_be_lost() -> None:
    answer = play(lambda client, _: client.post("/flux", json={}), faults={"/flux": InputLost()})
    assert (answer.status_code, answer.text) == (
        408,
        "Missing request, possibly due to expiry or cancellation\n",
    )


def test_the_edge_can_answer_anything_by_itself_on_one_path_alone() -> None:
    async def scene(client: httpx.AsyncClient, _backend: Backend) -> None:
        answer = await client.post("/flux", json={})
        assert (answer.status_code, answer.text) == (401, "modal-http: missing credentials\n")
        assert (await client.post("/flux-dev", json={})).status_code == 200

    play(scene, faults={"/flux": EdgeAnswer(status=401, body="modal-http: missing credentials")})


EDGE_ANSWERS = [
    (400, "modal-http: bad redirect method"),
    (401, "modal-http: invalid credentials "),
    (401, "modal-http: missing credentials for proxy authorization"),
    (404, "modal-http: app for invoked web endpoint is stopped"),
    (404, "modal-http: invalid function call"),
    (404, "modal-http: workspace ac-"),
    (408, "Missing request, possibly due to expiry or cancellation"),
    (429, "modal-http: Function "),
    (429, "modal-http: Webhook failed: workspace billing cycle spend limit reached"),
    (500, "modal-http: internal error: function execution timed out"),
    (500, "modal-http: internal error: function was terminated by signal"),
    (500, "modal-http: internal error: status Failure: "),
    (500, "modal-http: internal error: status InternalFailure: "),
    (503, ""),
]


def test_a_scenario_has_every_answer_that_modals_edge_is_known_to_give() -> None:
    chosen = scenarios.read("edge-answers", workspace.read())

    async def scene(client: httpx.AsyncClient, backend: Backend) -> list[httpx.Response]:
        answers = [await client.post(path, json={}) for path in chosen.faults]
        assert backend.heads == []
        assert (await client.post("/z-image-lora", json={})).status_code == 200
        return answers

    answers = sorted(play(scene, scenario=chosen), key=lambda answer: (answer.status_code, answer.text))
    for answer, (status, start) in zip(answers, EDGE_ANSWERS, strict=True):
        assert answer.status_code == status
        assert answer.text.startswith(start)
        assert answer.text.endswith("\n")
        assert answer.headers["content-type"] == TEXT


def test_the_edge_can_answer_for_a_whole_app() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        for path in ("/flux", "/health", "/openapi.json"):
            answer = await client.get(path)
            assert (answer.status_code, answer.text) == (404, "modal-http: invalid function call\n")
        assert backend.heads == []
        assert backend.log == []

    play(scene, app=AppFault(edge=EdgeAnswer(404, "modal-http: invalid function call")))


def test_a_whole_app_can_hang_without_redirects() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        calls = [asyncio.create_task(client.get(path)) for path in ("/flux", "/health")]
        await asyncio.sleep(0.1)
        assert not any(call.done() for call in calls)
        assert backend.heads == []
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)

    play(scene, hold=0.01, app=AppFault(hang=True))


def test_an_answer_can_be_large() -> None:
    async def scene(client: httpx.AsyncClient, _backend: Backend) -> None:
        answer = await client.post("/flux", json={})
        assert answer.headers["content-length"] == "1000"
        assert answer.content == b"done" + bytes(996)

    play(scene, faults={"/flux": Large(1000)})


def test_a_call_is_logged_with_what_its_app_states_though_the_client_is_not_told() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        answer = await client.post("/flux?a=1", json={})
        assert "x-cost-usd" not in answer.headers
        (call,) = backend.log
        assert isinstance(call, EndedCall)
        assert (call.app, call.container, call.path) == ("ryla-flux", "ta-01", "/flux")
        assert call.call == answer.headers["modal-function-call-id"]
        assert (call.status, call.gpu_seconds, call.cost_usd) == (200, None, 0.001)

    play(scene, success_headers=False)


def test_a_call_is_logged_with_when_it_came_was_taken_and_ended() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        before = time.monotonic()
        backend.release.clear()
        calls = [asyncio.create_task(client.post("/flux", json={})) for _ in range(2)]
        while len(backend.heads) < 2:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        backend.release.set()
        await asyncio.gather(*calls)
        logged = [entry for entry in backend.log if isinstance(entry, EndedCall)]
        assert sorted(call.number or 0 for call in logged) == [1, 2]
        for call in logged:
            assert call.began is not None
            assert before <= call.received <= call.began <= call.ended - 0.03
            assert call.ended <= time.monotonic()
            assert call.startup_sec is None, "the container was up before"

    play(scene)


def test_a_call_has_ended_before_its_container_is_free_for_whatever_comes_next() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        await client.post("/flux", json={})
        (logged,) = [entry for entry in backend.log if isinstance(entry, EndedCall)]
        assert logged.ended <= backend.freed[0], "its container is idle from here on, and may be stopped"

    play(scene)


def test_a_call_that_no_container_took_is_logged_too() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        backend.error = ContainerDiedError("ta-1")
        await client.post("/flux", json={})
        (call,) = backend.log
        assert isinstance(call, EndedCall)
        assert (call.container, call.status, call.cost_usd) == (None, 500, None)
        assert (call.began, call.number, call.what) == (None, None, "answered")

    play(scene)


def test_a_call_that_is_not_accepted_is_answered_by_the_edge_in_modals_words_and_logged() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        backend.refuses = "Function fu-1 reached pending input queue limit (2000)"
        answer = await client.post("/flux", json={})
        assert (answer.status_code, answer.headers["content-type"]) == (429, TEXT)
        assert answer.text == "modal-http: Function fu-1 reached pending input queue limit (2000)\n"
        assert "modal-function-call-id" not in answer.headers
        assert backend.records.visible() == []
        (call,) = backend.log
        assert isinstance(call, EndedCall)
        assert (call.what, call.status, call.container, call.call) == ("refused", 429, None, None)

    play(scene)


def test_a_call_that_is_given_up_is_logged_without_an_answer() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        backend.release.clear()
        asking = asyncio.create_task(client.post("/flux", json={}))
        while not backend.heads:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
        (work,) = (task for task in asyncio.all_tasks() if "Edge._run" in repr(task.get_coro()))
        work.cancel()
        await asyncio.wait({asking})
        backend.release.set()
        await asyncio.sleep(0.01)  # so that the container can close its end
        (call,) = backend.log
        assert isinstance(call, EndedCall)
        assert (call.what, call.status, call.container) == ("cancelled", None, "ta-01")

    play(scene)


def test_a_container_that_dies_under_a_request() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        backend.breaks = True
        backend.gone.set()
        return await client.post("/flux", json={})

    answer = play(scene)
    assert answer.status_code == 500
    assert answer.text == "modal-http: internal error: function was terminated by signal\n"


def test_an_input_whose_container_is_stopped_on_purpose_runs_again() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        backend.breaks = backend.stopped = True
        backend.gone.set()
        backend.release.clear()
        calling = asyncio.create_task(client.post("/flux", json={"seed": 1}))
        while not backend.heads:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.002)
        assert backend.record().status == "running"
        backend.release.set()
        while len(backend.heads) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        backend.breaks = False
        answer = await calling
        assert set(backend.bodies) == {b'{"seed":1}'}
        assert backend.record().status == "success"
        return answer

    assert play(scene).content == b"done"


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        ({}, "success"),
        ({"breaks": True}, "terminated"),
        ({"error": ContainerDiedError("ta-1")}, "init_failure"),
        ({"error": BrokenPipeError()}, "internal_failure"),
        ({"app": App(endpoints={}, enter=0, timeout=0)}, "timeout"),
    ],
)
def test_a_call_leaves_a_record(broken: dict[str, Any], status: str) -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        for name, value in broken.items():
            setattr(backend, name, value)
        backend.gone.set()
        answer = await client.post("/flux", json={})
        assert backend.record().call_id == answer.headers["modal-function-call-id"]
        assert backend.record().status == status
        assert backend.record().ended_at is not None

    play(scene)


def test_what_never_reaches_a_container_leaves_no_record() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        await client.post("/flux", json={})
        await client.get("/wan2?__modal_attempt_token=gone")
        await client.get("/wan2", headers={"Modal-X": "1"})
        assert backend.records.visible() == []

    play(scene, faults={"/flux": InputLost()})


def test_a_container_that_breaks_off_but_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "CONTAINER_END_TIMEOUT_SEC", 0.01)

    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        backend.breaks = True
        return await client.post("/flux", json={})

    assert play(scene).text.startswith("modal-http: internal error: status InternalFailure: ")


@pytest.mark.parametrize(
    ("error", "says"),
    [(ContainerDiedError("ta-1"), "terminated by signal"), (BrokenPipeError(), "InternalFailure")],
)
def test_a_container_that_does_not_come_up(error: Exception, says: str) -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        backend.error = error
        return await client.post("/flux", json={})

    answer = play(scene)
    assert answer.status_code == 500
    assert says in answer.text


def test_a_call_over_the_functions_timeout() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> httpx.Response:
        backend.app = App(endpoints={}, enter=0, timeout=0.02)
        backend.release.clear()
        answer = await client.post("/flux", json={})
        backend.release.set()
        return answer

    answer = play(scene)
    assert (answer.status_code, answer.text) == (
        500,
        "modal-http: internal error: function execution timed out\n",
    )


def test_a_body_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_module, "MAX_BODY", 10)

    async def scene(client: httpx.AsyncClient, backend: Backend) -> int:
        answer = await client.post("/flux", content=b"x" * 11)
        assert backend.heads == []
        return answer.status_code

    assert play(scene) == 413


@pytest.mark.parametrize("path", ["//elsewhere.example/x", "/%00", "/a%2Fb", "/%C3%A9?b=%FF", "/?__modal=1"])
def test_odd_targets_reach_the_container_as_they_are(path: str) -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        request = client.build_request("GET", httpx.URL(BASE).copy_with(raw_path=path.encode()))
        assert (await client.send(request)).status_code == 200
        assert backend.heads[0].split(b" ")[1] == request.url.raw_path

    play(scene)


def test_header_values_that_are_not_ascii_pass() -> None:
    async def scene(client: httpx.AsyncClient, backend: Backend) -> None:
        answer = await client.get("/health", headers=[(b"X-Mine", b"caf\xe9")])
        assert answer.headers.raw
        assert b"caf\xe9" in backend.heads[0]
        assert (b"x-note", b"caf\xe9") in answer.headers.raw

    play(scene)


@pytest.mark.parametrize("host", ["elsewhere.example", "[", "a/b?c", ""])
def test_a_clients_host_header_leads_nowhere_else(host: str) -> None:
    async def scene(client: httpx.AsyncClient, _backend: Backend) -> None:
        looped = await client.post("/flux?a=1", headers={"Host": host})
        assert looped.headers["location"] == f"{BASE}/flux?a=1"
        held = await client.post("/wan2", headers={"Host": host})
        assert held.headers["location"].startswith(f"{BASE}/wan2?__modal_attempt_token=")
        assert (await client.post("/z", headers={"Host": host})).status_code == 200

    play(scene, hold=0.2, faults={"/flux": RedirectLoop(), "/wan2": HeldRedirects()})
