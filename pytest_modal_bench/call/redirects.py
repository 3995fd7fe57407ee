"""The hops of a call: what is counted of each, and what a redirect asks for next, as Modal means it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import requests

from pytest_modal_bench.call import failures, following
from pytest_modal_bench.call.prepared import prepare
from pytest_modal_bench.safety.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_modal_bench.call.arrivals import Arrivals

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
_RESULT_TOKEN = "__modal_"  # noqa: S105 - how the names of such parameters begin


@dataclass
class Chain:
    """What is known of a call while its hops go on."""

    url: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    redirects: int = 0
    quick: int = 0
    """Redirects that came at once; those that were held are waiting, and only the deadline ends it."""
    held_sec: float = 0.0
    tokens: set[str] = field(default_factory=set, repr=False)
    """Values in addresses of results: whoever has one can fetch the result."""
    arrivals: Arrivals | None = None
    """Where it is kept when each piece of the body was read; None: nowhere."""

    @property
    def location(self) -> Secret | None:
        """An answer's `Location`. Header values are read as Latin-1, but one beyond ASCII is UTF-8."""
        location = self.headers.get("location")
        return None if location is None else Secret(location.encode("latin-1").decode("utf-8", "replace"))

    def count(self, waited_sec: float, held_after_sec: float) -> None:
        """Count a redirect that came after `waited_sec`. Raises CallError where there were too many at once."""
        if waited_sec >= held_after_sec:
            self.held_sec += waited_sec
        elif self.quick == failures.MAX_REDIRECTS:
            raise failures.CallError(failures.TOO_MANY_REDIRECTS, "redirect_loop")
        else:
            self.quick += 1
        self.redirects += 1


def next_request(
    prepared: requests.PreparedRequest, chain: Chain, secret_headers: frozenset[str]
) -> requests.PreparedRequest:
    """Return the request that a redirect asks for. Its body, if there was one, is never sent again."""
    status, method = chain.status, prepared.method
    location = chain.location
    if location is None:
        raise failures.CallError(f"HTTP {status}: redirect without a Location", "application")
    reading = method in {"GET", "HEAD"}
    if status in _SAME_METHOD and not reading:
        raise failures.CallError(
            f"HTTP {status}: redirect of a {method} is not followed: it would be sent twice", "application"
        )
    here = prepared.url or ""
    try:
        there = following.resolved(here, location)
        headers = following.passed_on(
            prepared.headers,
            secret_headers,
            same_origin=following.origin(there) == following.origin(here),
        )
        return prepare(method if reading else "GET", there, headers, None)
    except following.AddressError as error:
        raise failures.CallError(f"HTTP {status}: redirect to {error}", "application") from None
    except (requests.RequestException, ValueError):
        raise failures.CallError(
            f"HTTP {status}: redirect to an address that is not valid", "application"
        ) from None


def tokens(url: str | None) -> Iterator[str]:
    """Yield what lets whoever has it fetch Modal's result at `url`."""
    for name, value in parse_qsl(urlsplit(url or "").query):
        if name.startswith(_RESULT_TOKEN):
            yield value
