"""Builds the protobuf messages that the control plane answers with: apps, functions, containers, calls, prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from modal_proto import api_pb2

if TYPE_CHECKING:
    from pytest_modal_bench.local.containers.autoscaler import Autoscaler
    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.records import Record
    from pytest_modal_bench.local.control.environment import DeployedApp, DeployedFunction

DEPLOYED_BY = "local-workspace"

RATES = {
    "cpu_hour_cost": "0.04716",
    "mem_gib_hour_cost": "0.007992",
    "gpu_hour_cost_t4": "0.5904",
    "gpu_hour_cost_l4": "0.7992",
    "gpu_hour_cost_a10g": "1.1016",
    "gpu_hour_cost_l40s": "1.9512",
    "gpu_hour_cost_a100_40gb": "2.0988",
    "gpu_hour_cost_a100_80gb": "2.4984",
    "gpu_hour_cost_rtx6000": "3.0312",
    "gpu_hour_cost_h100": "3.9492",
    "gpu_hour_cost_h200": "4.5396",
    "gpu_hour_cost_b200": "6.2496",
}
"""USD per hour: the prices per second of Modal's pricing page (2026), times 3600; CPU per physical core, memory
per GiB. The keys are those that public code reads from `modal billing rates --json`."""


def app_lifecycle(app: DeployedApp) -> api_pb2.AppLifecycle:
    """An app's lifecycle: deployed once, when the workspace started."""
    return api_pb2.AppLifecycle(
        app_state=api_pb2.APP_STATE_DEPLOYED,
        created_at=app.deployed_at,
        created_by=DEPLOYED_BY,
        deployed_at=app.deployed_at,
        deployed_by=DEPLOYED_BY,
        version=1,
    )


def app_metadata(app: DeployedApp, environment: str) -> api_pb2.AppHandleMetadata:
    """An app's metadata: its id and its functions."""
    return api_pb2.AppHandleMetadata(
        description=app.name,
        app_id=app.app_id,
        environment_name=environment,
        lifecycle=app_lifecycle(app),
        functions={each.tag: each.function_id for each in app.functions},
    )


def function_metadata(
    function: DeployedFunction, method: str | None = None
) -> api_pb2.FunctionHandleMetadata:
    """What a client needs to use a function: one that stands alone, a class's own, or that of one of its methods."""
    common = api_pb2.FunctionHandleMetadata(
        app_id=function.app_id,
        function_type=api_pb2.Function.FUNCTION_TYPE_FUNCTION,
        supported_input_formats=[api_pb2.DATA_FORMAT_ASGI],
        supported_output_formats=[api_pb2.DATA_FORMAT_ASGI, api_pb2.DATA_FORMAT_GENERATOR_DONE],
    )
    if function.method is None:
        made = api_pb2.FunctionHandleMetadata(function_name=function.owner, web_url=function.url)
    elif method:
        made = api_pb2.FunctionHandleMetadata(
            function_name=f"{function.owner}.{method}",
            is_method=True,
            use_method_name=method,
            web_url=function.url,
        )
    else:
        made = api_pb2.FunctionHandleMetadata(
            function_name=function.tag,
            class_parameter_info=api_pb2.ClassParameterInfo(),
            method_handle_metadata={function.method: function_metadata(function, function.method)},
        )
    made.MergeFrom(common)
    return made


def function_data(function: DeployedFunction, method: str | None = None) -> api_pb2.FunctionData:
    """A function's configuration: of one that stands alone, a class's own, or that of one of its methods."""
    config = function.pool.app
    web = api_pb2.WebhookConfig(
        type=api_pb2.WEBHOOK_TYPE_ASGI_APP, async_mode=api_pb2.WEBHOOK_ASYNC_MODE_AUTO
    )
    name = f"{function.owner}.{method}" if method else function.tag
    is_class = function.method is not None and not method
    ranked = api_pb2.Function(
        function_name=name,
        app_name=function.app_name,
        is_class=is_class,
        timeout_secs=int(config.timeout),
        max_concurrent_inputs=config.concurrent_inputs,
        resources=api_pb2.Resources(gpu_config=gpu(config.gpu)),
    )
    data = api_pb2.FunctionData(
        function_name=name,
        function_type=api_pb2.Function.FUNCTION_TYPE_FUNCTION,
        timeout_secs=int(config.timeout),
        is_class=is_class,
        is_method=bool(method),
        autoscaler_settings=settings(function.pool.settings),
        ranked_functions=[api_pb2.FunctionData.RankedFunction(rank=0, function=ranked)],
    )
    if function.method is None or method:
        data.web_url = function.url
        data.webhook_config.CopyFrom(web)
    else:
        data.method_definitions_set = True
        data.method_definitions[function.method].CopyFrom(
            api_pb2.MethodDefinition(
                function_name=f"{function.owner}.{function.method}", webhook_config=web, web_url=function.url
            )
        )
    return data


def gpu(kind: str) -> api_pb2.GPUConfig:
    """One GPU of a kind."""
    return api_pb2.GPUConfig(gpu_type=kind, count=1)


def settings(autoscaler: Autoscaler) -> api_pb2.AutoscalerSettings:
    """An app's autoscaler settings."""
    return api_pb2.AutoscalerSettings(
        min_containers=autoscaler.min_containers,
        max_containers=autoscaler.max_containers,
        buffer_containers=autoscaler.buffer_containers,
        scaledown_window=autoscaler.scaledown_window,
    )


def task_stats(function: DeployedFunction, container: ContainerHandle) -> api_pb2.TaskStats:
    """A live container in the list of containers, which names its app alone; `started_at` is 0 while it boots."""
    return api_pb2.TaskStats(
        task_id=container.id,
        app_id=function.app_id,
        app_description=function.app_name,
        enqueued_at=container.created_at,
        started_at=container.up_at,
    )


def task_info(container: ContainerHandle, kind: str) -> api_pb2.TaskInfo:
    """The details of a container, live or ended, with a GPU of that kind."""
    info = api_pb2.TaskInfo(
        id=container.id,
        enqueued_at=container.created_at,
        started_at=container.up_at,
        finished_at=container.ended_at,
        gpu_type=kind,
        gpu_config=gpu(kind),
    )
    if container.ended_at:
        # Every container ends by a signal; Modal makes no difference either by who sent it.
        info.result.status = api_pb2.GenericResult.GENERIC_STATUS_TERMINATED
    return info


def call(record: Record, method: str | None) -> api_pb2.FunctionCallInputInfo:
    """The record of one call, of a class's method or of a function that stands alone."""
    status = f"FUNCTION_CALL_INPUT_STATUS_{record.status.upper()}"
    return api_pb2.FunctionCallInputInfo(
        function_call_id=record.call_id,
        service_method_name=method,
        enqueued_at=timestamp(record.enqueued_at),
        started_at=None if record.started_at is None else timestamp(record.started_at),
        container_id=record.container_id,
        startup_time_seconds=record.startup_sec,
        execution_time_seconds=record.execution_sec,
        status=api_pb2.FunctionCallInputStatus.Value(status),
    )


def timestamp(moment: float) -> Timestamp:
    """Unix time as a protobuf timestamp."""
    written = Timestamp()
    written.FromNanoseconds(round(moment * 1e9))
    return written


def moment(written: Timestamp) -> float:
    """A protobuf timestamp as Unix time."""
    return float(written.ToNanoseconds()) / 1e9


def rates() -> api_pb2.WorkspaceBillingRatesResponse:
    """The prices in `RATES`, the same for every workspace."""
    lines = ["USD per hour, from Modal's pricing page: the local workspace costs nothing."]
    lines += [f"{name:24} {price}" for name, price in RATES.items()]
    return api_pb2.WorkspaceBillingRatesResponse(rates=RATES, formatted="\n".join(lines))
