"""Which of an app's routes do work, and so are endpoints; all others are named, and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.init import entries
from pytest_modal_bench.init.openapi import jobs
from pytest_modal_bench.init.openapi.references import References, table
from pytest_modal_bench.init.openapi.routes import is_json, routes

if TYPE_CHECKING:
    from pytest_modal_bench.init.draft import App, Entry
    from pytest_modal_bench.init.openapi.documents import Document
    from pytest_modal_bench.init.openapi.routes import Route

_NO_WORK = frozenset(
    {
        *(
            "docs",
            "redoc",
            "swagger",
            "openapi.json",
            "openapi.yaml",
            "health",
            "healthz",
            "healthcheck",
            "live",
        ),
        *(
            "livez",
            "liveness",
            "ready",
            "readyz",
            "readiness",
            "ping",
            "metrics",
            "version",
            "static",
            "assets",
        ),
        *("favicon.ico", "robots.txt"),
    }
)
"""Segments of a GET's path that say that it does no work."""


def add(document: Document, app: App) -> list[Entry]:
    """Return an app's routes as endpoints in the document's order, and note in `app` what is left out."""
    references = References(document.content)
    schemes = table(table(document.content.get("components")).get("securitySchemes"))
    known = list(routes(document, references))
    asked_for, asking = jobs.find(known, references)
    candidates = [route for route in known if route not in asking and not _does_no_work(route)]
    idle = [route for route in candidates if _takes_nothing(route)]
    # An app of nothing else is measured by what it has.
    chosen = [route for route in candidates if route not in idle] or idle
    app.left_out += [
        f"{route.method} {route.path}" for route in known if route not in chosen and route not in asking
    ]
    found: list[Entry] = []
    seen: set[tuple[str, str]] = set()
    for route in chosen:
        security = [references.followed(schemes.get(name)) for name in route.security]
        made = entries.entry(route, app.name, references, asked_for.get(route), security)
        if made.off is None and (made.method, made.path) in seen:
            made.off = "with these examples it is the same as another one above"
        seen.add((made.method, made.path))
        found.append(made)
    return found


def _does_no_work(route: Route) -> bool:
    if route.method != "GET":
        return False
    segments = route.path.lower().strip("/").split("/")
    page = bool(route.answers) and all(kind.startswith("text/html") for kind in route.answers)
    return page or bool(_NO_WORK.intersection(segments))


def _takes_nothing(route: Route) -> bool:
    """Whether a GET lists or reports: it is told nothing, and answers JSON, or does not say what."""
    return (
        route.method == "GET"
        and not route.path_parameters
        and not any(each["in"] == "query" for each in route.parameters)
        and all(is_json(kind) or kind.startswith("text/") for kind in route.answers)
    )
