"""The control plane, as the real `modal` SDK sees it: real containers behind it, at a four-hundredth of time."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from pytest_modal_bench.local.launch import LocalWorkspace, launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prepared_programs")

modal = pytest.importorskip("modal")
api_pb2 = pytest.importorskip("modal_proto.api_pb2")
blocking = pytest.importorskip("modal._utils.async_utils").synchronizer.create_blocking

SCALE = 0.0025
"""The default window of 300 s takes 0.75 s; the shortest, 2 s, takes 5 ms."""
HEAD = """
summary = "trial"
[resources]
image = true
video = true
mask = true
lora = true
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    log = tmp_path_factory.mktemp("log") / "events"
    with launch("instrumented", SCALE, environment="staging", control=True, log=log) as workspace:
        yield workspace


@pytest.fixture
def client(space: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with connected(space, monkeypatch) as made:
        yield made


def connected(workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch, secret: str | None = None) -> Any:
    assert workspace.control is not None
    monkeypatch.setenv("MODAL_SERVER_URL", workspace.control.url)
    monkeypatch.delenv("MODAL_ENVIRONMENT", raising=False)
    return modal.Client.from_credentials(workspace.control.token_id, secret or workspace.control.token_secret)


def function(client: Any, app: str) -> Any:
    return modal.Cls.from_name(app, "ComfyUI", client=client)().fastapi_app


def ask(client: Any, rpc: str, request: Any) -> Any:
    """Make a call that the SDK has no public method for, as the CLI does."""

    async def call(client: Any) -> Any:
        return await getattr(client._stub, rpc)(request)  # noqa: SLF001

    return blocking(call)(client)


def tasks(client: Any, app: str | None = None) -> list[Any]:
    app_id = modal.App.lookup(app, client=client).app_id if app else ""
    return list(ask(client, "TaskList", api_pb2.TaskListRequest(app_id=app_id)).tasks)


def calls(client: Any, app: str, count: int = 1000) -> list[Any]:
    function_id = modal.App.lookup(app, client=client).info().functions["ComfyUI.*"]
    tail = api_pb2.FunctionCallFetchRequest.Tail(count=count)
    request = api_pb2.FunctionCallFetchRequest(function_id=function_id, tail=tail)
    return list(ask(client, "FunctionCallFetch", request).function_call_inputs)


def get(workspace: LocalWorkspace, app: str) -> requests.Response:
    return requests.get(f"{workspace.urls[app]}/health", timeout=60)


def post(workspace: LocalWorkspace, app: str, path: str, seed: int = 1) -> requests.Response:
    body = {"prompt": "a lake", "width": 64, "height": 64, "seed": seed}
    return requests.post(workspace.urls[app] + path, json=body, timeout=20)


def fork_server(workspace: LocalWorkspace) -> psutil.Process:
    (process,) = psutil.Process(workspace.pid).children()
    return process


def started(workspace: LocalWorkspace, app: str) -> psutil.Process:
    """Have the first container of an app started; its process."""
    before = {each.pid for each in fork_server(workspace).children()}
    assert get(workspace, app).status_code == 200
    (process,) = [each for each in fork_server(workspace).children() if each.pid not in before]
    return process


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """Hold a process, so that what goes on in it can be looked at."""
    process.suspend()
    try:
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            process.resume()


def until(condition: Callable[[], bool], deadline: float = 60) -> None:
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_one_environment_exists_and_holds_all_apps(client: Any, space: LocalWorkspace) -> None:
    assert space.environment == "staging"
    assert modal.Environment.from_name("staging", client=client).hydrate().name == "staging"
    found = modal.Environment.from_context(client=client)
    assert [app.name for app in found.apps.list()] == list(space.urls)
    assert found.name == "staging"
    with pytest.raises(modal.exception.NotFoundError, match="Environment 'main' not found"):
        modal.Environment.from_name("main", client=client).hydrate()
    with pytest.raises(modal.exception.NotFoundError, match="Environment 'main' not found"):
        modal.App.lookup("ryla-flux", environment_name="main", client=client)


def test_the_workspace_has_a_name_and_prices(client: Any) -> None:
    workspace = modal.Workspace.from_context(client=client).hydrate()
    assert workspace.name == "ryla"
    rates = workspace.billing.rates()
    assert float(rates["gpu_hour_cost_l40s"]) == pytest.approx(3600 * 0.000542)
    assert "USD per hour" in str(rates)


def test_every_app_is_a_class_with_one_web_method(client: Any, space: LocalWorkspace) -> None:
    for app, url in space.urls.items():
        assert function(client, app).get_web_url() == url
        (name, function_id), *others = modal.App.lookup(app, client=client).info().functions.items()
        assert (name, others) == ("ComfyUI.*", [])
        info = modal.Function.from_id(function_id, client=client).info()
        assert info.method_details["fastapi_app"].web_url == url
        assert (info.gpus, info.timeout, info.concurrency_info.max_inputs) == ([("L40S", 1)], 1800, 5)


def test_a_method_can_be_looked_up_by_its_own_name(client: Any, space: LocalWorkspace) -> None:
    request = api_pb2.FunctionGetRequest(app_name="ryla-flux", object_tag="ComfyUI.fastapi_app")
    assert ask(client, "FunctionGet", request).handle_metadata.web_url == space.urls["ryla-flux"]


def test_what_does_not_exist_is_not_found(client: Any) -> None:
    with pytest.raises(modal.exception.NotFoundError, match=r"is a modal\.Cls"):
        modal.Function.from_name("ryla-flux", "ComfyUI", client=client).hydrate()
    with pytest.raises(modal.exception.NotFoundError, match="Function 'gone'"):
        modal.Function.from_name("ryla-flux", "gone", client=client).hydrate()
    with pytest.raises(modal.exception.NotFoundError, match="Class 'Gone'"):
        modal.Cls.from_name("ryla-flux", "Gone", client=client)().fastapi_app.get_web_url()
    with pytest.raises(modal.exception.NotFoundError, match="App 'gone'"):
        modal.App.lookup("gone", client=client)
    with pytest.raises(modal.exception.NotFoundError, match="Function 'fu-gone'"):
        modal.Function.from_id("fu-gone", client=client).hydrate()
    with pytest.raises(modal.exception.NotFoundError, match="Container 'ta-gone'"):
        ask(client, "TaskGetInfo", api_pb2.TaskGetInfoRequest(task_id="ta-gone"))


def test_other_calls_are_unimplemented(client: Any) -> None:
    with pytest.raises(modal.exception.UnimplementedError):
        ask(client, "AppStop", api_pb2.AppStopRequest(app_id="ap-1"))


def test_a_container_is_counted_and_listed_from_its_start_on(client: Any, space: LocalWorkspace) -> None:
    app = function(client, "ryla-seedvr2")
    assert app.get_current_stats().num_total_runners == 0
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(get, space, "ryla-seedvr2")
        until(lambda: app.get_current_stats().num_total_runners == 1)
        assert answer.result().status_code == 200
    stats = app.get_current_stats()
    assert (stats.backlog, stats.num_running_inputs, stats.input_headroom) == (0, 0, 5)
    (task,) = tasks(client, "ryla-seedvr2")
    assert task.app_description == "ryla-seedvr2"
    assert task.task_id == answer.result().headers["X-Modal-Bench-Container"]
    assert 0 < task.enqueued_at < task.started_at < time.time()
    assert task.task_id in {each.task_id for each in tasks(client)}


def test_a_container_that_boots_has_not_started_yet(client: Any, space: LocalWorkspace) -> None:
    app = function(client, "ryla-instantid")
    with frozen(fork_server(space)):
        app.autoscaler.update(min_containers=1)
        (task,) = tasks(client, "ryla-instantid")
        assert task.started_at == 0
        assert app.get_current_stats().num_total_runners == 1
    until(lambda: tasks(client, "ryla-instantid")[0].started_at > 0)
    app.autoscaler.update(min_containers=0)


def test_autoscaler_settings_change_one_by_one_and_hold_at_once(client: Any, space: LocalWorkspace) -> None:
    app = function(client, "ryla-lora")
    deployed = app.autoscaler.settings()
    assert (deployed.min_containers, deployed.max_containers) == (0, 3)
    assert (deployed.buffer_containers, deployed.scaledown_window) == (0, 300)
    assert get(space, "ryla-lora").status_code == 200
    assert app.get_current_stats().num_total_runners == 1
    changed = app.autoscaler.update(min_containers=2, scaledown_window=2)
    assert (changed.min_containers, changed.max_containers, changed.scaledown_window) == (2, 3, 2)
    assert app.get_current_stats().num_total_runners == 2
    app.autoscaler.update(min_containers=0)
    until(lambda: app.get_current_stats().num_total_runners == 0)
    assert app.autoscaler.update(max_containers=None).max_containers is None
    restored = app.autoscaler.update(max_containers=3, scaledown_window=300)
    assert restored == app.autoscaler.settings() == deployed


def test_autoscaler_settings_that_make_no_sense_are_refused(client: Any) -> None:
    app = function(client, "ryla-lora")
    with pytest.raises(modal.exception.InvalidError, match="cannot be greater than `max_containers`"):
        app.autoscaler.update(min_containers=4)
    function_id = modal.App.lookup("ryla-lora", client=client).info().functions["ComfyUI.*"]
    request = api_pb2.FunctionUpdateSchedulingParamsRequest(
        function_id=function_id, settings=api_pb2.AutoscalerSettings(scaledown_window=1)
    )
    with pytest.raises(modal.exception.InvalidError, match="between 2 and 3600"):
        ask(client, "FunctionUpdateSchedulingParams", request)
    assert app.autoscaler.settings().scaledown_window == 300


def test_the_settings_tell_what_overrides_those_that_were_deployed(client: Any) -> None:
    app = function(client, "ryla-flux")
    app.autoscaler.update(scaledown_window=400)
    function_id = modal.App.lookup("ryla-flux", client=client).info().functions["ComfyUI.*"]
    request = api_pb2.FunctionGetSchedulingParamsRequest(function_id=function_id)
    config = ask(client, "FunctionGetSchedulingParams", request).autoscaler_configuration
    app.autoscaler.update(scaledown_window=300)
    assert config.static_settings.scaledown_window == 300
    assert config.override_settings == api_pb2.AutoscalerSettings(scaledown_window=400)


def test_a_stopped_container_is_killed_and_its_input_runs_again(client: Any, space: LocalWorkspace) -> None:
    process = started(space, "ryla-wan26")
    app = function(client, "ryla-wan26")
    with ThreadPoolExecutor(1) as threads:
        with frozen(process):
            answering = threads.submit(post, space, "ryla-wan26", "/wan2")
            until(lambda: app.get_current_stats().num_running_inputs == 1)
            (task,) = tasks(client, "ryla-wan26")
            ask(client, "ContainerStop", api_pb2.ContainerStopRequest(task_id=task.task_id))
            process.wait(60)
        answer = answering.result()
    assert answer.status_code == 200
    assert answer.headers["X-Modal-Bench-Container"] != task.task_id
    info = ask(client, "TaskGetInfo", api_pb2.TaskGetInfoRequest(task_id=task.task_id)).info
    assert info.finished_at >= info.started_at > 0
    call, _ = calls(client, "ryla-wan26")
    assert call.container_id == answer.headers["X-Modal-Bench-Container"]
    ask(client, "ContainerStop", api_pb2.ContainerStopRequest(task_id=task.task_id))


def test_a_container_can_be_stopped_gracefully(client: Any, space: LocalWorkspace) -> None:
    process = started(space, "ryla-qwen-image")
    app = function(client, "ryla-qwen-image")
    with ThreadPoolExecutor(1) as threads:
        with frozen(process):
            answering = threads.submit(post, space, "ryla-qwen-image", "/qwen-image-2512")
            until(lambda: app.get_current_stats().num_running_inputs == 1)
            (task,) = tasks(client, "ryla-qwen-image")
            ask(client, "ContainerStop", api_pb2.ContainerStopRequest(task_id=task.task_id, graceful=True))
            assert app.get_current_stats().num_total_runners == 1
        assert answering.result().headers["X-Modal-Bench-Container"] == task.task_id
    process.wait(60)
    assert tasks(client, "ryla-qwen-image") == []


def test_every_call_has_a_record_under_the_id_in_its_answer(client: Any, space: LocalWorkspace) -> None:
    cold, warm = (post(space, "ryla-z-image", "/z-image-simple", seed) for seed in (1, 2))
    newest, oldest = calls(client, "ryla-z-image")
    assert [newest.function_call_id, oldest.function_call_id] == [
        answer.headers["modal-function-call-id"] for answer in (warm, cold)
    ]
    assert newest.container_id == oldest.container_id == cold.headers["X-Modal-Bench-Container"]
    assert newest.status == oldest.status == api_pb2.FUNCTION_CALL_INPUT_STATUS_SUCCESS
    assert not newest.HasField("startup_time_seconds")
    assert oldest.startup_time_seconds >= 4.2 * SCALE
    assert oldest.execution_time_seconds > newest.execution_time_seconds > 2.2 * SCALE * 0.9
    queued = oldest.started_at.ToNanoseconds() - oldest.enqueued_at.ToNanoseconds()
    assert queued / 1e9 == pytest.approx(oldest.startup_time_seconds, abs=0.2)
    assert calls(client, "ryla-z-image", count=1) == [newest]


def test_what_happens_to_containers_and_calls_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "events"
    with launch("healthy", SCALE, log=log) as workspace:
        assert workspace.control is None
        started(workspace, "ryla-flux").kill()
        until(lambda: len(log.read_text().splitlines()) == 4)
        answer = get(workspace, "ryla-lora")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(event["app"], event["what"]) for event in events] == [
        ("ryla-flux", "started"),
        ("ryla-flux", "up"),
        ("ryla-flux", "answered"),
        ("ryla-flux", "died"),
        ("ryla-lora", "started"),
        ("ryla-lora", "up"),
        ("ryla-lora", "answered"),
        ("ryla-lora", "stopped"),
    ]
    assert len({event["container"] for event in events[:4]}) == 1
    assert events[0]["at"] == pytest.approx(time.time(), abs=60)
    assert events[6]["call"] == answer.headers["modal-function-call-id"]
    assert (events[6]["path"], events[6]["status"], events[6]["gpu_seconds"]) == ("/health", 200, None)


def test_another_token_is_refused(space: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(space, monkeypatch, secret="as-another") as refused_client:  # noqa: S106
        with pytest.raises(modal.exception.AuthError):
            modal.App.lookup("ryla-flux", client=refused_client)
        with pytest.raises(modal.exception.AuthError):
            refused_client.hello()


def test_the_token_is_drawn_anew(space: LocalWorkspace) -> None:
    assert space.control is not None
    assert space.control.token_id.startswith("ak-")
    assert space.control.token_secret.startswith("as-")
    assert space.control.token_secret not in " ".join(psutil.Process(space.pid).cmdline())


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    file = tmp_path_factory.mktemp("scenario") / "faulty.toml"
    file.write_text(
        HEAD
        + """
        [apps.ryla-flux]
        refuses_stops = true
        records = "missing"
        [apps.ryla-lora]
        records = "contradictory"
        [apps.ryla-z-image]
        records = "late"
        records_late_sec = 200
        [apps.ryla-wan26]
        stranger = 20
        [apps.ryla-qwen-edit]
        tls = "cut"
        """
    )
    with launch(str(file), SCALE, control=True) as workspace:
        yield workspace


@pytest.fixture
def faulty_client(faulty: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with connected(faulty, monkeypatch) as made:
        yield made


def test_a_control_plane_can_refuse_to_stop_containers(faulty_client: Any, faulty: LocalWorkspace) -> None:
    get(faulty, "ryla-flux")
    (task,) = tasks(faulty_client, "ryla-flux")
    with pytest.raises(modal.exception.ConflictError, match="cannot be stopped"):
        ask(faulty_client, "ContainerStop", api_pb2.ContainerStopRequest(task_id=task.task_id))
    assert [each.task_id for each in tasks(faulty_client, "ryla-flux")] == [task.task_id]


def test_records_can_be_missing(faulty_client: Any, faulty: LocalWorkspace) -> None:
    get(faulty, "ryla-flux")
    assert calls(faulty_client, "ryla-flux") == []


def test_records_can_name_another_container(faulty_client: Any, faulty: LocalWorkspace) -> None:
    get(faulty, "ryla-lora")
    (task,) = tasks(faulty_client, "ryla-lora")
    (call,) = calls(faulty_client, "ryla-lora")
    assert call.container_id.startswith("ta-01")
    assert call.container_id != task.task_id


def test_records_can_be_late(faulty_client: Any, faulty: LocalWorkspace) -> None:
    answer = get(faulty, "ryla-z-image")
    ended = time.monotonic()
    assert calls(faulty_client, "ryla-z-image") == []
    until(lambda: bool(calls(faulty_client, "ryla-z-image")))
    assert time.monotonic() - ended >= 200 * SCALE * 0.95
    (call,) = calls(faulty_client, "ryla-z-image")
    assert call.function_call_id == answer.headers["modal-function-call-id"]


def test_a_background_client_starts_containers_and_keeps_them_up(
    faulty_client: Any, faulty: LocalWorkspace
) -> None:
    app = function(faulty_client, "ryla-wan26")
    until(lambda: app.get_current_stats().num_total_runners == 1)
    before = len(calls(faulty_client, "ryla-wan26"))
    until(lambda: len(calls(faulty_client, "ryla-wan26")) >= before + 2)
    assert "https://" in faulty.urls["ryla-qwen-edit"]
    assert function(faulty_client, "ryla-qwen-edit").get_web_url() == faulty.urls["ryla-qwen-edit"]


def test_every_token_can_be_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trial.toml").write_text(HEAD + '[control]\ntokens = "refused"')
    with (
        launch(str(tmp_path / "trial.toml"), SCALE, control=True) as workspace,
        connected(workspace, monkeypatch) as client,
        pytest.raises(modal.exception.AuthError),
    ):
        client.hello()


def test_it_can_be_gone_after_some_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_LOGLEVEL", "ERROR")
    (tmp_path / "trial.toml").write_text(HEAD + "[control]\ngone_after = 2")
    with launch(str(tmp_path / "trial.toml"), SCALE, control=True) as workspace:
        with connected(workspace, monkeypatch) as client:
            client.hello()
            assert modal.App.lookup("ryla-flux", client=client).app_id
            with pytest.raises((modal.exception.Error, OSError)):
                client.hello()
        assert workspace.control is not None
        with socket.socket() as refused:
            assert refused.connect_ex(("127.0.0.1", urlsplit(workspace.control.url).port)) != 0
        assert get(workspace, "ryla-flux").status_code == 200


def test_closing_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = launch("healthy", SCALE, control=True)
    with connected(workspace, monkeypatch) as client:
        client.hello()
        workspace.close()
    assert workspace.control is not None
    with socket.socket() as refused:
        assert refused.connect_ex(("127.0.0.1", urlsplit(workspace.control.url).port)) != 0


def test_without_a_control_plane_nothing_of_it_is_imported() -> None:
    script = (
        "import sys; from pytest_modal_bench.local import command;"
        "command.control_plane_settings(command.parser().parse_args(['--json']));"
        "print({'grpclib', 'modal_proto', 'modal', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=20)
    assert done.stdout.decode().strip() == "set()"
