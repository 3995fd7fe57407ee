"""Modal's control plane through the `modal` SDK, known to this module and `connection` alone, imported when used."""

from __future__ import annotations

import functools
import importlib
import operator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_modal_bench.control.connection import PATIENCE_SEC, UPGRADE, SdkConnection
from pytest_modal_bench.control.interface import Autoscaler, CallRecord, ControlError, WebFunction
from pytest_modal_bench.safety.secrets import Secret, sealed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import modal
    from modal_proto import api_pb2

T = TypeVar("T")

_FEATURES = (
    ("modal", "Client.from_credentials"),
    ("modal", "Client.stub"),
    ("modal", "Environment.from_name"),
    ("modal", "Environment.from_context"),
    ("modal", "Environment.apps"),
    ("modal", "App.info"),
    ("modal", "Function.from_id"),
    ("modal", "Function.autoscaler"),
    ("modal", "Function.get_current_stats"),
    ("modal", "Function.get_web_url"),
    ("modal", "Function.info"),
    ("modal", "Workspace.from_context"),
    ("modal", "Workspace.billing"),
    ("modal._utils.async_utils", "synchronizer"),
    ("modal.config", "config"),
    ("modal_proto.api_pb2", "ContainerStopRequest"),
    ("modal_proto.api_pb2", "FunctionCallFetchRequest"),
    ("modal_proto.api_pb2", "TaskGetInfoRequest"),
    ("modal_proto.api_pb2", "TaskListRequest"),
)
# What Modal does where a function does not say: https://modal.com/docs/guide/scale.
_DEFAULT_SCALEDOWN_WINDOW = 60
_MAX_RECORDS = 1000


@sealed
def connect(
    *,
    environment: str | None,
    token_id: str | None,
    token_secret: str | None,
    server_url: str | None = None,
    patience_sec: float = PATIENCE_SEC,
) -> SdkControlPlane:
    """Connect, and check token and environment at once; `environment` None: the one that Modal's own settings name.

    `server_url` None: `MODAL_SERVER_URL`, or else Modal's own. No question takes longer than `patience_sec`.
    """
    _require_sdk()
    if not token_id or not token_secret:
        raise ControlError(
            "no Modal token: set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET (`modal token new` makes one)"
        )
    connection = SdkConnection(Secret(token_id), Secret(token_secret), server_url, patience_sec)
    try:
        with connection.translating_errors("checking the token"):
            connection.ask(connection.client.hello.aio)
        with connection.translating_errors("looking up the environment"):
            return SdkControlPlane(connection, _find_environment(connection, environment))
    except BaseException:
        connection.close()
        raise


class SdkControlPlane:
    """A `ControlPlane` that asks Modal; each function is looked up once."""

    def __init__(self, connection: SdkConnection, environment: modal.Environment) -> None:
        self._connection = connection
        self._environment = environment
        self._functions: dict[tuple[str, str], SdkFunction] = {}
        self.server_url = connection.server_url
        self.environment = environment.name

    def function(self, app: str, name: str) -> SdkFunction:
        """Look a deployed function up."""
        if (app, name) not in self._functions:
            with self._connection.translating_errors(f"looking up {name} of {app}"):
                self._functions[app, name] = self._look_up(app, name)
        return self._functions[app, name]

    def web_functions(self, apps: Collection[str] = ()) -> Sequence[WebFunction]:
        """List the web functions of the deployed `apps`, or of all, by app and name; it starts no container."""
        with self._connection.translating_errors("listing the apps"):
            # An app that is not deployed, such as one that `modal run` runs, has no name.
            deployed = {
                app.name: app for app in self._connection.ask(self._environment.apps.list.aio) if app.name
            }
        for name in apps:
            if name not in deployed:
                raise ControlError(
                    f"{name} is not deployed in environment {self.environment}; {_known(deployed)}"
                )
        found: list[WebFunction] = []
        for name in apps or sorted(deployed):
            with self._connection.translating_errors(f"listing the functions of {name}"):
                found += self._web_functions(name, deployed[name])
        return found

    def _web_functions(self, app: str, deployed: modal.App) -> Iterator[WebFunction]:
        import modal

        ask = self._connection.ask
        for tag, id_ in sorted(ask(deployed.info.aio).functions.items()):
            function = modal.Function.from_id(id_, client=self._connection.client)
            ask(function.hydrate.aio)
            info = ask(function.info.aio)
            # To Modal a class is one function, `NAME.*`, and its web methods are addresses of it.
            web = {tag: info.web_info} if info.web_info else {}
            web |= {
                f"{tag.removesuffix('.*')}.{name}": each for name, each in (info.method_details or {}).items()
            }
            if not any(each.web_url for each in web.values()):
                continue
            where = _Where(self.environment or "", deployed.app_id or "", None, alone=False)
            own = SdkFunction(self._connection, (app, tag), where, function, None)
            gpu, window = own.gpu(), own.autoscaler().scaledown_window
            for name, each in sorted(web.items()):
                if each.web_url:
                    yield WebFunction(
                        app=app,
                        name=name,
                        url=each.web_url,
                        gpu=gpu,
                        scaledown_window=window,
                        method=each.method,
                        wants_token=not each.unauthenticated,
                    )

    def rates(self) -> Mapping[str, str]:
        """The workspace's prices as Modal names and writes them: USD per hour under keys such as `cpu_hour_cost`."""
        import modal

        async def ask() -> dict[str, str]:
            workspace = modal.Workspace.from_context(client=self._connection.client)
            rates = await workspace.billing.rates.aio()
            return {name: str(price) for name, price in rates.items()}

        with self._connection.translating_errors("asking for the prices"):
            return self._connection.ask(ask)

    def close(self) -> None:
        """Let go of the connection; a second time does nothing."""
        self._connection.close()

    def _look_up(self, app: str, name: str) -> SdkFunction:
        import modal

        ask = self._connection.ask
        info = ask(self._app(app).info.aio)
        # To Modal a class is one function, and its web methods are addresses of it.
        owner, dot, method = name.partition(".")
        tag = f"{owner}.*" if dot else name
        if tag not in info.functions:
            raise ControlError(f"{app} has no function {name}; {_known(info.functions)}")
        function = modal.Function.from_id(info.functions[tag], client=self._connection.client)
        ask(function.hydrate.aio)
        if dot:
            details = ask(function.info.aio)
            web = details.method_details or {}
            if method not in {*web, *(details.method_names or ())}:
                raise ControlError(f"{owner} of {app} has no method {method}; {_known(web)}")
            url = web[method].web_url if method in web else None
        else:
            url = ask(function.get_web_url.aio)
        alone = len({*info.functions.values(), *info.servers.values()}) == 1
        where = _Where(self.environment or "", info.app_id, _deploy(info.lifecycle), alone)
        return SdkFunction(self._connection, (app, name), where, function, url or None)

    def _app(self, name: str) -> modal.App:
        for app in self._connection.ask(self._environment.apps.list.aio):
            if app.name == name:
                return app
        where = self.environment
        raise ControlError(
            f"{name} is not deployed in environment {where}; see `modal app list --env {where}`"
        )


class _Where(NamedTuple):
    """The app that a function is in."""

    environment: str
    app_id: str
    deployed: str | None
    """Which deploy of it that is."""
    alone: bool
    """Whether the app has nothing else; what there is has containers, too, listed among all of the app's."""


def _deploy(lifecycle: modal.types.AppLifecycle) -> str | None:
    if lifecycle.version is None or lifecycle.deployed_at is None:
        return None
    return f"v{lifecycle.version}, {lifecycle.deployed_at.isoformat(timespec='seconds')}"


class SdkFunction:
    """A `Function` that asks Modal."""

    def __init__(
        self,
        connection: SdkConnection,
        names: tuple[str, str],
        where: _Where,
        function: modal.Function[Any, Any, Any],
        url: str | None,
    ) -> None:
        self._connection = connection
        self._environment, self._app_id, self._deployed, self._alone = where
        self._function = function
        self._url = url
        self.app, self.name = names

    def web_url(self) -> str | None:
        """Its base URL, as it was when the function was looked up; None: it is no web function."""
        return self._url

    def deployed(self) -> str | None:
        """Which deploy of its app this was when it was looked up; see `Function.deployed`."""
        return self._deployed

    def gpu(self) -> str | None:
        """What its containers ask for: `L40S`, or `L40S:2` for several; None: none, or one of several kinds."""
        with self._translating_errors("asking for the GPU"):
            gpus = self._connection.ask(self._function.info.aio).gpus
            if len(gpus) != 1:
                return None
            kind, count = gpus[0]
            return kind if count == 1 else f"{kind}:{count}"

    def count(self) -> int:
        """How many containers the function has now, those that boot included."""
        with self._translating_errors("counting the containers"):
            return self._connection.ask(self._function.get_current_stats.aio).num_total_runners

    def containers(self) -> frozenset[str]:
        """Ids of the containers that the function's whole app has now: Modal lists them by app alone."""
        from modal_proto import api_pb2

        with self._translating_errors("listing the containers"):
            request = api_pb2.TaskListRequest(environment_name=self._environment, app_id=self._app_id)
            listed = self._connection.ask(lambda: self._connection.stub.TaskList(request))
            return frozenset(task.task_id for task in listed.tasks)

    def own_containers(self) -> frozenset[str]:
        """Ids of the containers that are known to be this function's own; see `Function.own_containers`."""
        containers = self.containers()
        if self._alone or not containers:
            return containers
        # Whichever method of a class it was that was called: its methods share their containers.
        return containers & {call.container_id for call in self._last_calls(_MAX_RECORDS)}

    def records(self, limit: int) -> Sequence[CallRecord]:
        """The provider's records of the function's last calls, newest first; at most `limit` of them."""
        if limit < 1:
            return ()
        method = self.name.partition(".")[2]
        return tuple(
            _record(call)
            for call in self._last_calls(limit)
            # The methods of a class share one list.
            if not call.HasField("service_method_name") or call.service_method_name == method
        )[:limit]

    def _last_calls(self, limit: int) -> Sequence[api_pb2.FunctionCallInputInfo]:
        from modal_proto import api_pb2

        with self._translating_errors("asking for the calls"):
            tail = api_pb2.FunctionCallFetchRequest.Tail(count=min(limit, _MAX_RECORDS))
            request = api_pb2.FunctionCallFetchRequest(function_id=self._function.object_id, tail=tail)
            fetched = self._connection.ask(lambda: self._connection.stub.FunctionCallFetch(request))
            return tuple(fetched.function_call_inputs)

    def autoscaler(self) -> Autoscaler:
        """The settings that hold now, each of them a number: what Modal leaves out means its default.

        So `set_autoscaler(autoscaler())` puts every setting back, from whatever they have become in between.
        The SDK can't un-set a setting; one that was not set is then set to its default, which means the same.
        """
        with self._translating_errors("asking for the autoscaler settings"):
            settings = self._connection.ask(self._function.autoscaler.settings.aio)
            window = settings.scaledown_window
            return Autoscaler(
                min_containers=settings.min_containers or 0,
                max_containers=settings.max_containers or 0,
                buffer_containers=settings.buffer_containers or 0,
                scaledown_window=_DEFAULT_SCALEDOWN_WINDOW if window is None else window,
            )

    def set_autoscaler(self, settings: Autoscaler) -> None:
        """Replace what `settings` sets, until the next deploy; what is None there is left as it is."""
        changes: dict[str, Any] = {
            name: value
            for name in settings.__struct_fields__
            if (value := getattr(settings, name)) is not None
        }
        if changes.get("max_containers") == 0:
            # The SDK refuses 0, and reads None as no limit.
            changes["max_containers"] = None
        with self._translating_errors("changing the autoscaler settings"):
            self._connection.ask(functools.partial(self._function.autoscaler.update.aio, **changes))

    def stop(self, container: str) -> None:
        """End a container. One that is gone already is no error."""
        import modal
        from modal_proto import api_pb2

        async def end() -> None:
            stub = self._connection.stub
            with suppress(modal.exception.NotFoundError):
                found = await stub.TaskGetInfo(api_pb2.TaskGetInfoRequest(task_id=container))
                if not found.info.finished_at:
                    await stub.ContainerStop(api_pb2.ContainerStopRequest(task_id=container))

        with self._translating_errors(f"stopping {container}"):
            self._connection.ask(end)

    def _translating_errors(self, doing: str) -> AbstractContextManager[None]:
        return self._connection.translating_errors(f"{doing} of {self.app}")


def _require_sdk() -> None:
    """Check that the SDK is there, and has what is needed of it: its version says less than its features."""
    try:
        importlib.import_module("modal")
    except ImportError:
        raise ControlError(
            "the modal SDK is not installed: pip install 'pytest-modal-bench[modal]'"
        ) from None
    for module, feature in _FEATURES:
        try:
            operator.attrgetter(feature)(importlib.import_module(module))
        except (ImportError, AttributeError):
            raise ControlError(f"the modal SDK is too old, it lacks {module}.{feature}: {UPGRADE}") from None


def _find_environment(connection: SdkConnection, name: str | None) -> modal.Environment:
    import modal

    async def find() -> modal.Environment | None:
        if name:
            environment = modal.Environment.from_name(name, client=connection.client)
        else:
            environment = modal.Environment.from_context(client=connection.client)
        try:
            await environment.hydrate.aio()
        except modal.exception.NotFoundError:
            return None
        return environment

    found = connection.ask(find)
    if found is None:
        wanted = f"environment {name}" if name else "default environment"
        raise ControlError(f"the workspace has no {wanted}; see `modal environment list`")
    return found


def _record(call: api_pb2.FunctionCallInputInfo) -> CallRecord:
    from modal_proto import api_pb2

    status = None
    if call.status:
        try:
            status = api_pb2.FunctionCallInputStatus.Name(call.status)
        except ValueError:
            # Newer than the SDK.
            status = str(call.status)
    return CallRecord(
        call_id=call.function_call_id,
        container=call.container_id if call.HasField("container_id") else None,
        enqueued_at=call.enqueued_at.ToNanoseconds() / 1e9 if call.HasField("enqueued_at") else None,
        started_at=call.started_at.ToNanoseconds() / 1e9 if call.HasField("started_at") else None,
        startup_sec=call.startup_time_seconds if call.HasField("startup_time_seconds") else None,
        execution_sec=call.execution_time_seconds if call.HasField("execution_time_seconds") else None,
        status=status and status.removeprefix("FUNCTION_CALL_INPUT_STATUS_").replace("_", " ").lower(),
    )


def _known(names: Mapping[str, object]) -> str:
    return f"known: {', '.join(sorted(names)) or 'none'}"
