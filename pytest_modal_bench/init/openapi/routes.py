"""A document's routes: what each takes and answers, with every reference followed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_modal_bench.init.openapi import media
from pytest_modal_bench.init.openapi.examples import example_beside
from pytest_modal_bench.init.openapi.references import Schema, table, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.init.openapi.documents import Document
    from pytest_modal_bench.init.openapi.references import References

METHODS = ("get", "post", "put", "patch", "delete")
"""HEAD, OPTIONS and TRACE do no work."""
MOST = 500
"""Routes of a document that are looked at."""
_MOST_PARAMETERS = 50
_LONGEST_PATH = 500
_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\b")
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class Body(NamedTuple):
    """What a route is sent."""

    media_type: str
    schema: object
    example: object
    """One that stands beside the schema; None: there is none."""
    required: bool

    @property
    def kind(self) -> str | None:
        """The catalogue's field for it, `payload` or `form`; None: it has none."""
        if _JSON.match(self.media_type):
            return "payload"
        return "form" if self.media_type in FORMS else None


@dataclass(frozen=True, eq=False)
class Route:
    """One method of one path; each is equal to itself alone."""

    method: str
    """In capital letters."""
    path: str
    summary: str
    tags: tuple[str, ...]
    parameters: tuple[Schema, ...]
    body: Body | None
    answers: dict[str, Any]
    """Schemas of what it answers when all goes well, by media type in small letters."""
    accepted: bool
    """Whether it says that it answers 202: the work has begun, and is not done."""
    security: tuple[str, ...]
    """Names of the security schemes without which it does not answer."""
    deprecated: bool

    @property
    def path_parameters(self) -> list[str]:
        """What stands in braces in its path."""
        return re.findall(r"\{([^{}/]+)\}", self.path)

    @property
    def words(self) -> frozenset[str]:
        """What it calls itself."""
        return frozenset(media.words(f"{self.path} {self.summary}"))

    @property
    def answers_json(self) -> Schema:
        """The schema of its JSON, if that says anything; else an empty one."""
        return next((table(schema) for kind, schema in self.answers.items() if is_json(kind)), {})


def is_json(media_type: str) -> bool:
    """Whether a media type is JSON's."""
    return _JSON.match(media_type) is not None


def routes(document: Document, references: References) -> Iterator[Route]:
    """Yield a document's routes in its own order, at most `MOST` of them; what can't be read is left out."""
    count = 0
    for path, item in table(document.content.get("paths")).items():
        if len(path) > _LONGEST_PATH:
            continue
        operations = references.followed(item)
        for method in operations:
            if method.lower() in METHODS and isinstance(operations[method], dict):
                if count == MOST:
                    return
                count += 1
                yield _route(method, path, operations, document.content, references)


def _route(method: str, path: str, item: Schema, content: Schema, references: References) -> Route:
    operation = table(item[method])
    answers: dict[str, Any] = {}
    responses = table(operation.get("responses"))
    good = {status: each for status, each in responses.items() if str(status).startswith("2")}
    for response in good.values():
        for kind, described in table(references.followed(response).get("content")).items():
            answers.setdefault(_media_type(kind), table(described).get("schema"))
    summary = text(operation.get("summary")) or text(operation.get("description"))
    return Route(
        method=method.upper(),
        path=path,
        summary=summary.partition("\n")[0],
        tags=tuple(texts(operation.get("tags"))),
        parameters=tuple(_parameters(item, operation, references)),
        body=_body(references.followed(operation.get("requestBody"))),
        answers=answers,
        accepted="202" in good,
        security=_security(operation, content),
        deprecated=operation.get("deprecated") is True,
    )


def _parameters(item: Schema, operation: Schema, references: References) -> Iterator[Schema]:
    found: dict[tuple[str, str], Schema] = {}
    for each in (item.get("parameters"), operation.get("parameters")):
        for parameter in (each if isinstance(each, list) else [])[:_MOST_PARAMETERS]:
            described = references.followed(parameter)
            name, place = described.get("name"), described.get("in")
            if isinstance(name, str) and isinstance(place, str):
                found[name, place] = described
    yield from found.values()


def _body(described: Schema) -> Body | None:
    """The body in JSON if the route takes that, else as a form, else in what it names first."""
    kinds = {_media_type(kind): table(each) for kind, each in table(described.get("content")).items()}
    if not kinds:
        return None
    preferred = (
        [kind for kind in kinds if _JSON.match(kind)] or [kind for kind in FORMS if kind in kinds] or [*kinds]
    )
    kind = preferred[0]
    return Body(
        media_type=kind,
        schema=kinds[kind].get("schema"),
        example=example_beside(kinds[kind]),
        required=described.get("required") is True,
    )


def _security(operation: Schema, content: Schema) -> tuple[str, ...]:
    """Names of the schemes of the first way in; none where one way in needs nothing."""
    ways = operation.get("security", content.get("security"))
    if not isinstance(ways, list) or not ways or not all(isinstance(way, dict) and way for way in ways):
        return ()
    return tuple(name for name in ways[0] if isinstance(name, str))


def _media_type(kind: str) -> str:
    return kind.partition(";")[0].strip().lower()
