"""Addresses that an answer names: where they may lead, and what of a request's headers goes along."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modal_bench.call.request import Request

_PORTS = {"http": 80, "https": 443}
_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})
_BASIC_HEADERS = frozenset({"user-agent", "accept", "accept-encoding"})
"""All that another origin is sent."""


class AddressError(ValueError):
    """An address that nobody is to ask; the message goes on from `redirect to`."""


def origin(url: str | None) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of `url` (RFC 6454, section 4). Raises ValueError for a port that is none."""
    parts = urlsplit(url or "")
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def resolved(here: str, address: str) -> str:
    """Return the URL that `address` means in an answer from `here`. Raises AddressError for one that is not asked."""
    try:
        there = urljoin(here, address)
        asked_for = urlsplit(there).scheme in _PORTS
        there = _as_sent(there) if asked_for else there
        origin(there)
    except (requests.RequestException, ValueError):
        raise AddressError("an address that is not valid") from None
    if not asked_for:
        raise AddressError("an address that is neither http nor https")
    if "@" in urlsplit(there).netloc:
        raise AddressError("an address that holds credentials")
    return there


def passed_on(
    headers: Mapping[str, str], secret_headers: frozenset[str], *, same_origin: bool
) -> dict[str, str]:
    """Return those of a request's `headers` that a GET to an address in its answer is sent."""
    owed = _BASIC_HEADERS - secret_headers
    return {
        name: value
        for name, value in headers.items()
        if (name.lower() not in _BODY_HEADERS if same_origin else name.lower() in owed)
    }


def get(request: Request, here: str, address: str) -> Request:
    """Return the GET for `address`, which stood in an answer from `here` to `request` or to one that followed it.

    The catalogue's headers go along only if `request` was sent to the same origin, and the answer came from there.
    Raises AddressError for an address that is not asked.
    """
    there = resolved(here, address)
    same_origin = origin(there) == origin(_as_sent(here)) == origin(_as_sent(request.url))
    headers = passed_on(request.headers, request.secret_headers, same_origin=same_origin)
    return replace(request, method="GET", url=there, headers=headers, body=None)


def _as_sent(url: str) -> str:
    """Return `url` as requests reads and sends it: whose host another parser reads otherwise is not compared."""
    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, None)
    return prepared.url or ""
