"""The control plane's calls, without a server, on pools without processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

api_pb2 = pytest.importorskip("modal_proto.api_pb2")
status = pytest.importorskip("grpclib.const").Status
GRPCError = pytest.importorskip("grpclib.exceptions").GRPCError

from pytest_modal_bench.local.control import messages  # noqa: E402 - they need the extra `modal`
from pytest_modal_bench.local.control.environment import Environment  # noqa: E402
from pytest_modal_bench.local.control.servicer import Servicer, buckets  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.pool import Pool

FLUX, LORA = "http://127.0.0.1:8001", "http://127.0.0.1:8002"


@pytest.fixture
def environment(pools: dict[str, Pool]) -> Environment:
    return Environment("staging", pools)


@pytest.fixture
def servicer(environment: Environment) -> Servicer:
    return Servicer("ryla", environment, refuses_stops=["ryla-lora"])


def error(call: Callable[[Any], object], request: Any) -> tuple[Any, str | None]:
    with pytest.raises(GRPCError) as caught:
        call(request)
    return caught.value.status, caught.value.message


def tag(object_tag: str, **fields: Any) -> Any:
    return api_pb2.FunctionGetRequest(app_name="ryla-flux", object_tag=object_tag, **fields)


def test_every_answer_belongs_to_a_call_of_modals_and_every_call_has_its_own(servicer: Servicer) -> None:
    answers = servicer.answers()
    known = {each.name for each in api_pb2.DESCRIPTOR.services_by_name["ModalClient"].methods}

    assert answers.keys() <= known
    assert len({answer.__name__ for answer in answers.values()}) == len(answers)
    assert [
        name for name, answer in answers.items() if name.lower() != answer.__name__.replace("_", "")
    ] == []


@pytest.mark.parametrize("name", ["staging", ""])
def test_the_environment_is_found_by_its_name_and_as_the_default(
    servicer: Servicer, environment: Environment, name: str
) -> None:
    found = servicer.environment_get_or_create(api_pb2.EnvironmentGetOrCreateRequest(deployment_name=name))

    assert (found.environment_id, found.metadata.name) == (environment.id, "staging")


@pytest.mark.parametrize(
    ("call", "request_type"),
    [
        ("app_list", "AppListRequest"),
        ("app_get_or_create", "AppGetOrCreateRequest"),
        ("app_get_by_deployment_name", "AppGetByDeploymentNameRequest"),
        ("function_get", "FunctionGetRequest"),
        ("class_get", "ClassGetRequest"),
        ("task_list", "TaskListRequest"),
    ],
)
def test_another_environment_does_not_exist(servicer: Servicer, call: str, request_type: str) -> None:
    request = getattr(api_pb2, request_type)(environment_name="main")

    assert error(getattr(servicer, call), request) == (status.NOT_FOUND, "Environment 'main' not found")


def test_apps_are_listed_in_order_with_the_containers_that_they_have(
    servicer: Servicer, pools: dict[str, Pool], container: Callable[..., ContainerHandle]
) -> None:
    pools[LORA].containers.append(container("ta-01", up_at=0.0))
    listed = servicer.app_list(api_pb2.AppListRequest()).apps

    assert [(app.name, app.n_running_tasks) for app in listed] == [("ryla-flux", 0), ("ryla-lora", 1)]


def test_an_app_that_does_not_exist_is_an_empty_answer_by_name_and_an_error_by_id(servicer: Servicer) -> None:
    request = api_pb2.AppGetByDeploymentNameRequest(name="gone")

    assert servicer.app_get_by_deployment_name(request).app_id == ""
    assert error(servicer.app_get_info, api_pb2.AppGetInfoRequest(app_id="gone"))[0] is status.NOT_FOUND


def test_a_function_is_found_by_its_class_and_by_its_method(
    servicer: Servicer, environment: Environment
) -> None:
    service, method = (
        servicer.function_get(tag("ComfyUI.*")),
        servicer.function_get(tag("ComfyUI.fastapi_app")),
    )

    assert service.function_id == method.function_id == environment.apps[0].functions[0].function_id
    assert (service.handle_metadata.web_url, method.handle_metadata.web_url) == ("", FLUX)


def test_functions_of_one_app_are_found_by_their_names_and_have_records_and_settings_of_their_own(
    function_pools: dict[str, Pool], container: Callable[..., ContainerHandle]
) -> None:
    servicer = Servicer("acme", Environment("main", function_pools), refuses_stops=[])
    draw, embed = (
        servicer.function_get(api_pb2.FunctionGetRequest(app_name="shapes-functions", object_tag=name))
        for name in ("draw", "embed")
    )
    function_pools[FLUX].records.enqueue("fc-draw")
    function_pools[FLUX].containers.append(container("ta-01DRAW"))
    function_pools[LORA].containers.append(container("ta-01EMBED"))
    window = api_pb2.AutoscalerSettings(scaledown_window=2)
    servicer.function_update_scheduling_params(
        api_pb2.FunctionUpdateSchedulingParamsRequest(function_id=draw.function_id, settings=window)
    )

    assert (draw.handle_metadata.web_url, embed.handle_metadata.web_url) == (FLUX, LORA)
    assert (
        servicer.function_get_by_id(
            api_pb2.FunctionGetByIdRequest(function_id=embed.function_id)
        ).handle_metadata.function_name
        == "embed"
    )
    for function, calls, kept in ((draw, ["fc-draw"], 2), (embed, [], 300)):
        fetch = api_pb2.FunctionCallFetchRequest(
            function_id=function.function_id, tail=api_pb2.FunctionCallFetchRequest.Tail(count=9)
        )
        found = servicer.function_call_fetch(fetch).function_call_inputs
        asked = api_pb2.FunctionGetSchedulingParamsRequest(function_id=function.function_id)
        settings = servicer.function_get_scheduling_params(asked).autoscaler_configuration.settings
        stats = servicer.function_get_current_stats(
            api_pb2.FunctionGetCurrentStatsRequest(function_id=function.function_id)
        )
        assert [call.function_call_id for call in found] == calls
        assert settings.scaledown_window == kept
        assert stats.num_total_tasks == 1
    # As at Modal, containers are listed by app alone.
    assert len(servicer.task_list(api_pb2.TaskListRequest()).tasks) == 2
    assert [app.n_running_tasks for app in servicer.app_list(api_pb2.AppListRequest()).apps] == [2]


def test_a_function_that_stands_alone_is_no_class(function_pools: dict[str, Pool]) -> None:
    servicer = Servicer("acme", Environment("main", function_pools), refuses_stops=[])
    request = api_pb2.ClassGetRequest(app_name="shapes-functions", object_tag="draw")

    assert error(servicer.class_get, request) == (
        status.NOT_FOUND,
        "Class 'draw' in App 'shapes-functions' not found",
    )


def test_a_class_is_no_function_and_the_error_says_so(servicer: Servicer) -> None:
    with pytest.raises(GRPCError) as caught:
        servicer.function_get(tag("ComfyUI"))

    assert caught.value.status is status.NOT_FOUND
    (detail,) = caught.value.details
    assert detail.reason == api_pb2.FunctionLookupError.REASON_CLASS_NAME_USED


def test_an_app_has_one_version(servicer: Servicer) -> None:
    assert servicer.function_get(tag("ComfyUI.*", app_version=1)).function_id
    assert error(servicer.function_get, tag("ComfyUI.*", app_version=2)) == (
        status.NOT_FOUND,
        "Version 2 of App 'ryla-flux' not found",
    )


def test_only_settings_that_a_request_sets_are_changed_and_the_difference_is_listed(
    servicer: Servicer, environment: Environment
) -> None:
    function_id = environment.apps[0].functions[0].function_id
    changed = servicer.function_update_scheduling_params(
        api_pb2.FunctionUpdateSchedulingParamsRequest(
            function_id=function_id, settings=api_pb2.AutoscalerSettings(scaledown_window=60)
        )
    ).current_settings
    config = servicer.function_get_scheduling_params(
        api_pb2.FunctionGetSchedulingParamsRequest(function_id=function_id)
    ).autoscaler_configuration

    assert (changed.scaledown_window, changed.max_containers) == (60, 3)
    assert config.settings == changed
    assert config.static_settings.scaledown_window == 300
    assert config.override_settings == api_pb2.AutoscalerSettings(scaledown_window=60)


def test_settings_that_make_no_sense_are_an_invalid_argument_and_change_nothing(
    servicer: Servicer, environment: Environment
) -> None:
    request = api_pb2.FunctionUpdateSchedulingParamsRequest(
        function_id=environment.apps[0].functions[0].function_id,
        settings=api_pb2.AutoscalerSettings(min_containers=4),
    )

    assert error(servicer.function_update_scheduling_params, request)[0] is status.INVALID_ARGUMENT
    assert environment.apps[0].functions[0].pool.settings.min_containers == 0


def test_containers_are_listed_of_one_app_or_of_all(
    servicer: Servicer,
    environment: Environment,
    pools: dict[str, Pool],
    container: Callable[..., ContainerHandle],
) -> None:
    pools[FLUX].containers.append(container("ta-01FLUX"))
    pools[LORA].containers.append(container("ta-01LORA"))
    pools[LORA].ended.append(container("ta-01ENDED"))

    def listed(app_id: str = "") -> list[str]:
        return [task.task_id for task in servicer.task_list(api_pb2.TaskListRequest(app_id=app_id)).tasks]

    assert listed() == ["ta-01FLUX", "ta-01LORA"]
    assert listed(environment.apps[1].app_id) == ["ta-01LORA"]


def test_a_stopped_container_is_listed_no_more_and_can_still_be_looked_up(
    servicer: Servicer, pools: dict[str, Pool], container: Callable[..., ContainerHandle]
) -> None:
    made = container("ta-01", inputs=2)
    pools[FLUX].containers.append(made)

    servicer.container_stop(api_pb2.ContainerStopRequest(task_id="ta-01"))

    assert made.stopped
    assert not servicer.task_list(api_pb2.TaskListRequest()).tasks
    assert servicer.task_get_info(api_pb2.TaskGetInfoRequest(task_id="ta-01")).info.id == "ta-01"


def test_a_graceful_stop_waits_for_the_inputs_of_a_container(
    servicer: Servicer, pools: dict[str, Pool], container: Callable[..., ContainerHandle]
) -> None:
    made = container("ta-01", inputs=1)
    pools[FLUX].containers.append(made)

    servicer.container_stop(api_pb2.ContainerStopRequest(task_id="ta-01", graceful=True))

    assert (made.draining, made.stopped) == (True, False)


def test_an_app_can_refuse_to_have_its_containers_stopped(
    servicer: Servicer, pools: dict[str, Pool], container: Callable[..., ContainerHandle]
) -> None:
    made = container("ta-01")
    pools[LORA].containers.append(made)

    assert error(servicer.container_stop, api_pb2.ContainerStopRequest(task_id="ta-01")) == (
        status.FAILED_PRECONDITION,
        "Container ta-01 cannot be stopped",
    )
    assert not made.stopped


@pytest.fixture
def enqueued(pools: dict[str, Pool]) -> None:
    """Five calls of flux: `fc-0` to `fc-4`, enqueued ten seconds apart from 1000 on."""
    for number in range(5):
        pools[FLUX].records.enqueue(f"fc-{number}").enqueued_at = 1000.0 + 10 * number


def fetched(servicer: Servicer, environment: Environment, **query: Any) -> list[str]:
    request = api_pb2.FunctionCallFetchRequest(
        function_id=environment.apps[0].functions[0].function_id, **query
    )
    return [call.function_call_id for call in servicer.function_call_fetch(request).function_call_inputs]


def time_range(since: float, until: float, limit: int = 0) -> Any:
    return api_pb2.FunctionCallFetchRequest.Range(
        since=messages.timestamp(since), until=messages.timestamp(until), limit=limit
    )


@pytest.mark.usefixtures("enqueued")
def test_the_last_calls_come_newest_first(servicer: Servicer, environment: Environment) -> None:
    tail = api_pb2.FunctionCallFetchRequest.Tail

    assert fetched(servicer, environment, tail=tail(count=2)) == ["fc-4", "fc-3"]
    assert len(fetched(servicer, environment, tail=tail(count=100))) == 5


@pytest.mark.usefixtures("enqueued")
def test_the_calls_of_a_time_range_come_oldest_first_without_its_end(
    servicer: Servicer, environment: Environment
) -> None:
    assert fetched(servicer, environment, range=time_range(1010, 1030)) == ["fc-1", "fc-2"]
    assert fetched(servicer, environment, range=time_range(1010, 1050, limit=3)) == ["fc-1", "fc-2", "fc-3"]


@pytest.mark.usefixtures("enqueued")
def test_calls_are_those_of_one_function(servicer: Servicer, environment: Environment) -> None:
    request = api_pb2.FunctionCallFetchRequest(
        function_id=environment.apps[1].functions[0].function_id,
        tail=api_pb2.FunctionCallFetchRequest.Tail(count=9),
    )

    assert not servicer.function_call_fetch(request).function_call_inputs


def test_a_fetch_needs_a_tail_or_a_range_and_a_count_a_width(
    servicer: Servicer, environment: Environment
) -> None:
    function_id = environment.apps[0].functions[0].function_id
    fetch = api_pb2.FunctionCallFetchRequest(function_id=function_id)
    count = api_pb2.FunctionCallCountRequest(function_id=function_id)

    assert error(servicer.function_call_fetch, fetch)[0] is status.INVALID_ARGUMENT
    assert error(servicer.function_call_count, count)[0] is status.INVALID_ARGUMENT


@pytest.mark.usefixtures("enqueued")
def test_calls_are_counted_in_buckets_of_time(servicer: Servicer, environment: Environment) -> None:
    request = api_pb2.FunctionCallCountRequest(
        function_id=environment.apps[0].functions[0].function_id,
        since=messages.timestamp(1000),
        until=messages.timestamp(1040),
        bucket_secs=20,
    )
    counted = servicer.function_call_count(request).buckets

    assert [(messages.moment(each.bucket_start_at), each.count) for each in counted] == [(1000, 2), (1020, 2)]


@given(st.lists(st.integers(0, 10_000), max_size=20), st.integers(1, 500), st.integers(0, 1000))
def test_every_moment_is_in_the_one_bucket_that_spans_it(offsets: list[int], width: int, begin: int) -> None:
    moments = [float(begin + offset) for offset in offsets]
    made = [(messages.moment(each.bucket_start_at), each.count) for each in buckets(moments, begin, width)]

    assert made == sorted(made)
    assert sum(count for _, count in made) == len(moments)
    for start, count in made:
        assert (start - begin) % width == 0
        assert count == sum(start <= moment < start + width for moment in moments) > 0
