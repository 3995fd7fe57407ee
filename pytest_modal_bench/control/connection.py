"""One connection of the `modal` SDK: each question takes bounded time, and an error is one line."""

from __future__ import annotations

import asyncio
import functools
import os
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.safety.log_guard import guard_for_good
from pytest_modal_bench.safety.redaction import REDACTED, Redactor
from pytest_modal_bench.safety.secrets import MASK, sealed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import modal

T = TypeVar("T")

PATIENCE_SEC = 15.0
"""The longest that one question to the control plane may take; the SDK alone would try for over a minute."""

UPGRADE = "pip install -U 'modal>=1.6.4'"
"""What helps against an SDK that is too old."""


class SdkConnection:
    """A connection on which each question takes bounded time."""

    def __init__(self, token_id: str, token_secret: str, server_url: str | None, patience_sec: float) -> None:
        import modal
        from modal._utils import async_utils
        from modal.config import config

        synchronizer: Any = async_utils.synchronizer

        self._redactor = Redactor((token_secret, token_id))
        # What the SDK is built on logs headers, in a thread of its own that may outlive the connection.
        guard_for_good(self._redactor.clean, frozenset((token_secret, token_id)))
        self._patience_sec = patience_sec
        # The SDK lives in a loop and a thread of its own, in which all that touches its connection must run.
        self._run: Callable[..., Any] = synchronizer.create_blocking(synchronizer.no_io_translation(_bounded))
        with _environment_variable("MODAL_SERVER_URL", server_url):
            self.server_url = str(config.get("server_url"))
            create = functools.partial(modal.Client.from_credentials.aio, token_id, token_secret)
            with self.translating_errors("connecting"):
                self.client: modal.Client = self.ask(functools.partial(_or_close_late, create))
        with _quiet():
            # No public call lists or stops containers, or fetches calls: the SDK's own CLI goes this way.
            self.stub = self.client.stub

    @sealed
    def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Await what `question` returns, in the SDK's loop."""
        with _quiet():
            answer: T = self._run(question, self._patience_sec)
        return answer

    def close(self) -> None:
        """Close the connection, whatever state it is in."""
        with suppress(ControlError), self.translating_errors("closing the connection"):
            self.ask(self.client.close.aio)

    @contextmanager
    def translating_errors(self, doing: str) -> Iterator[None]:
        """Turn whatever the SDK raises into a `ControlError` that says what was asked."""
        try:
            yield
        except ControlError:
            raise
        except Exception as error:  # noqa: BLE001 - the SDK lets through what it is built on: gRPC, HTTP/2, sockets
            raise ControlError(self._one_line(self._problem(doing, error))) from None

    def _problem(self, doing: str, error: Exception) -> str:
        from grpclib.exceptions import StreamTerminatedError
        from modal import exception

        said = str(error).rstrip(".") or type(error).__name__
        if isinstance(error, exception.AuthError):
            return (
                "Modal refuses the token: check MODAL_TOKEN_ID and MODAL_TOKEN_SECRET "
                f"(`modal token new` makes one): {said}"
            )
        if isinstance(error, AttributeError):
            return f"the modal SDK is not of a version that is known here ({doing}): {said}; {UPGRADE}"
        if isinstance(error, exception.VersionError):
            return f"Modal no longer talks to this version of its SDK: {UPGRADE}"
        unreachable = (
            exception.ConnectionError,
            exception.ServiceError,
            exception.TimeoutError,
            StreamTerminatedError,
            OSError,
        )
        if isinstance(error, TimeoutError):
            problem = f"gave no answer within {self._patience_sec:g} s ({doing})"
        elif isinstance(error, exception.ClientClosed):
            problem = f"can't be reached ({doing}): the connection was closed"
        elif isinstance(error, unreachable):
            problem = f"can't be reached ({doing}): {said}"
        else:
            return f"the control plane at {self.server_url} says no ({doing}): {said}"
        return (
            f"the control plane at {self.server_url} {problem}; "
            "check the network, and MODAL_SERVER_URL if it is set"
        )

    def _one_line(self, text: str) -> str:
        line = "".join(c for c in " ".join(self._redactor.clean(text).split()) if c.isprintable())
        return self._redactor.clean(line).replace(REDACTED, MASK)


async def _bounded(question: Callable[[], Awaitable[T]], patience_sec: float) -> T:
    async with asyncio.timeout(patience_sec):
        return await question()


async def _or_close_late(create: Callable[[], Awaitable[modal.Client]]) -> modal.Client:
    """Await a new client; if nobody waits for it any longer, go on in the background, and close it once it is there.

    Cancelling would not do: the SDK tries on all the same, and how that ends is seen in asyncio's log alone.
    """
    creating = asyncio.ensure_future(create())
    try:
        return await asyncio.shield(creating)
    except asyncio.CancelledError:

        async def close() -> None:
            with suppress(Exception):
                await (await creating).close.aio()

        # What it waits for keeps it alive.
        asyncio.ensure_future(close())  # noqa: RUF006
        raise


@contextmanager
def _quiet() -> Iterator[None]:
    """Let nobody's `-W error` turn into a failure what the SDK, or Modal's server through it, warns of."""
    from modal import exception

    with warnings.catch_warnings():
        for category in (
            exception.AsyncUsageWarning,
            exception.DeprecationError,
            exception.InternalAPIWarning,
            exception.ServerWarning,
        ):
            warnings.simplefilter("ignore", category)
        yield


@contextmanager
def _environment_variable(name: str, value: str | None) -> Iterator[None]:
    """Set a variable, and put back what was there; None: do nothing."""
    if value is None:
        yield
        return
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
