"""A request as requests sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping


def prepare(
    method: str | None, url: str, headers: Mapping[str, str], body: bytes | None
) -> requests.PreparedRequest:
    """Do as requests does, without what there is none of: cookies, hooks, files."""
    prepared = requests.PreparedRequest()
    prepared.prepare_method(method)
    prepared.prepare_url(url, None)
    prepared.prepare_headers(dict(headers))
    prepared.prepare_body(body, None)
    if "@" in url:
        prepared.prepare_auth(None, url)
    return prepared
