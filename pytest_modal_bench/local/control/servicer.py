"""Answers the control plane's calls from the pools and their real containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError
from modal_proto import api_pb2

from pytest_modal_bench.local.containers.autoscaler import Autoscaler
from pytest_modal_bench.local.control import messages
from pytest_modal_bench.local.control.environment import not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from google.protobuf.empty_pb2 import Empty

    from pytest_modal_bench.local.control.environment import Environment

SETTINGS = tuple(Autoscaler.__struct_fields__)


class Servicer:
    """The calls of one workspace, which has one environment.

    Every call raises `GRPCError` for what does not exist, and for what Modal would refuse.
    """

    def __init__(self, workspace: str, environment: Environment, *, refuses_stops: Collection[str]) -> None:
        """`refuses_stops`: the apps for which a request to stop a container is answered with an error."""
        self._workspace = workspace
        self._environment = environment
        self._refuses_stops = refuses_stops

    def answers(self) -> dict[str, Callable[[Any], Any]]:
        """Every call by Modal's name."""
        return {
            "AppDeploymentHistory": self.app_deployment_history,
            "AppGetByDeploymentName": self.app_get_by_deployment_name,
            "AppGetInfo": self.app_get_info,
            "AppGetLifecycle": self.app_get_lifecycle,
            "AppGetOrCreate": self.app_get_or_create,
            "AppList": self.app_list,
            "ClassGet": self.class_get,
            "ClientHello": self.client_hello,
            "ContainerStop": self.container_stop,
            "EnvironmentGetOrCreate": self.environment_get_or_create,
            "EnvironmentList": self.environment_list,
            "FunctionCallCount": self.function_call_count,
            "FunctionCallFetch": self.function_call_fetch,
            "FunctionGet": self.function_get,
            "FunctionGetById": self.function_get_by_id,
            "FunctionGetCurrentStats": self.function_get_current_stats,
            "FunctionGetSchedulingParams": self.function_get_scheduling_params,
            "FunctionUpdateSchedulingParams": self.function_update_scheduling_params,
            "TaskGetInfo": self.task_get_info,
            "TaskList": self.task_list,
            "WorkspaceBillingRates": self.workspace_billing_rates,
            "WorkspaceNameLookup": self.workspace_name_lookup,
        }

    def client_hello(self, _request: Empty) -> api_pb2.ClientHelloResponse:
        """Answer a client's first call, with which it checks its token."""
        return api_pb2.ClientHelloResponse()

    def workspace_name_lookup(self, _request: Empty) -> api_pb2.WorkspaceNameLookupResponse:
        """The name of the workspace that the token belongs to."""
        return api_pb2.WorkspaceNameLookupResponse(workspace_name=self._workspace, username=self._workspace)

    def workspace_billing_rates(
        self, _request: api_pb2.WorkspaceBillingRatesRequest
    ) -> api_pb2.WorkspaceBillingRatesResponse:
        """The prices of CPU, memory and GPUs."""
        return messages.rates()

    def environment_get_or_create(
        self, request: api_pb2.EnvironmentGetOrCreateRequest
    ) -> api_pb2.EnvironmentGetOrCreateResponse:
        """Find the environment; none is created."""
        self._environment.check_name(request.deployment_name)
        return api_pb2.EnvironmentGetOrCreateResponse(
            environment_id=self._environment.id,
            metadata=api_pb2.EnvironmentMetadata(name=self._environment.name),
        )

    def environment_list(self, _request: Empty) -> api_pb2.EnvironmentListResponse:
        """List the one environment."""
        item = api_pb2.EnvironmentListItem(
            name=self._environment.name,
            environment_id=self._environment.id,
            created_at=self._environment.created_at,
            default=True,
        )
        return api_pb2.EnvironmentListResponse(items=[item])

    def app_list(self, request: api_pb2.AppListRequest) -> api_pb2.AppListResponse:
        """List all apps."""
        self._environment.check_name(request.environment_name)
        return api_pb2.AppListResponse(
            apps=[
                api_pb2.AppListResponse.AppListItem(
                    app_id=each.app_id,
                    name=each.name,
                    description=each.name,
                    state=api_pb2.APP_STATE_DEPLOYED,
                    created_at=each.deployed_at,
                    n_running_tasks=sum(pool.stats().containers for pool in each.pools),
                    metadata=messages.app_metadata(each, self._environment.name),
                )
                for each in self._environment.apps
            ]
        )

    def app_get_or_create(self, request: api_pb2.AppGetOrCreateRequest) -> api_pb2.AppGetOrCreateResponse:
        """Find an app by name or id; none is created."""
        self._environment.check_name(request.environment_name)
        found = self._environment.app(request.app_name)
        return api_pb2.AppGetOrCreateResponse(
            app_id=found.app_id, handle_metadata=messages.app_metadata(found, self._environment.name)
        )

    def app_get_by_deployment_name(
        self, request: api_pb2.AppGetByDeploymentNameRequest
    ) -> api_pb2.AppGetByDeploymentNameResponse:
        """Find an app by name; as at Modal, the answer is empty if there is none."""
        self._environment.check_name(request.environment_name)
        answer = api_pb2.AppGetByDeploymentNameResponse(environment_name=self._environment.name)
        for each in self._environment.apps:
            if each.name == request.name:
                answer.app_id = each.app_id
                answer.lifecycle.CopyFrom(messages.app_lifecycle(each))
        return answer

    def app_get_info(self, request: api_pb2.AppGetInfoRequest) -> api_pb2.AppGetInfoResponse:
        """An app's metadata."""
        info = messages.app_metadata(self._environment.app(request.app_id), self._environment.name)
        return api_pb2.AppGetInfoResponse(info=info)

    def app_get_lifecycle(self, request: api_pb2.AppGetLifecycleRequest) -> api_pb2.AppGetLifecycleResponse:
        """An app's lifecycle."""
        return api_pb2.AppGetLifecycleResponse(
            lifecycle=messages.app_lifecycle(self._environment.app(request.app_id))
        )

    def app_deployment_history(
        self, request: api_pb2.AppDeploymentHistoryRequest
    ) -> api_pb2.AppDeploymentHistoryResponse:
        """List an app's versions: the one that came with the workspace."""
        found = self._environment.app(request.app_id)
        version = api_pb2.AppDeploymentHistory(
            app_id=found.app_id,
            version=1,
            deployed_at=found.deployed_at,
            deployed_by=messages.DEPLOYED_BY,
            deployment_type=api_pb2.DEPLOYMENT_TYPE_STANDARD,
        )
        return api_pb2.AppDeploymentHistoryResponse(
            app_deployment_histories=[version], production_app_version=1
        )

    def function_get(self, request: api_pb2.FunctionGetRequest) -> api_pb2.FunctionGetResponse:
        """Find a function by its tag: one that stands alone, a class's own, or that of its web method."""
        self._environment.check_name(request.environment_name)
        app = self._environment.app(request.app_name)
        if request.app_version > 1:
            raise not_found(f"Version {request.app_version} of App '{app.name}'")
        for found in app.functions:
            if request.object_tag == found.owner and found.method:
                reason = api_pb2.FunctionLookupError(
                    reason=api_pb2.FunctionLookupError.REASON_CLASS_NAME_USED
                )
                raise GRPCError(Status.NOT_FOUND, f"'{found.owner}' is a class", [reason])
            methods = {found.tag: None, found.pool.app.function: found.method}
            if request.object_tag in methods:
                method = methods[request.object_tag]
                return api_pb2.FunctionGetResponse(
                    function_id=found.function_id,
                    handle_metadata=messages.function_metadata(found, method),
                    function=messages.function_data(found, method),
                )
        raise not_found(f"Function '{request.object_tag}' in App '{app.name}'")

    def function_get_by_id(self, request: api_pb2.FunctionGetByIdRequest) -> api_pb2.FunctionGetByIdResponse:
        """Find a function, or a class's function, by its id."""
        found = self._environment.function(request.function_id)
        return api_pb2.FunctionGetByIdResponse(
            function=messages.function_data(found), handle_metadata=messages.function_metadata(found)
        )

    def class_get(self, request: api_pb2.ClassGetRequest) -> api_pb2.ClassGetResponse:
        """Find the class of an app."""
        self._environment.check_name(request.environment_name)
        app = self._environment.app(request.app_name)
        for found in app.functions:
            if found.method and request.object_tag == found.owner:
                handle = api_pb2.ClassHandleMetadata(
                    class_function_id=found.function_id,
                    class_function_metadata=messages.function_metadata(found),
                )
                return api_pb2.ClassGetResponse(class_id=found.class_id, handle_metadata=handle)
        raise not_found(f"Class '{request.object_tag}' in App '{app.name}'")

    def function_get_current_stats(
        self, request: api_pb2.FunctionGetCurrentStatsRequest
    ) -> api_pb2.FunctionStats:
        """Count inputs and containers."""
        stats = self._environment.function(request.function_id).pool.stats()
        return api_pb2.FunctionStats(
            backlog=stats.backlog,
            num_total_tasks=stats.containers,
            num_running_inputs=stats.running,
            input_headroom=stats.headroom,
        )

    def function_get_scheduling_params(
        self, request: api_pb2.FunctionGetSchedulingParamsRequest
    ) -> api_pb2.FunctionGetSchedulingParamsResponse:
        """The autoscaler's settings: those in force, those deployed, and the difference."""
        pool = self._environment.function(request.function_id).pool
        deployed = Autoscaler.deployed(pool.app)
        changed = {
            name: getattr(pool.settings, name)
            for name in SETTINGS
            if getattr(pool.settings, name) != getattr(deployed, name)
        }
        return api_pb2.FunctionGetSchedulingParamsResponse(
            autoscaler_configuration=api_pb2.AutoscalerConfiguration(
                settings=messages.settings(pool.settings),
                static_settings=messages.settings(deployed),
                override_settings=api_pb2.AutoscalerSettings(**changed),
            )
        )

    def function_update_scheduling_params(
        self, request: api_pb2.FunctionUpdateSchedulingParamsRequest
    ) -> api_pb2.FunctionUpdateSchedulingParamsResponse:
        """Change those of the autoscaler's settings that the request sets."""
        pool = self._environment.function(request.function_id).pool
        present = {field.name: value for field, value in request.settings.ListFields()}
        try:
            pool.change({name: value for name, value in present.items() if name in SETTINGS})
        except ValueError as error:
            raise GRPCError(Status.INVALID_ARGUMENT, str(error)) from None
        return api_pb2.FunctionUpdateSchedulingParamsResponse(
            current_settings=messages.settings(pool.settings)
        )

    def task_list(self, request: api_pb2.TaskListRequest) -> api_pb2.TaskListResponse:
        """List live containers, of one app or of all."""
        self._environment.check_name(request.environment_name)
        asked = [self._environment.app(request.app_id)] if request.app_id else self._environment.apps
        return api_pb2.TaskListResponse(
            tasks=[
                messages.task_stats(function, each)
                for app in asked
                for function in app.functions
                for each in function.pool.containers
            ]
        )

    def task_get_info(self, request: api_pb2.TaskGetInfoRequest) -> api_pb2.TaskGetInfoResponse:
        """The details of one container, live or ended."""
        function, container = self._environment.container(request.task_id)
        info = messages.task_info(container, function.pool.app.gpu)
        return api_pb2.TaskGetInfoResponse(app_id=function.app_id, info=info)

    def container_stop(self, request: api_pb2.ContainerStopRequest) -> api_pb2.ContainerStopResponse:
        """Kill a container: its inputs run again in another one, unless `graceful` lets it finish them."""
        function, container = self._environment.container(request.task_id)
        if function.pool.name in self._refuses_stops:
            raise GRPCError(Status.FAILED_PRECONDITION, f"Container {container.id} cannot be stopped")
        function.pool.stop(container, after_inputs=request.graceful)
        return api_pb2.ContainerStopResponse()

    def function_call_fetch(
        self, request: api_pb2.FunctionCallFetchRequest
    ) -> api_pb2.FunctionCallFetchResponse:
        """The records of the last calls, newest first, or of those in a time range, oldest first."""
        function = self._environment.function(request.function_id)
        records = function.pool.records.visible()
        match request.WhichOneof("query_oneof"):
            case "tail":
                chosen = records[::-1][: request.tail.count]
            case "range":
                begin, end = messages.moment(request.range.since), messages.moment(request.range.until)
                chosen = [each for each in records if begin <= each.enqueued_at < end]
                chosen = chosen[: request.range.limit or None]
            case _:
                raise GRPCError(Status.INVALID_ARGUMENT, "either `tail` or `range` must be given")
        return api_pb2.FunctionCallFetchResponse(
            function_call_inputs=[messages.call(each, function.method) for each in chosen]
        )

    def function_call_count(
        self, request: api_pb2.FunctionCallCountRequest
    ) -> api_pb2.FunctionCallCountResponse:
        """Count calls by when they were enqueued, in buckets; the CLI plans its fetches with it."""
        records = self._environment.function(request.function_id).pool.records.visible()
        if not request.bucket_secs:
            raise GRPCError(Status.INVALID_ARGUMENT, "`bucket_secs` must be positive")
        begin, end = messages.moment(request.since), messages.moment(request.until)
        moments = [each.enqueued_at for each in records if begin <= each.enqueued_at < end]
        return api_pb2.FunctionCallCountResponse(buckets=buckets(moments, begin, request.bucket_secs))


def buckets(
    moments: Collection[float], begin: float, width: int
) -> list[api_pb2.FunctionCallCountResponse.InputBucket]:
    """Count moments in buckets of `width` seconds from `begin` on; those without any are left out."""
    counted: dict[int, int] = {}
    for each in moments:
        number = int((each - begin) // width)
        counted[number] = counted.get(number, 0) + 1
    return [
        api_pb2.FunctionCallCountResponse.InputBucket(
            bucket_start_at=messages.timestamp(begin + number * width), count=total
        )
        for number, total in sorted(counted.items())
    ]
