"""The gRPC server of the control plane, for the `modal` SDK and CLI. Needs the extra `modal`.

It implements the calls in `servicer.py`, and answers all other calls of Modal's with UNIMPLEMENTED.
"""

from __future__ import annotations

import weakref
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message_factory import GetMessageClass
from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.base import StatusDetailsCodecBase
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream
from modal_proto import api_pb2

from pytest_modal_bench.local.control.address import ControlAccess
from pytest_modal_bench.local.http import listen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from google.protobuf.message import Message
    from grpclib.protocol import H2Protocol

    from pytest_modal_bench.local.control.servicer import Servicer
    from pytest_modal_bench.local.workspace.scenario import ControlFault

SERVICE = "modal.client.ModalClient"


@asynccontextmanager
async def serving_control_plane(
    servicer: Servicer, token: tuple[str, str], fault: ControlFault
) -> AsyncGenerator[ControlAccess]:
    """Serve the control plane to clients that send `token`, its id and its secret."""
    service = ControlService(servicer, token, fault)
    server = ClosableServer(service)
    service.close_all = server.close_all
    listener = listen()
    port = listener.getsockname()[1]
    await server.start(sock=listener)
    if fault.gone_after == 0:
        server.close_all()
    try:
        yield ControlAccess(f"http://127.0.0.1:{port}", *token)
    finally:
        server.close_all()


class ClosableServer(Server):
    """A server that can also close the connections that it has, not only its listener."""

    def __init__(self, service: ControlService) -> None:
        super().__init__([service], status_details_codec=StatusDetailsCodec())
        self._protocols: weakref.WeakSet[H2Protocol] = weakref.WeakSet()

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._protocols.add(protocol)
        return protocol

    def close_all(self) -> None:
        """Accept no more connections, and close the open ones once their answers are sent."""
        self.close()
        for protocol in list(self._protocols):
            if hasattr(protocol, "connection"):  # it may not be made yet
                protocol.connection.close()


class ControlService:
    """The gRPC service: checks the token, then has the servicer answer."""

    def __init__(self, servicer: Servicer, token: tuple[str, str], fault: ControlFault) -> None:
        self._servicer = servicer
        self._token = token
        self._fault = fault
        self._answered = 0
        self.close_all: Callable[[], None] = lambda: None

    def __mapping__(self) -> dict[str, Handler]:
        """The handler of every call, for grpclib."""
        descriptor = api_pb2.DESCRIPTOR.services_by_name["ModalClient"]
        answers = self._servicer.answers()
        return {
            f"/{SERVICE}/{each.name}": self._handler(each, answers.get(each.name))
            for each in descriptor.methods
        }

    def _handler(self, method: Any, answer: Callable[[Any], Message] | None) -> Handler:
        async def serve(stream: Stream[Any, Any]) -> None:
            try:
                await self._serve(stream, method.name, answer)
            except GRPCError as error:
                await stream.send_trailing_metadata(
                    status=error.status, status_message=error.message, status_details=error.details
                )
            else:
                await stream.send_trailing_metadata()
            self._answered += 1
            if self._answered == self._fault.gone_after:
                self.close_all()

        request, reply = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        return Handler(serve, Cardinality.UNARY_UNARY, request, reply)

    async def _serve(
        self, stream: Stream[Any, Any], name: str, answer: Callable[[Any], Message] | None
    ) -> None:
        self._check_token(cast("Mapping[str, str]", stream.metadata))
        if answer is None:  # grpclib's own refusal lacks headers, and the SDK would try again
            raise GRPCError(Status.UNIMPLEMENTED, f"The local workspace has no {name}")
        await stream.send_message(answer(await stream.recv_message()))

    def _check_token(self, metadata: Mapping[str, str]) -> None:
        """Check the token; raises `GRPCError`, which the SDK turns into its `AuthError`."""
        given = metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret")
        if self._fault.tokens == "refused" or given != self._token:
            raise GRPCError(Status.UNAUTHENTICATED, "Token validation failed")


class StatusDetailsCodec(StatusDetailsCodecBase):
    """Encodes an error's details as the SDK reads them: grpclib's own codec needs a package that may be missing."""

    def encode(self, status: Status, message: str | None, details: Sequence[Message] | None) -> bytes:
        """Encode status, message and details."""
        packed = api_pb2.RPCStatus(code=status.value, message=message or "")
        for detail in details or ():
            packed.details.add().Pack(detail, type_url_prefix="type.modal.com/")
        return bytes(packed.SerializeToString())

    def decode(self, status: Status, message: str | None, data: bytes) -> Any:
        """Not needed in a server."""
        raise NotImplementedError
