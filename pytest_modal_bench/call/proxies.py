"""Proxies are not used: what is measured is the endpoint. Whoever has set one up is told so when a call fails."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from requests.utils import should_bypass_proxies


def unused_proxy(url: str) -> str | None:
    """Return the environment variable whose proxy other programs would reach `url` through; None: there is none."""
    scheme = urlsplit(url).scheme
    for name in (f"{scheme}_proxy", "all_proxy"):
        for variable in (name.upper(), name):
            if os.environ.get(variable):
                return None if should_bypass_proxies(url, no_proxy=None) else variable
    return None
