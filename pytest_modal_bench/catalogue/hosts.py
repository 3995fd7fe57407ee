"""An app's base URL: filled in, checked, and the pool of containers behind its host."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from pytest_modal_bench.catalogue.errors import way_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modal_bench.catalogue.errors import Place

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+")
_PORTS = {"http": 80, "https": 443}


def check_name(name: str, place: Place) -> None:
    """Raise CatalogueError unless `name` is fit for a URL and a test id, as Modal's names of things are."""
    if not _NAME.fullmatch(name):
        raise place.error("expected a name of ASCII letters, digits, '-', '_' and '.'")


def base_url(template: str, names: Mapping[str, str | None], place: Place) -> str:
    """Return the base URL that `template` stands for, with `names` in the place of their placeholders.

    Raises CatalogueError for anything that is not a plain http or https URL. No message repeats the URL: what
    is wrong with it may be that it holds a password.
    """

    def fill(match: re.Match[str]) -> str:
        if match[1] not in names:
            raise place.error(f"unknown placeholder {{{match[1]}}}; {way_out(match[1], names)}")
        name = names[match[1]]
        if name is None:
            raise place.error(
                f'{{{match[1]}}} has no value; write {match[1]} = "…" at the top of the catalogue, or give '
                f"--modal-bench-{match[1]}"
            )
        return name

    url = _PLACEHOLDER.sub(fill, template)
    if any(c in "{}\\" or c.isspace() or not c.isprintable() for c in url):
        raise place.error("expected a URL without spaces, braces and backslashes")
    try:
        split = urlsplit(url)
        sound = split.port != 0 and _HOST.fullmatch(split.hostname or "") is not None
    except ValueError:
        raise place.error("expected a URL with a host, and a port of at most 65535 if any") from None
    if split.scheme not in _PORTS:
        raise place.error("expected a URL that begins with https:// or http://")
    if split.username is not None or split.password is not None:
        raise place.error("holds credentials; put them in headers as {env:NAME}")
    if not sound:
        raise place.error("expected a URL with a host, such as https://example.com")
    if split.query or split.fragment:
        raise place.error(
            "expected a URL that ends with its host or path; put a query in the endpoint's query"
        )
    return url.rstrip("/?#")


@functools.cache
def pool(url: str) -> str:
    """Return the origin of `url`, as RFC 6454 (section 6.1) writes it: one host, one pool of containers."""
    split = urlsplit(url)
    return f"{split.scheme}://{_host(split)}"


def _host(split: SplitResult) -> str:
    host = f"[{split.hostname}]" if split.hostname and ":" in split.hostname else str(split.hostname)
    return host if split.port in {None, _PORTS[split.scheme]} else f"{host}:{split.port}"
