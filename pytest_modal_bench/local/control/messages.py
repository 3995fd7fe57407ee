"""What the control plane says, in Modal's protobuf messages: apps, functions, containers, calls, prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from modal_proto import api_pb2

from pytest_modal_bench.local.app.gpu import GPU_TYPE
from pytest_modal_bench.local.identifiers import object_id

if TYPE_CHECKING:
    from pytest_modal_bench.local.containers.autoscaler import Autoscaler
    from pytest_modal_bench.local.containers.lifeline import Container
    from pytest_modal_bench.local.containers.pool import Pool
    from pytest_modal_bench.local.containers.records import Record

CLASS = "ComfyUI"
METHOD = "fastapi_app"
SERVICE_FUNCTION = f"{CLASS}.*"
"""Modal's name of the function that runs all methods of a class."""
WHO = "local-workspace"

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
"""USD an hour: the prices a second of Modal's pricing page (2026), times 3600; CPU per physical core, memory
per GiB. The keys are those that public code reads from `modal billing rates --json`."""


class Deployed(NamedTuple):
    """One app as the control plane knows it."""

    pool: Pool
    url: str
    at: float
    """When it was deployed, in Unix time."""
    app_id: str
    function_id: str
    class_id: str

    @classmethod
    def now(cls, pool: Pool, url: str, at: float) -> Deployed:
        """Deploy it, under ids that are drawn."""
        return cls(pool, url, at, object_id("ap"), object_id("fu"), object_id("cs"))


def app_lifecycle(deployed: Deployed) -> api_pb2.AppLifecycle:
    """Tell an app's life so far: deployed once, when the workspace started."""
    return api_pb2.AppLifecycle(
        app_state=api_pb2.APP_STATE_DEPLOYED,
        created_at=deployed.at,
        created_by=WHO,
        deployed_at=deployed.at,
        deployed_by=WHO,
        version=1,
    )


def app_metadata(deployed: Deployed, environment: str) -> api_pb2.AppHandleMetadata:
    """Tell what is in an app."""
    return api_pb2.AppHandleMetadata(
        description=deployed.pool.name,
        app_id=deployed.app_id,
        environment_name=environment,
        lifecycle=app_lifecycle(deployed),
        functions={SERVICE_FUNCTION: deployed.function_id},
    )


def function_metadata(deployed: Deployed, method: str | None = None) -> api_pb2.FunctionHandleMetadata:
    """Tell what a client needs to use a function: the class's, or one method's."""
    common = api_pb2.FunctionHandleMetadata(
        app_id=deployed.app_id,
        function_type=api_pb2.Function.FUNCTION_TYPE_FUNCTION,
        supported_input_formats=[api_pb2.DATA_FORMAT_ASGI],
        supported_output_formats=[api_pb2.DATA_FORMAT_ASGI, api_pb2.DATA_FORMAT_GENERATOR_DONE],
    )
    told = api_pb2.FunctionHandleMetadata(
        function_name=f"{CLASS}.{METHOD}",
        is_method=True,
        use_method_name=METHOD,
        web_url=deployed.url,
    )
    told.MergeFrom(common)
    if method:
        return told
    service = api_pb2.FunctionHandleMetadata(
        function_name=SERVICE_FUNCTION,
        class_parameter_info=api_pb2.ClassParameterInfo(),
        method_handle_metadata={METHOD: told},
    )
    service.MergeFrom(common)
    return service


def function_data(deployed: Deployed, method: str | None = None) -> api_pb2.FunctionData:
    """Tell how a function is configured."""
    app = deployed.pool.app
    web = api_pb2.WebhookConfig(
        type=api_pb2.WEBHOOK_TYPE_ASGI_APP, async_mode=api_pb2.WEBHOOK_ASYNC_MODE_AUTO
    )
    name = f"{CLASS}.{method}" if method else SERVICE_FUNCTION
    function = api_pb2.Function(
        function_name=name,
        app_name=deployed.pool.name,
        is_class=not method,
        timeout_secs=int(app.timeout),
        max_concurrent_inputs=app.concurrent_inputs,
        resources=api_pb2.Resources(gpu_config=api_pb2.GPUConfig(gpu_type=GPU_TYPE, count=1)),
    )
    data = api_pb2.FunctionData(
        function_name=name,
        function_type=api_pb2.Function.FUNCTION_TYPE_FUNCTION,
        timeout_secs=int(app.timeout),
        is_class=not method,
        is_method=bool(method),
        autoscaler_settings=settings(deployed.pool.settings),
        ranked_functions=[api_pb2.FunctionData.RankedFunction(rank=0, function=function)],
    )
    if method:
        data.web_url = deployed.url
        data.webhook_config.CopyFrom(web)
    else:
        data.method_definitions_set = True
        data.method_definitions[METHOD].CopyFrom(
            api_pb2.MethodDefinition(
                function_name=f"{CLASS}.{METHOD}", webhook_config=web, web_url=deployed.url
            )
        )
    return data


def settings(autoscaler: Autoscaler) -> api_pb2.AutoscalerSettings:
    """Tell autoscaler settings."""
    return api_pb2.AutoscalerSettings(
        min_containers=autoscaler.min_containers,
        max_containers=autoscaler.max_containers,
        buffer_containers=autoscaler.buffer_containers,
        scaledown_window=autoscaler.scaledown_window,
    )


def task_stats(deployed: Deployed, container: Container) -> api_pb2.TaskStats:
    """Tell of a live container; `started_at` stays 0 while it boots."""
    return api_pb2.TaskStats(
        task_id=container.id,
        app_id=deployed.app_id,
        app_description=deployed.pool.name,
        enqueued_at=container.created_at,
        started_at=container.up_at,
    )


def task_info(container: Container) -> api_pb2.TaskInfo:
    """Tell of a container, live or not."""
    info = api_pb2.TaskInfo(
        id=container.id,
        enqueued_at=container.created_at,
        started_at=container.up_at,
        finished_at=container.ended_at,
        gpu_type=GPU_TYPE,
        gpu_config=api_pb2.GPUConfig(gpu_type=GPU_TYPE, count=1),
    )
    if container.ended_at:
        # Every container ends by a signal: who sent it makes no difference to Modal either.
        info.result.status = api_pb2.GenericResult.GENERIC_STATUS_TERMINATED
    return info


def call(record: Record) -> api_pb2.FunctionCallInputInfo:
    """Tell the record of one call."""
    status = f"FUNCTION_CALL_INPUT_STATUS_{record.status.upper()}"
    return api_pb2.FunctionCallInputInfo(
        function_call_id=record.call_id,
        service_method_name=METHOD,
        enqueued_at=timestamp(record.enqueued_at),
        started_at=None if record.started_at is None else timestamp(record.started_at),
        container_id=record.container_id,
        startup_time_seconds=record.startup_sec,
        execution_time_seconds=record.execution_sec,
        status=api_pb2.FunctionCallInputStatus.Value(status),
    )


def timestamp(moment: float) -> Timestamp:
    """Write Unix time as protobuf does."""
    written = Timestamp()
    written.FromNanoseconds(round(moment * 1e9))
    return written


def moment(written: Timestamp) -> float:
    """Read what `timestamp` writes."""
    return float(written.ToNanoseconds()) / 1e9


def rates() -> api_pb2.WorkspaceBillingRatesResponse:
    """Tell prices: those of `RATES`, whoever asks."""
    lines = ["USD per hour, from Modal's pricing page: the local workspace costs nothing."]
    lines += [f"{name:24} {price}" for name, price in RATES.items()]
    return api_pb2.WorkspaceBillingRatesResponse(rates=RATES, formatted="\n".join(lines))
