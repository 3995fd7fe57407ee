"""Which route of an app a call was meant for, by what the app says of its routes; calls nobody."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_modal_bench.model import Endpoint

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_LISTED = 5
"""Routes that a line lists where none resembles the one that was asked for."""
_MOST_ROUTES = 1000
_LONGEST = 200
_PARAMETER = re.compile(r"\{[^{}/]*\}")

Operations = dict[str, Any]
Paths = dict[str, dict[str, Any]]


def known(described: Mapping[str, Any]) -> Paths:
    """Return a description's operations by path, then by method in lower case; anything else is left out."""
    found: Paths = {}
    for path, item in list(described["paths"].items())[:_MOST_ROUTES]:
        if isinstance(item, dict):
            operations = {method: item[method] for method in METHODS if isinstance(item.get(method), dict)}
            if operations:
                found[str(path)] = operations
    return found


def operations_of(path: str, paths: Paths) -> tuple[str, Operations] | None:
    """Return the route that answers `path`, and its operations: by its own name first, then by a template's."""
    if path in paths:
        return path, paths[path]
    return next(((route, each) for route, each in paths.items() if _fits(path, route)), None)


def missing(endpoint: Endpoint, paths: Paths) -> Iterator[str]:
    """Say in one line what is wrong with the endpoint's path or method; nothing if there is such a route."""
    found = operations_of(endpoint.path, paths)
    unknown = f"the app's /openapi.json knows no {endpoint.method} {endpoint.path}"
    if found is None:
        yield f"{unknown}{_way_out(endpoint, paths)}"
    elif endpoint.method.lower() not in found[1]:
        methods = [method.upper() for method in found[1]]
        yield f'{unknown}: the route takes {", ".join(methods)}: write method = "{methods[0]}"'


def _way_out(endpoint: Endpoint, paths: Paths) -> str:
    like = _alike(endpoint, paths)
    if like is None:
        listed = [_shown(path, endpoint, paths) for path in [*paths][:_LISTED]]
        more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
        return f": it has {', '.join(listed)}{more}" if listed else ""
    there = f": {_shown(like, endpoint, paths)} is there"
    if like == f"{endpoint.path}/":
        return f"{there}: write the path with its slash"
    if f"{like}/" == endpoint.path:
        return f"{there}: write the path without the slash"
    return f"{there}: did you mean {_bounded(like)}?"


def _alike(endpoint: Endpoint, paths: Paths) -> str | None:
    """Return the route that is most like the endpoint's path: but for a slash, for a prefix, for some letters."""
    path = endpoint.path
    bare = path.strip("/").lower()
    # A route that takes the method is likelier to be meant than one that does not.
    routes = sorted(paths, key=lambda route: endpoint.method.lower() not in paths[route])
    for route in routes:
        if route.rstrip("/") == path.rstrip("/"):
            return route
    for route in routes:
        other = route.strip("/").lower()
        if bare and other and (f"/{other}".endswith(f"/{bare}") or f"/{bare}".endswith(f"/{other}")):
            return route
    close = difflib.get_close_matches(
        path[:_LONGEST], [route for route in routes if len(route) <= _LONGEST], 1
    )
    return close[0] if close else None


def _shown(route: str, endpoint: Endpoint, paths: Paths) -> str:
    methods = [*paths[route]]
    method = endpoint.method.lower() if endpoint.method.lower() in methods else methods[0]
    return f"{method.upper()} {_bounded(route)}"


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _fits(path: str, route: str) -> bool:
    if "{" not in route:
        return False
    parts, names = path.split("/"), route.split("/")
    return len(parts) == len(names) and all(
        re.fullmatch(".+".join(map(re.escape, _PARAMETER.split(name))), part)
        for part, name in zip(parts, names, strict=True)
    )
