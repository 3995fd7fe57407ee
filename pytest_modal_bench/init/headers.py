"""The headers that a route wants: names from its document, values from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.catalogue import CatalogueError, fields
from pytest_modal_bench.catalogue.errors import Place
from pytest_modal_bench.init.openapi import media
from pytest_modal_bench.init.openapi.examples import given
from pytest_modal_bench.init.openapi.references import text
from pytest_modal_bench.report.escape import line

if TYPE_CHECKING:
    from pytest_modal_bench.init.draft import Entry
    from pytest_modal_bench.init.openapi.references import References, Schema
    from pytest_modal_bench.init.openapi.routes import Route

_SHOWN = 40
_PLACE = Place(("init",))


def add(made: Entry, route: Route, references: References, security: list[Schema]) -> None:
    """Suggest to an endpoint what its route can't be called without; `security`: the schemes that it needs."""
    headers: dict[str, str] = {}
    for parameter in route.parameters:
        name = str(parameter["name"])
        if parameter["in"] == "header" and parameter.get("required") is True:
            headers[name] = given(parameter, references) or f"{{env:{_variable(name)}}}"
    why = "the app wants them"
    for scheme in security:
        header, value = _credentials(scheme, made.app)
        if header is not None:
            headers[header] = value
            why = "the app wants credentials: set the variable to them"
        else:
            made.unknown.append(f"the app wants credentials that init can't write down ({value})")
    headers = {name: value for name, value in headers.items() if _may_be_sent(name, value)}
    # The name of a header is the same in any case.
    headers = {
        each[0]: each[1] for each in {name.lower(): (name, value) for name, value in headers.items()}.values()
    }
    if headers:
        made.suggested.append((f"Fill in: {why}, then take the # away", "headers", headers))


def _may_be_sent(name: str, value: str) -> bool:
    try:
        fields.read({"headers": {name: value}}, _PLACE)
    except CatalogueError:
        return False
    return True


def _credentials(scheme: Schema, app: str) -> tuple[str | None, str]:
    """Header and value for one of OpenAPI's security schemes; no header: what it wants instead."""
    kind, name = text(scheme.get("type")), scheme.get("name")
    if kind == "apiKey" and scheme.get("in") == "header" and isinstance(name, str):
        return name, f"{{env:{_variable(app)}_KEY}}"
    if kind == "http" and text(scheme.get("scheme")).lower() == "basic":
        return "Authorization", f"Basic {{env:{_variable(app)}_LOGIN}}"
    if kind in ("http", "oauth2", "openIdConnect"):
        return "Authorization", f"Bearer {{env:{_variable(app)}_TOKEN}}"
    return None, line(f"{kind} in {text(scheme.get('in'))}", _SHOWN)


def _variable(name: str) -> str:
    return "_".join(word.upper() for word in media.words(name)) or "APP"
