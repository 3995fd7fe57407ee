"""Fetches what an answer only links to, once the call's clock has stopped: within limits, and with its own client."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.call.following import AddressError
from pytest_modal_bench.safety.redaction import Redactor

if TYPE_CHECKING:
    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.call.client import Client
    from pytest_modal_bench.call.request import Request

MOST_BYTES = 1 << 30
"""Of all that one answer links to."""


class Links:
    """What one answer links to. `client` is not the one whose answer it is: that would forget the answer."""

    def __init__(self, client: Client, request: Request, answer: Answer, *, deadline_sec: float) -> None:
        self.spent_sec: float | None = None
        """What fetching took; None: nothing was fetched."""
        self._client = client
        self._request = request
        self._answer = answer
        self._left_sec = deadline_sec
        self._left_bytes = MOST_BYTES

    def fetch(self, link: str) -> Answer:
        """Return the answer to a GET of `link`; its body is there until the next one.

        `deadline_sec` holds for all links together. Raises CallError, its text and its cause those of what failed; its
        text shows nothing of the link's query, which may be a key to it.
        """
        if self._left_sec <= 0:
            raise CallError("Timeout: no time is left to fetch it", "timeout")
        try:
            got = self._client.follow(self._request, self._answer, link, deadline_sec=self._left_sec)
        except AddressError as error:
            raise CallError(f"a link to {error}", "invalid_output") from None
        self.spent_sec = (self.spent_sec or 0.0) + got.elapsed_sec
        self._left_sec -= got.elapsed_sec
        self._left_bytes -= got.size_bytes
        if not got.ok:
            # A link that is too odd to have a query has not come as far as this.
            redactor = Redactor([urlsplit(link).query])
            raise CallError(f"not fetched: {redactor.clean(got.error or '')}", got.cause)
        if self._left_bytes < 0:
            raise CallError(f"not fetched: more than {MOST_BYTES:,} bytes in all", "invalid_output")
        return got

    def close(self) -> None:
        """Close the connections, and forget what was fetched last."""
        self._client.close()
