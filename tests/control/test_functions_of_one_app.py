"""Several functions of one Modal app, each a pool of its own: asked about and ended one by one, by the real SDK."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.control.forcing import forced
from pytest_modal_bench.control.interface import Autoscaler, ControlError
from pytest_modal_bench.control.journal import Journal
from pytest_modal_bench.control.observer import Observer
from pytest_modal_bench.control.sdk import SdkControlPlane, connect
from pytest_modal_bench.model import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest.importorskip("modal")
api_pb2 = pytest.importorskip("modal_proto.api_pb2")
empty_pb2 = pytest.importorskip("google.protobuf.empty_pb2")
grpclib_const = pytest.importorskip("grpclib.const")
grpclib_server = pytest.importorskip("grpclib.server")


class Media:
    """The control plane of an app `media` with functions, whose containers and calls a test sets."""

    def __init__(self) -> None:
        self.functions = {"chat": "fu-1", "speech": "fu-2", "Draw.*": "fu-3"}
        self.servers: dict[str, str] = {}
        self.containers: dict[str, str] = {}
        """By id: the function whose it is."""
        self.calls: list[tuple[str, str, str | None]] = []
        """Function, container, and method of a class."""
        self.windows: dict[str, int] = {}
        self.stopped: list[str] = []
        self.url = ""

    def answers(self) -> dict[str, Callable[[Any], Any]]:
        environment = api_pb2.EnvironmentGetOrCreateResponse(
            environment_id="en-1", metadata=api_pb2.EnvironmentMetadata(name="main")
        )
        return {
            "ClientHello": lambda _: api_pb2.ClientHelloResponse(),
            "EnvironmentGetOrCreate": lambda _: environment,
            "AppList": self._apps,
            "FunctionGetById": self._function,
            "FunctionGetCurrentStats": self._stats,
            "FunctionGetSchedulingParams": self._settings,
            "FunctionUpdateSchedulingParams": self._change,
            "FunctionCallFetch": self._calls,
            "TaskList": self._tasks,
            "TaskGetInfo": lambda _: api_pb2.TaskGetInfoResponse(app_id="ap-1"),
            "ContainerStop": self._stop,
        }

    def _apps(self, _: Any) -> Any:
        item = api_pb2.AppListResponse.AppListItem(
            app_id="ap-1",
            name="media",
            state=api_pb2.APP_STATE_DEPLOYED,
            metadata=api_pb2.AppHandleMetadata(functions=self.functions, servers=self.servers),
        )
        return api_pb2.AppListResponse(apps=[item])

    def _function(self, request: Any) -> Any:
        metadata = api_pb2.FunctionHandleMetadata(
            function_name="web", web_url=f"https://{request.function_id}"
        )
        ranked = api_pb2.FunctionData.RankedFunction(rank=1, function=api_pb2.Function())
        data = api_pb2.FunctionData(ranked_functions=[ranked])
        if request.function_id == self.functions.get("Draw.*"):
            data.method_definitions_set = True
            web = api_pb2.WebhookConfig(type=api_pb2.WEBHOOK_TYPE_ASGI_APP)
            for method in ("one", "two"):
                data.method_definitions[method].CopyFrom(
                    api_pb2.MethodDefinition(webhook_config=web, web_url=f"https://{method}")
                )
        return api_pb2.FunctionGetByIdResponse(function=data, handle_metadata=metadata)

    def _stats(self, request: Any) -> Any:
        count = list(self.containers.values()).count(request.function_id)
        return api_pb2.FunctionStats(num_total_tasks=count)

    def _settings(self, request: Any) -> Any:
        window = self.windows.get(request.function_id, 300)
        return api_pb2.FunctionGetSchedulingParamsResponse(
            autoscaler_configuration=api_pb2.AutoscalerConfiguration(
                settings=api_pb2.AutoscalerSettings(scaledown_window=window)
            )
        )

    def _change(self, request: Any) -> Any:
        if request.settings.HasField("scaledown_window"):
            self.windows[request.function_id] = request.settings.scaledown_window
        return api_pb2.FunctionUpdateSchedulingParamsResponse()

    def _calls(self, request: Any) -> Any:
        return api_pb2.FunctionCallFetchResponse(
            function_call_inputs=[
                api_pb2.FunctionCallInputInfo(
                    function_call_id=f"fc-{number}", container_id=container, service_method_name=method
                )
                for number, (function, container, method) in enumerate(self.calls)
                if function == request.function_id
            ]
        )

    def _tasks(self, _: Any) -> Any:
        return api_pb2.TaskListResponse(tasks=[api_pb2.TaskStats(task_id=each) for each in self.containers])

    def _stop(self, request: Any) -> Any:
        self.stopped.append(request.task_id)
        self.containers.pop(request.task_id, None)
        return api_pb2.ContainerStopResponse()

    def __mapping__(self) -> dict[str, Any]:
        methods = api_pb2.DESCRIPTOR.services_by_name["ModalClient"].methods_by_name
        return {
            f"/modal.client.ModalClient/{name}": grpclib_const.Handler(
                self._serving(respond),
                grpclib_const.Cardinality.UNARY_UNARY,
                getattr(api_pb2, methods[name].input_type.name, empty_pb2.Empty),
                getattr(api_pb2, methods[name].output_type.name),
            )
            for name, respond in self.answers().items()
        }

    @staticmethod
    def _serving(respond: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def serve(stream: Any) -> None:
            await stream.send_message(respond(await stream.recv_message()))

        return serve

    async def serve(self, ready: Future[Callable[[], object]]) -> None:
        server = grpclib_server.Server([self])
        await server.start("127.0.0.1", 0)
        (listener,) = server._server.sockets  # noqa: SLF001 - grpclib does not tell its port
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        ready.set_result(lambda: loop.call_soon_threadsafe(ended.set))
        await ended.wait()
        server.close()
        await server.wait_closed()


@pytest.fixture
def media(monkeypatch: pytest.MonkeyPatch) -> Iterator[Media]:
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "MODAL_ENVIRONMENT", "MODAL_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    it = Media()
    ready: Future[Callable[[], object]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(it.serve(ready)))
    thread.start()
    end = ready.result(10)
    yield it
    end()
    thread.join()


@contextmanager
def plane(media: Media) -> Iterator[SdkControlPlane]:
    it = connect(environment="main", token_id="ak-1", token_secret="as-1", server_url=media.url)  # noqa: S106 - it opens nothing
    try:
        yield it
    finally:
        it.close()


def endpoint(function: str) -> Endpoint:
    return Endpoint(
        id="x",
        name="X",
        path="/x",
        app="mine",
        modal_app="media",
        url="",
        pool="",
        category="X",
        function=function,
    )


def test_a_container_is_a_functions_own_if_its_records_name_it(media: Media) -> None:
    media.containers = {"ta-1": "fu-1", "ta-2": "fu-2", "ta-3": "fu-1"}
    media.calls = [("fu-1", "ta-1", None), ("fu-1", "ta-0", None), ("fu-2", "ta-2", None)]
    with plane(media) as it:
        chat = it.function("media", "chat")
        assert chat.containers() == {"ta-1", "ta-2", "ta-3"}
        assert chat.own_containers() == {"ta-1"}, "ta-0 is gone, ta-3 has had no call, ta-2 is another's"
        assert it.function("media", "speech").own_containers() == {"ta-2"}


def test_all_are_its_own_where_the_app_has_no_other_function(media: Media) -> None:
    media.functions = {"chat": "fu-1"}
    media.containers = {"ta-1": "fu-1", "ta-3": "fu-1"}
    with plane(media) as it:
        assert it.function("media", "chat").own_containers() == {"ta-1", "ta-3"}


def test_a_server_beside_it_has_containers_too(media: Media) -> None:
    media.functions, media.servers = {"chat": "fu-1"}, {"Server": "sv-1"}
    media.containers = {"ta-1": "fu-1", "ta-9": "sv-1"}
    media.calls = [("fu-1", "ta-1", None)]
    with plane(media) as it:
        assert it.function("media", "chat").own_containers() == {"ta-1"}


def test_the_methods_of_a_class_share_their_containers(media: Media) -> None:
    media.containers = {"ta-1": "fu-3"}
    media.calls = [("fu-3", "ta-1", "one")]
    with plane(media) as it:
        two = it.function("media", "Draw.two")
        assert (two.web_url(), two.records(10)) == ("https://two", ())
        assert two.own_containers() == {"ta-1"}


def test_forcing_one_to_zero_leaves_the_others_their_containers(media: Media, tmp_path: Path) -> None:
    media.containers = {"ta-1": "fu-1", "ta-2": "fu-2", "ta-3": "fu-3"}
    media.calls = [("fu-1", "ta-1", None), ("fu-2", "ta-2", None), ("fu-3", "ta-3", "one")]
    with plane(media) as it:
        chat = it.function("media", "chat")
        with forced(it, chat, Journal(tmp_path), patience_sec=5, poll_sec=0.01) as forcing:
            forcing.zero()
            assert chat.count() == 0
    assert media.stopped == ["ta-1"]
    assert media.containers == {"ta-2": "fu-2", "ta-3": "fu-3"}
    assert set(media.windows) == {"fu-1"}, "nor are their settings changed"


def test_one_that_no_record_names_ends_by_itself_after_the_least_window(media: Media, tmp_path: Path) -> None:
    media.containers = {"ta-1": "fu-1", "ta-2": "fu-2"}
    with plane(media) as it:
        chat = it.function("media", "chat")
        with forced(it, chat, Journal(tmp_path), patience_sec=10, poll_sec=0.01) as forcing:
            idle = threading.Timer(0.2, media.containers.pop, ["ta-1"])
            idle.start()
            forcing.zero()
            idle.join()
    assert (media.stopped, media.containers) == ([], {"ta-2": "fu-2"})


def test_one_that_no_record_names_and_that_stays_is_told_as_such(media: Media, tmp_path: Path) -> None:
    media.containers = {"ta-1": "fu-1"}
    with (
        plane(media) as it,
        forced(
            it, it.function("media", "chat"), Journal(tmp_path), patience_sec=0.1, poll_sec=0.01
        ) as forcing,
        pytest.raises(
            ControlError,
            match=r"^1 container of media/chat left 0.1 s after the window was 2 s; none is known to be its own ",
        ),
    ):
        forcing.zero()
    assert media.stopped == []


def test_two_of_them_may_be_forced_at_once_but_not_one_twice(media: Media, tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    def force(it: SdkControlPlane, name: str) -> Any:
        return forced(it, it.function("media", name), journal, patience_sec=5, poll_sec=0.01)

    with plane(media) as it, force(it, "chat"), force(it, "speech"), force(it, "Draw.one"):
        with pytest.raises(ControlError, match="is forcing cold starts of media/chat;"), force(it, "chat"):
            pass
        with pytest.raises(ControlError, match="is forcing cold starts of media/Draw"), force(it, "Draw.two"):
            pass
        assert len(list(tmp_path.glob("*.json"))) == 3
    assert list(tmp_path.glob("*.json")) == []
    assert media.windows == {"fu-1": 300, "fu-2": 300, "fu-3": 300}


def test_another_functions_new_container_is_not_seen_as_the_pools_own(media: Media, tmp_path: Path) -> None:
    with plane(media) as it:
        observer = Observer(lambda: it, Journal(tmp_path), patience_sec=lambda seconds: seconds)
        chat = observer.of_pool(endpoint("chat"))
        before = chat.before()
        assert before is not None
        assert (before.counts, before.containers) == ((0, 0), frozenset())
        media.containers = {"ta-2": "fu-2"}
        media.calls = [("fu-2", "ta-2", None)]
        assert chat.after() == frozenset()
        media.containers["ta-1"] = "fu-1"
        media.calls.append(("fu-1", "ta-1", None))
        assert chat.after() == frozenset({"ta-1"})
        again = chat.before()
        assert again is not None
        assert again == ((1, 1), frozenset({"ta-1", "ta-2"}))


def test_settings_of_one_are_its_own(media: Media) -> None:
    with plane(media) as it:
        it.function("media", "chat").set_autoscaler(Autoscaler(scaledown_window=9))
        assert it.function("media", "chat").autoscaler().scaledown_window == 9
        assert it.function("media", "speech").autoscaler().scaledown_window == 300
