"""The `modal` SDK as a `ControlPlane`: against the local workspace's, and against one that answers oddly."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from disguised import leaks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modal_bench.control.forcing import forced
from pytest_modal_bench.control.interface import Autoscaler, ControlError
from pytest_modal_bench.control.journal import Journal
from pytest_modal_bench.control.sdk import SdkControlPlane, SdkFunction, connect
from pytest_modal_bench.cost import prices
from pytest_modal_bench.local.launch import LocalWorkspace, launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prepared_programs")

# All of them come with the SDK.
modal = pytest.importorskip("modal")
api_pb2 = pytest.importorskip("modal_proto.api_pb2")
empty_pb2 = pytest.importorskip("google.protobuf.empty_pb2")
timestamp_pb2 = pytest.importorskip("google.protobuf.timestamp_pb2")
grpclib_const = pytest.importorskip("grpclib.const")
grpclib_server = pytest.importorskip("grpclib.server")
GRPCError = pytest.importorskip("grpclib.exceptions").GRPCError
Status = grpclib_const.Status

METHOD = "ComfyUI.fastapi_app"
SECRET = "as-very-secret"  # noqa: S105 - it opens nothing
TOKEN = {"token_id": "ak-1", "token_secret": SECRET}
SCENARIO = """
summary = "trial"
[resources]
image = true
video = true
mask = true
lora = true
"""


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MODAL_"):
            monkeypatch.delenv(name)


@contextmanager
def launched(directory: Path, faults: str = "") -> Iterator[LocalWorkspace]:
    scenario = directory / "scenario.toml"
    scenario.write_text(SCENARIO + faults)
    with launch(str(scenario), 0.0025, control=True) as workspace:
        yield workspace


def access(workspace: LocalWorkspace, **other: Any) -> dict[str, Any]:
    assert workspace.control is not None
    url, token_id, token_secret = workspace.control
    known = {"environment": "main", "token_id": token_id, "token_secret": token_secret, "server_url": url}
    return known | other


@contextmanager
def connected(**how: Any) -> Iterator[SdkControlPlane]:
    plane = connect(**how)
    try:
        yield plane
    finally:
        plane.close()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    with launched(
        tmp_path_factory.mktemp("scenario"), "[apps.ryla-qwen-edit]\nrefuses_stops = true"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def plane(workspace: LocalWorkspace) -> Iterator[SdkControlPlane]:
    with connected(**access(workspace)) as it:
        yield it


@pytest.fixture
def flux(plane: SdkControlPlane) -> Iterator[SdkFunction]:
    """The function of an app, without containers."""
    function = plane.function("ryla-flux", METHOD)
    before = function.autoscaler()
    yield function
    function.set_autoscaler(before)
    for container in function.containers():
        function.stop(container)
    eventually(lambda: function.count() == 0)


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def call(workspace: LocalWorkspace, app: str = "ryla-flux") -> requests.Response:
    return requests.get(f"{workspace.urls[app]}/health", timeout=60)


# --- Where and as whom ---


def test_it_says_where_it_is_and_in_which_environment(workspace: LocalWorkspace) -> None:
    with connected(**access(workspace, environment=None)) as plane:
        assert plane.server_url == access(workspace)["server_url"]
        assert plane.environment == "main"


def test_the_server_may_be_given_by_modals_own_variable(
    workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = access(workspace)["server_url"]
    monkeypatch.setenv("MODAL_SERVER_URL", url)
    with connected(**access(workspace, server_url=None)) as plane:
        assert plane.server_url == url


@pytest.mark.parametrize("before", [None, "http://127.0.0.1:1"])
def test_the_environment_variable_is_left_as_it_was(
    workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before:
        monkeypatch.setenv("MODAL_SERVER_URL", before)
    with connected(**access(workspace)):
        assert os.environ.get("MODAL_SERVER_URL") == before


def test_the_sdk_is_not_imported_before_it_is_used() -> None:
    code = "import sys, pytest_modal_bench.control.sdk; sys.exit('modal' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_may_be_closed_twice(workspace: LocalWorkspace) -> None:
    plane = connect(**access(workspace))
    plane.close()
    plane.close()


# --- Functions ---


def test_a_web_method_has_the_url_that_its_app_serves(workspace: LocalWorkspace, flux: SdkFunction) -> None:
    assert (flux.app, flux.name) == ("ryla-flux", METHOD)
    assert flux.web_url() == workspace.urls["ryla-flux"]


def test_a_function_is_looked_up_once(plane: SdkControlPlane) -> None:
    assert plane.function("ryla-flux", METHOD) is plane.function("ryla-flux", METHOD)


def test_a_function_says_which_gpu_its_containers_ask_for(flux: SdkFunction) -> None:
    assert flux.gpu() == "L40S"


def test_a_function_says_which_deploy_of_its_app_it_is(flux: SdkFunction) -> None:
    version, _, moment = (flux.deployed() or "").partition(", ")

    assert version == "v1"
    age_sec = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    assert 0 <= age_sec < 3600


def test_containers_are_counted_and_named(workspace: LocalWorkspace, flux: SdkFunction) -> None:
    assert (flux.count(), flux.containers()) == (0, frozenset())
    flux.set_autoscaler(Autoscaler(scaledown_window=3600))
    call(workspace)
    assert flux.count() == 1
    (container,) = flux.containers()
    assert container.startswith("ta-")


def test_a_container_is_stopped_and_one_that_is_gone_or_unknown_is_no_error(
    workspace: LocalWorkspace, flux: SdkFunction
) -> None:
    flux.set_autoscaler(Autoscaler(scaledown_window=3600))
    call(workspace)
    (container,) = flux.containers()
    for _ in range(2):
        flux.stop(container)
        eventually(lambda: flux.count() == 0)
    flux.stop("ta-unheard-of")


def test_a_call_that_modal_records_is_told(workspace: LocalWorkspace, flux: SdkFunction) -> None:
    answer = call(workspace)
    eventually(lambda: flux.records(1) and flux.records(1)[0].status == "success")
    (record,) = flux.records(1)
    assert record.call_id == answer.headers["modal-function-call-id"]
    assert record.container
    assert record.container.startswith("ta-")
    assert record.enqueued_at
    assert record.started_at
    assert time.time() - 60 < record.enqueued_at <= record.started_at <= time.time()
    assert record.execution_sec is not None


def test_records_come_newest_first_and_no_more_than_asked_for(
    workspace: LocalWorkspace, flux: SdkFunction
) -> None:
    ids = [call(workspace).headers["modal-function-call-id"] for _ in range(3)]
    eventually(lambda: [each.call_id for each in flux.records(2)] == ids[:0:-1])
    assert flux.records(0) == ()


# --- All functions ---


def test_all_web_functions_are_listed_with_what_is_known_of_them(
    workspace: LocalWorkspace, plane: SdkControlPlane
) -> None:
    listed = plane.web_functions()
    assert {each.app: each.url for each in listed} == workspace.urls
    assert [each.app for each in listed] == sorted(workspace.urls)
    assert {(each.name, each.gpu, each.scaledown_window) for each in listed} == {(METHOD, "L40S", 300)}


def test_only_the_apps_that_are_asked_for_are_listed(plane: SdkControlPlane) -> None:
    assert [each.app for each in plane.web_functions(["ryla-lora", "ryla-flux"])] == [
        "ryla-lora",
        "ryla-flux",
    ]
    with pytest.raises(ControlError, match="ryla-x is not deployed in environment main; known: ryla-flux, "):
        plane.web_functions(["ryla-x"])


# --- Prices ---


def test_prices_are_told_as_modal_writes_them(plane: SdkControlPlane) -> None:
    told = plane.rates()
    assert told["gpu_hour_cost_l40s"] == "1.9512"
    rates, table = prices.from_live(told), prices.table()
    assert rates.gpu == pytest.approx(table.gpu)
    assert rates.cpu == pytest.approx(table.cpu)
    assert rates.memory == pytest.approx(table.memory)


# --- Autoscaler ---


def test_settings_are_told_as_numbers(flux: SdkFunction) -> None:
    assert flux.autoscaler() == Autoscaler(
        min_containers=0, max_containers=3, buffer_containers=0, scaledown_window=300
    )


def test_what_is_not_set_is_left_as_it_is(flux: SdkFunction) -> None:
    flux.set_autoscaler(Autoscaler(buffer_containers=1))
    flux.set_autoscaler(Autoscaler())
    assert flux.autoscaler() == Autoscaler(
        min_containers=0, max_containers=3, buffer_containers=1, scaledown_window=300
    )


settable = st.builds(
    Autoscaler,
    min_containers=st.just(0),
    max_containers=st.integers(0, 100),
    buffer_containers=st.just(0),
    scaledown_window=st.integers(2, 3600),
)


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=settable, between=settable)
def test_settings_that_were_read_can_be_put_back_from_any_others(
    flux: SdkFunction, before: Autoscaler, between: Autoscaler
) -> None:
    flux.set_autoscaler(before)
    read = flux.autoscaler()
    assert read == before
    flux.set_autoscaler(between)
    flux.set_autoscaler(read)
    assert flux.autoscaler() == before


# --- Forcing, from end to end ---


def test_a_function_is_forced_to_zero_and_put_back(
    workspace: LocalWorkspace, plane: SdkControlPlane, flux: SdkFunction, tmp_path: Path
) -> None:
    before = Autoscaler(min_containers=1, max_containers=0, buffer_containers=0, scaledown_window=900)
    flux.set_autoscaler(before)
    call(workspace)
    with forced(plane, flux, Journal(tmp_path), patience_sec=10, poll_sec=0.01) as it:
        old = flux.containers()
        it.zero()
        assert flux.count() == 0
        call(workspace)
        assert flux.containers().isdisjoint(old)
        assert flux.count() == 1
    assert flux.autoscaler() == before
    assert list(tmp_path.glob("*.json")) == []


def test_a_container_that_refuses_to_end_is_told(workspace: LocalWorkspace, plane: SdkControlPlane) -> None:
    function = plane.function("ryla-qwen-edit", METHOD)
    function.set_autoscaler(Autoscaler(scaledown_window=3600))
    call(workspace, "ryla-qwen-edit")
    (container,) = function.containers()
    with pytest.raises(
        ControlError, match=rf"says no \(stopping {container} of ryla-qwen-edit\): "
    ) as raised:
        function.stop(container)
    one_line(raised.value)


# --- What goes wrong ---


def problem(**how: Any) -> str:
    """What a connection that does not come about says: one line, without the secret."""
    with pytest.raises(ControlError) as raised:
        connect(**how)
    return one_line(raised.value)


def one_line(error: ControlError) -> str:
    text = str(error)
    assert text.isprintable()
    assert SECRET not in text
    assert SECRET not in "".join(traceback.format_exception(error))
    return text


def test_an_extra_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "modal", None)
    assert problem(environment=None, **TOKEN) == (
        "the modal SDK is not installed: pip install 'pytest-modal-bench[modal]'"
    )


@pytest.mark.parametrize(
    ("owner", "feature", "named"),
    [
        ("Function", "autoscaler", "modal.Function.autoscaler"),
        ("Client", "stub", "modal.Client.stub"),
    ],
)
def test_an_sdk_without_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, owner: str, feature: str, named: str
) -> None:
    monkeypatch.delattr(getattr(modal, owner), feature)
    assert problem(environment=None, **TOKEN) == (
        f"the modal SDK is too old, it lacks {named}: pip install -U 'modal>=1.6.4'"
    )


@pytest.mark.parametrize("missing", ["token_id", "token_secret"])
@pytest.mark.parametrize("empty", [None, ""])
def test_no_token(missing: str, empty: str | None) -> None:
    how: dict[str, Any] = {**TOKEN, missing: empty}
    assert problem(environment=None, **how) == (
        "no Modal token: set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET (`modal token new` makes one)"
    )


def test_a_token_that_is_wrong(workspace: LocalWorkspace) -> None:
    assert problem(**access(workspace, token_secret=SECRET)).startswith(
        "Modal refuses the token: check MODAL_TOKEN_ID and MODAL_TOKEN_SECRET (`modal token new` makes one): "
    )


def test_a_workspace_that_refuses_every_token(tmp_path: Path) -> None:
    with launched(tmp_path, '[control]\ntokens = "refused"') as closed:
        assert problem(**access(closed)).startswith("Modal refuses the token: ")


def test_an_environment_that_there_is_not(workspace: LocalWorkspace) -> None:
    assert problem(**access(workspace, environment="dev")) == (
        "the workspace has no environment dev; see `modal environment list`"
    )


def test_an_environment_that_there_cannot_be(workspace: LocalWorkspace) -> None:
    assert "Invalid Environment name" in problem(**access(workspace, environment="\n/"))


@pytest.mark.parametrize(
    ("app", "function", "says"),
    [
        (
            "ryla-nope",
            METHOD,
            "ryla-nope is not deployed in environment main; see `modal app list --env main`",
        ),
        ("ryla-flux", "fastapi_app", "ryla-flux has no function fastapi_app; known: ComfyUI.*"),
        ("ryla-flux", "Other.fastapi_app", "ryla-flux has no function Other.fastapi_app; known: ComfyUI.*"),
        ("ryla-flux", "ComfyUI.other", "ComfyUI of ryla-flux has no method other; known: fastapi_app"),
    ],
)
def test_a_function_that_there_is_not(plane: SdkControlPlane, app: str, function: str, says: str) -> None:
    with pytest.raises(ControlError) as raised:
        plane.function(app, function)
    assert one_line(raised.value) == says


def test_a_setting_that_modal_does_not_take(flux: SdkFunction) -> None:
    with pytest.raises(
        ControlError, match=r"says no \(changing the autoscaler settings of ryla-flux\): "
    ) as raised:
        flux.set_autoscaler(Autoscaler(scaledown_window=1))
    one_line(raised.value)


def test_a_server_that_is_not_there_is_told_in_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    start = time.monotonic()
    assert problem(environment=None, server_url=url, patience_sec=0.5, **TOKEN) == (
        f"the control plane at {url} gave no answer within 0.5 s (connecting); "
        "check the network, and MODAL_SERVER_URL if it is set"
    )
    assert time.monotonic() - start < 30


def test_a_connection_that_comes_about_too_late_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    problem(environment=None, server_url=f"http://127.0.0.1:{port}", patience_sec=0.3, **TOKEN)
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(10)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            while connection.recv(4096):
                pass


def test_a_server_that_goes_away_is_told_in_bounded_time(tmp_path: Path) -> None:
    with (
        launched(tmp_path, "[control]\ngone_after = 4") as going,
        connected(**access(going, patience_sec=2)) as plane,
    ):
        function = plane.function("ryla-flux", METHOD)
        for question in (function.count, function.containers, function.autoscaler):
            start = time.monotonic()
            with pytest.raises(ControlError, match=r"can't be reached \(.* of ryla-flux\): .*") as raised:
                question()
            assert "check the network" in one_line(raised.value)
            assert time.monotonic() - start < 30


def test_a_connection_that_was_closed(workspace: LocalWorkspace) -> None:
    with connected(**access(workspace)) as plane:
        function = plane.function("ryla-flux", METHOD)
    with pytest.raises(ControlError, match="the connection was closed"):
        function.count()


# --- A control plane that answers oddly ---


class Odd:
    """A control plane of one app whose answers a test replaces; `answers` are messages, errors, or seconds to wait."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, Any] = {
            "ClientHello": api_pb2.ClientHelloResponse(),
            "EnvironmentGetOrCreate": api_pb2.EnvironmentGetOrCreateResponse(
                environment_id="en-1", metadata=api_pb2.EnvironmentMetadata(name="main")
            ),
            "AppList": api_pb2.AppListResponse(
                apps=[
                    api_pb2.AppListResponse.AppListItem(
                        app_id="ap-1",
                        name="odd",
                        state=api_pb2.APP_STATE_DEPLOYED,
                        metadata=api_pb2.AppHandleMetadata(functions={"web": "fu-1", "Class.*": "fu-1"}),
                    )
                ]
            ),
            "FunctionGetById": api_pb2.FunctionGetByIdResponse(
                function=api_pb2.FunctionData(
                    ranked_functions=[
                        api_pb2.FunctionData.RankedFunction(rank=1, function=api_pb2.Function())
                    ]
                ),
                handle_metadata=api_pb2.FunctionHandleMetadata(function_name="web", web_url="https://odd"),
            ),
            "FunctionGetSchedulingParams": api_pb2.FunctionGetSchedulingParamsResponse(),
            "FunctionGetCurrentStats": api_pb2.FunctionStats(),
            "FunctionCallFetch": api_pb2.FunctionCallFetchResponse(),
            "WorkspaceNameLookup": api_pb2.WorkspaceNameLookupResponse(username="odd"),
            "WorkspaceBillingRates": api_pb2.WorkspaceBillingRatesResponse(),
        }

    def __mapping__(self) -> dict[str, Any]:
        methods = api_pb2.DESCRIPTOR.services_by_name["ModalClient"].methods_by_name
        return {
            f"/modal.client.ModalClient/{name}": grpclib_const.Handler(
                self._serving(name),
                grpclib_const.Cardinality.UNARY_UNARY,
                getattr(api_pb2, methods[name].input_type.name, empty_pb2.Empty),
                getattr(api_pb2, methods[name].output_type.name),
            )
            for name in self.answers
        }

    def _serving(self, name: str) -> Callable[[Any], Any]:
        async def serve(stream: Any) -> None:
            await stream.recv_message()
            answer = self.answers[name]
            if isinstance(answer, GRPCError):
                raise answer
            if isinstance(answer, float):
                await asyncio.sleep(answer)
            await stream.send_message(answer)

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
def odd() -> Iterator[Odd]:
    it = Odd()
    ready: Future[Callable[[], object]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(it.serve(ready)))
    thread.start()
    end = ready.result(10)
    yield it
    end()
    thread.join()


@contextmanager
def asking(odd: Odd, patience_sec: float = 5.0) -> Iterator[SdkControlPlane]:
    with connected(
        environment=None,
        server_url=odd.url,
        patience_sec=patience_sec,
        **TOKEN,
    ) as plane:
        yield plane


def test_a_function_that_is_no_method_has_its_own_url(odd: Odd) -> None:
    with asking(odd) as plane:
        assert plane.function("odd", "web").web_url() == "https://odd"


def test_a_class_that_tells_no_methods_has_none(odd: Odd) -> None:
    with (
        asking(odd) as plane,
        pytest.raises(ControlError, match="Class of odd has no method web; known: none"),
    ):
        plane.function("odd", "Class.web")


def test_functions_without_an_address_are_not_listed(odd: Odd) -> None:
    with asking(odd) as plane:
        assert plane.web_functions() == []


@pytest.mark.parametrize(("method", "wants_token"), [("POST", True), (None, False)])
def test_of_a_function_that_is_one_route_method_and_proxy_auth_are_listed(
    odd: Odd, method: str | None, wants_token: bool
) -> None:
    odd.answers["AppList"].apps[0].metadata.functions.pop("Class.*")
    odd.answers["FunctionGetById"].function.web_url = "https://odd"
    odd.answers["FunctionGetById"].function.webhook_config.CopyFrom(
        api_pb2.WebhookConfig(
            type=api_pb2.WEBHOOK_TYPE_FUNCTION, method=method or "", requires_proxy_auth=wants_token
        )
    )
    with asking(odd) as plane:
        (only,) = plane.web_functions()
    assert (only.app, only.name, only.url) == ("odd", "web", "https://odd")
    assert (only.method, only.wants_token) == (method, wants_token)


def asks_for(*gpus: tuple[str, int]) -> Any:
    """What Modal says of a function that may run on any of these."""
    functions = [
        api_pb2.Function(
            resources=api_pb2.Resources(gpu_config=api_pb2.GPUConfig(gpu_type=kind, count=count))
        )
        for kind, count in gpus
    ]
    return api_pb2.FunctionGetByIdResponse(
        function=api_pb2.FunctionData(
            ranked_functions=[
                api_pb2.FunctionData.RankedFunction(rank=rank, function=function)
                for rank, function in enumerate(functions)
            ]
        ),
        handle_metadata=api_pb2.FunctionHandleMetadata(function_name="web", web_url="https://odd"),
    )


@pytest.mark.parametrize(
    ("gpus", "says"),
    [
        ([("L40S", 1)], "L40S"),
        ([("H100", 8)], "H100:8"),
        ([("", 0)], None),
        ([("H100", 1), ("A100-80GB", 1)], None),
    ],
)
def test_a_gpu_is_told_with_its_number_and_not_guessed(
    odd: Odd, gpus: list[tuple[str, int]], says: str | None
) -> None:
    odd.answers["FunctionGetById"] = asks_for(*gpus)
    with asking(odd) as plane:
        assert plane.function("odd", "web").gpu() == says


def test_prices_that_modal_has_given_up_are_left_out(odd: Odd) -> None:
    odd.answers["WorkspaceBillingRates"] = api_pb2.WorkspaceBillingRatesResponse(
        rates={"cpu_hour_cost": "0.04716", "gpu_hour_cost_k80": "9", "gpu_hour_cost_p4": "9"},
        deprecation_warnings={"gpu_hour_cost_k80": "going"},
        deprecation_errors={"gpu_hour_cost_p4": "gone"},
    )
    with asking(odd) as plane:
        assert plane.rates() == {"cpu_hour_cost": "0.04716"}


@pytest.mark.parametrize("answer", [GRPCError(Status.PERMISSION_DENIED, "not for you"), 60.0])
def test_prices_that_modal_does_not_tell_are_trouble_in_one_line(odd: Odd, answer: Any) -> None:
    odd.answers["WorkspaceBillingRates"] = answer
    with (
        asking(odd, patience_sec=1.0) as plane,
        pytest.raises(ControlError, match="asking for the prices") as raised,
    ):
        plane.rates()
    one_line(raised.value)


def test_a_price_that_is_no_number_is_trouble(odd: Odd) -> None:
    odd.answers["WorkspaceBillingRates"] = api_pb2.WorkspaceBillingRatesResponse(rates={"cpu": "cheap"})
    with asking(odd) as plane, pytest.raises(ControlError, match="asking for the prices"):
        plane.rates()


def test_settings_that_modal_does_not_tell_are_its_defaults(odd: Odd) -> None:
    with asking(odd) as plane:
        assert plane.function("odd", "web").autoscaler() == Autoscaler(
            min_containers=0, max_containers=0, buffer_containers=0, scaledown_window=60
        )


def test_what_a_record_leaves_out_is_not_known(odd: Odd) -> None:
    odd.answers["FunctionCallFetch"] = api_pb2.FunctionCallFetchResponse(
        function_call_inputs=[
            api_pb2.FunctionCallInputInfo(function_call_id="fc-1"),
            api_pb2.FunctionCallInputInfo(
                function_call_id="fc-2",
                enqueued_at=timestamp_pb2.Timestamp(seconds=1_700_000_000, nanos=500_000_000),
                status=api_pb2.FUNCTION_CALL_INPUT_STATUS_INIT_FAILURE,
            ),
            api_pb2.FunctionCallInputInfo(function_call_id="fc-3", status=999),
        ]
    )
    with asking(odd) as plane:
        bare, partial, unheard_of = plane.function("odd", "web").records(10)
    assert (bare.container, bare.enqueued_at, bare.execution_sec, bare.status) == (None, None, None, None)
    assert bare.queue_sec is None
    assert (partial.enqueued_at, partial.started_at) == (1_700_000_000.5, None)
    assert partial.status == "init failure"
    assert unheard_of.status == "999"


def test_what_modals_server_warns_of_is_no_failure(odd: Odd) -> None:
    odd.answers["ClientHello"] = api_pb2.ClientHelloResponse(
        server_warnings=[api_pb2.Warning(message="this version will not do for long")]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with asking(odd) as plane:
            plane.function("odd", "web").count()


def test_an_sdk_whose_answers_are_others_is_told(odd: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    with asking(odd) as plane:
        function = plane.function("odd", "web")
        monkeypatch.delattr(modal.types.FunctionAutoscalerSettings, "scaledown_window")
        with pytest.raises(ControlError, match=r"the modal SDK is not of a version that is known here .*pip"):
            function.autoscaler()


def test_an_answer_that_does_not_come_is_told_in_bounded_time(odd: Odd) -> None:
    odd.answers["FunctionGetCurrentStats"] = 60.0
    with asking(odd, patience_sec=0.5) as plane:
        function = plane.function("odd", "web")
        start = time.monotonic()
        with pytest.raises(ControlError, match=r"no answer within 0.5 s \(counting the containers of odd\)"):
            function.count()
        assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (Status.PERMISSION_DENIED, "says no (counting the containers of odd): not *** for you"),
        (Status.UNIMPLEMENTED, "says no (counting the containers of odd): not *** for you"),
        (Status.UNAUTHENTICATED, "Modal refuses the token"),
        (Status.RESOURCE_EXHAUSTED, "says no (counting the containers of odd): not *** for you"),
    ],
)
def test_what_modal_says_is_one_line_without_the_token(odd: Odd, status: Any, says: str) -> None:
    odd.answers["FunctionGetCurrentStats"] = GRPCError(status, f"not {SECRET}\n\tfor you\x1b.")
    with asking(odd) as plane, pytest.raises(ControlError) as raised:
        plane.function("odd", "web").count()
    assert says in one_line(raised.value)


def test_what_the_sdk_logs_holds_no_token(
    workspace: LocalWorkspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = access(workspace)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    caplog.set_level(logging.DEBUG)
    with connected(**how) as plane:
        plane.function("ryla-flux", METHOD).count()
    assert any(record.name.startswith("hpack") for record in caplog.records), "it does log headers"
    for secret in (how["token_secret"], how["token_id"]):
        assert not leaks(caplog.text, secret)


def test_a_question_that_is_interrupted_shows_no_token(odd: Odd) -> None:
    odd.answers["FunctionGetCurrentStats"] = 60.0
    with asking(odd, patience_sec=5) as plane:
        function = plane.function("odd", "web")
        threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt) as caught:
            function.count()
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "function.count()" in shown
    assert SECRET not in shown


def test_a_connection_that_is_interrupted_shows_no_token(odd: Odd) -> None:
    odd.answers["ClientHello"] = 60.0
    threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt) as caught, asking(odd, patience_sec=5):
        pass
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    library = [frame for frame in frames if "site-packages" in frame.f_code.co_filename]
    assert not [frame for frame in library if "contextlib" not in frame.f_code.co_filename]
    assert not [frame for frame in frames if "pytest_modal_bench/control" in frame.f_code.co_filename]
