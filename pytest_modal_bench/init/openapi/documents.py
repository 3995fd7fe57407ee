"""Fetches what an app says of its routes, and checks that it is an OpenAPI document. It may say anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

import msgspec

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import RequestError, build
from pytest_modal_bench.catalogue import CatalogueError, hosts
from pytest_modal_bench.catalogue.errors import Place
from pytest_modal_bench.init.errors import InitError
from pytest_modal_bench.init.openapi.references import Schema, table
from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.report.escape import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modal_bench.call.answer import Answer

PATH = "/openapi.json"
"""Where FastAPI describes an app."""
LARGEST_BYTES = 8 << 20
_PLACE = Place(("init",))
_SHOWN = 60


class Document(NamedTuple):
    """What an app says of itself, and where its routes are."""

    content: Schema
    url: str
    """Base URL of its routes."""
    elsewhere: str | None = None
    """The server that the document names, where that is another host: it is not believed."""

    @property
    def title(self) -> str:
        """What the app calls itself; empty: nothing."""
        title = table(self.content.get("info")).get("title")
        return title[:_SHOWN] if isinstance(title, str) else ""


def base_url(url: str, path: str) -> str:
    """Return the base URL that someone has typed, with or without `path`. Raises InitError for what is none."""
    try:
        return hosts.base_url(url.removesuffix(path), {}, _PLACE)
    except CatalogueError as error:
        raise InitError(str(error)) from None


def fetch(
    url: str,
    path: str,
    *,
    headers: Mapping[str, str],
    environ: Mapping[str, str],
    deadline_sec: float,
) -> Document:
    """GET the document at `path` of an app's base URL, and nothing else. Raises InitError for what can't be used.

    `headers` may hold `{env:NAME}`.
    """
    where = line(f"{url}{path}")
    asked = Endpoint(
        id="init",
        name="init",
        path=path,
        app="init",
        url=url,
        pool=url,
        category="",
        method="GET",
        headers=dict(headers),
    )
    try:
        request = build(asked, {}, seed=0, environ=environ)
    except RequestError as error:
        raise InitError(f"{where}: {error}") from None
    with Client(max_body_bytes=LARGEST_BYTES) as client:
        answer = client.call(request, deadline_sec=deadline_sec, fresh=True)
        if not answer.ok:
            raise InitError(f"{where}: {line(answer.error or 'no answer')}")
        content = _decoded(answer, where)
    return _document(content, url, f"{url}{path}", where)


def read(content: object, url: str) -> Document:
    """Return what has been fetched already as a document. Raises InitError for what can't be used."""
    return _document(content, url, f"{url}{PATH}", f"{url}{PATH}")


def _decoded(answer: Answer, where: str) -> object:
    body = answer.body if isinstance(answer.body, bytes) else answer.body.read_bytes()
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        declared = line(answer.headers.get("content-type", "no Content-Type"), _SHOWN)
        raise InitError(
            f"{where}: the answer is not JSON ({declared}); --openapi-path names another path"
        ) from None


def _document(content: object, url: str, fetched: str, where: str) -> Document:
    if not isinstance(content, dict):
        raise InitError(f"{where}: the answer is no OpenAPI document")
    if "swagger" in content:
        swagger = line(str(content["swagger"]), _SHOWN)
        raise InitError(f"{where}: describes itself as Swagger {swagger}; init reads OpenAPI 3")
    version = content.get("openapi")
    if not isinstance(version, str) or not version.startswith("3."):
        said = f"OpenAPI {line(str(version), _SHOWN)}" if version is not None else "no `openapi`"
        raise InitError(f"{where}: has {said}; init reads OpenAPI 3")
    if not isinstance(content.get("paths"), dict) or not content["paths"]:
        raise InitError(f"{where}: describes no routes")
    base, elsewhere = _server(content, url, fetched)
    return Document(content, base, elsewhere)


def _server(content: Schema, url: str, fetched: str) -> tuple[str, str | None]:
    """Where the routes are: OpenAPI's first server, relative to the document (section "Server Object").

    Another host's is left alone: whoever writes the document must not say which machines are called.
    """
    servers = content.get("servers")
    named = table(servers[0]).get("url") if isinstance(servers, list) and servers else None
    if not isinstance(named, str) or not named or named == "/":
        return url, None
    try:
        there = hosts.base_url(urljoin(fetched, named), {}, _PLACE)
    except (CatalogueError, ValueError):
        return url, named
    same = urlsplit(there)[:2] == urlsplit(url)[:2]
    return (there, None) if same else (url, there)
