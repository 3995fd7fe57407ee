from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.local.app.gpu import USD_PER_SEC
from pytest_modal_bench.local.containers.records import Record, Status

api_pb2 = pytest.importorskip("modal_proto.api_pb2")

from pytest_modal_bench.local.control import messages  # noqa: E402 - they need the extra `modal`
from pytest_modal_bench.local.control.environment import DeployedApp, DeployedFunction, Environment  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.pool import Pool

URL = "http://127.0.0.1:8001"
METHOD = "fastapi_app"


@pytest.fixture
def app(pools: dict[str, Pool]) -> DeployedApp:
    return Environment("staging", pools).apps[0]


@pytest.fixture
def function(app: DeployedApp) -> DeployedFunction:
    return app.functions[0]


@pytest.fixture
def alone(function_pools: dict[str, Pool]) -> DeployedFunction:
    """A function that is no class's."""
    return Environment("staging", function_pools).apps[0].functions[1]


def test_an_app_was_deployed_once_and_is_deployed_still(app: DeployedApp) -> None:
    lifecycle = messages.app_lifecycle(app)

    assert (lifecycle.app_state, lifecycle.version) == (api_pb2.APP_STATE_DEPLOYED, 1)
    assert lifecycle.created_at == lifecycle.deployed_at == app.deployed_at


def test_an_app_names_its_environment_and_its_one_function(app: DeployedApp) -> None:
    metadata = messages.app_metadata(app, "staging")

    assert (metadata.description, metadata.app_id) == ("ryla-flux", app.app_id)
    assert metadata.environment_name == "staging"
    assert dict(metadata.functions) == {"ComfyUI.*": app.functions[0].function_id}


def test_an_app_names_all_its_functions(function_pools: dict[str, Pool]) -> None:
    (app,) = Environment("staging", function_pools).apps
    metadata = messages.app_metadata(app, "staging")

    assert dict(metadata.functions) == {
        "draw": app.functions[0].function_id,
        "embed": app.functions[1].function_id,
    }


def test_a_function_that_stands_alone_has_a_web_url_and_a_gpu_of_its_own(alone: DeployedFunction) -> None:
    metadata, data = messages.function_metadata(alone), messages.function_data(alone)

    assert (metadata.function_name, metadata.is_method, metadata.web_url) == ("embed", False, alone.url)
    assert (data.function_name, data.is_class, data.web_url) == ("embed", False, alone.url)
    assert data.ranked_functions[0].function.app_name == "shapes-functions"
    assert data.ranked_functions[0].function.resources.gpu_config.gpu_type == "A10"
    assert not data.method_definitions


def test_a_class_is_one_function_that_knows_the_web_url_of_its_method(function: DeployedFunction) -> None:
    service = messages.function_metadata(function)
    (method,) = service.method_handle_metadata.values()

    assert (service.function_name, service.is_method, service.web_url) == ("ComfyUI.*", False, "")
    assert (method.function_name, method.is_method, method.web_url) == ("ComfyUI.fastapi_app", True, URL)
    assert method == messages.function_metadata(function, METHOD)
    assert service.app_id == method.app_id == function.app_id


def test_a_function_is_configured_as_its_app_is_deployed(function: DeployedFunction) -> None:
    data = messages.function_data(function)
    (ranked,) = data.ranked_functions

    assert (data.function_name, data.is_class, data.is_method) == ("ComfyUI.*", True, False)
    assert (data.timeout_secs, ranked.function.max_concurrent_inputs) == (1800, 5)
    assert ranked.function.resources.gpu_config.gpu_type == "L40S"
    assert data.method_definitions["fastapi_app"].web_url == URL
    assert data.autoscaler_settings.scaledown_window == 300


def test_a_method_has_a_web_url_and_no_methods(function: DeployedFunction) -> None:
    data = messages.function_data(function, METHOD)

    assert (data.function_name, data.is_class, data.is_method) == ("ComfyUI.fastapi_app", False, True)
    assert (data.web_url, data.webhook_config.type) == (URL, api_pb2.WEBHOOK_TYPE_ASGI_APP)
    assert not data.method_definitions


def test_settings_are_those_in_force_zero_included(function: DeployedFunction) -> None:
    function.pool.change({"scaledown_window": 60, "max_containers": 0})
    settings = messages.settings(function.pool.settings)

    assert (settings.scaledown_window, settings.buffer_containers) == (60, 0)
    assert settings.HasField("max_containers")
    assert settings.max_containers == 0


def test_a_container_that_boots_has_not_started(
    function: DeployedFunction, container: Callable[..., ContainerHandle]
) -> None:
    stats = messages.task_stats(function, container("ta-01", up_at=0.0))

    assert (stats.task_id, stats.app_id, stats.app_description) == ("ta-01", function.app_id, "ryla-flux")
    assert (stats.enqueued_at, stats.started_at) == (100.0, 0)


@pytest.mark.parametrize("ended_at", [0.0, 200.0])
def test_only_a_container_that_has_ended_has_a_result(
    container: Callable[..., ContainerHandle], ended_at: float
) -> None:
    info = messages.task_info(container("ta-01", ended_at=ended_at), "T4")

    assert (info.id, info.started_at, info.finished_at) == ("ta-01", 102.5, ended_at)
    assert info.HasField("result") == (ended_at > 0)
    assert info.gpu_config.gpu_type == "T4"


@pytest.mark.parametrize("status", get_args(Status))
def test_every_status_of_a_record_is_one_of_modals(status: Status) -> None:
    call = messages.call(Record("fc-01", 100.0, status=status), METHOD)

    assert api_pb2.FunctionCallInputStatus.Name(call.status).lower().endswith(f"_{status}")


def test_a_call_says_when_and_where_it_ran_and_how_long() -> None:
    record = Record("fc-01", 100.0, started_at=102.5, container_id="ta-01", startup_sec=2.0, ended_at=104.0)
    call = messages.call(record, METHOD)

    assert (call.function_call_id, call.container_id) == ("fc-01", "ta-01")
    assert (messages.moment(call.enqueued_at), messages.moment(call.started_at)) == (100.0, 102.5)
    assert (call.startup_time_seconds, call.execution_time_seconds) == (2.0, 1.5)


def test_what_a_record_does_not_know_is_left_out_and_not_zero() -> None:
    call, of_alone = (messages.call(Record("fc-01", 100.0), method) for method in (METHOD, None))

    assert not of_alone.HasField("service_method_name")
    assert {field.name for field, _ in call.ListFields()} == {
        *("function_call_id", "service_method_name", "enqueued_at", "status")
    }


@given(st.floats(0, 4_000_000_000))
def test_a_moment_survives_its_message_to_the_microsecond(moment: float) -> None:
    assert messages.moment(messages.timestamp(moment)) == pytest.approx(moment, abs=1e-6)


def test_prices_are_by_the_hour_and_that_of_the_gpu_is_the_simulated_one() -> None:
    rates = messages.rates()

    assert float(rates.rates["gpu_hour_cost_l40s"]) == pytest.approx(3600 * USD_PER_SEC["L40S"])
    assert all(float(price) > 0 for price in rates.rates.values())
    assert [name for name in rates.rates if name not in rates.formatted] == []
