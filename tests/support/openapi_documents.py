"""OpenAPI documents for the tests of `init`: some that a framework could have made, and any that a stranger could."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.init import selection, toml
from pytest_modal_bench.init.draft import App, Draft, Entry
from pytest_modal_bench.init.openapi import documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.init.openapi.references import Schema

URL = "http://127.0.0.1:9"


def document(paths: Schema, **more: Any) -> Schema:
    return {"openapi": "3.1.0", "info": {"title": "Trial", "version": "1"}, "paths": paths, **more}


def post(schema: object = None, *, kind: str = "application/json", **operation: Any) -> Schema:
    """A path whose POST takes what `schema` says."""
    body = (
        {} if schema is None else {"requestBody": {"required": True, "content": {kind: {"schema": schema}}}}
    )
    return {"post": {"responses": {"200": {"description": "fine"}}, **body, **operation}}


def fields(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": [*required]}


def answering(kind: str, schema: object = None, status: str = "200") -> Schema:
    return {"responses": {status: {"description": "", "content": {kind: {"schema": schema or {}}}}}}


def drafted(content: object) -> Draft:
    """What `init` makes of one app's document."""
    read = documents.read(content, URL)
    app = App(name="trial", url=read.url)
    draft = Draft(apps=[app])
    draft.entries += selection.add(read, app)
    return draft


def entry(paths: Schema, **more: Any) -> Entry:
    """The one endpoint of a document."""
    (only,) = drafted(document(paths, **more)).entries
    return only


def text(content: object) -> str:
    return toml.render(drafted(content))


_TEXTS = (
    *(
        "{seed}",
        "image",
        "mask_image",
        "video_url",
        "seed",
        "prompt",
        "stream",
        "lora_id",
        "voice",
        "file",
        "id",
    ),
    *(
        "job_id",
        "name",
        "width",
        "{image}",
        "{{seed}}",
        "{env:HOME}",
        "{imgae}",
        'a"b',
        "a\nb",
        "a\\b",
        "",
        "\x7f",
        "\x00",
    ),
    *(
        "data:image/png;base64,AA",
        "[[endpoints]]",
        "# Fill in",
        "'''",
        '"""',
        "\u2028",
        "\u202e",
        "é",
        "x" * 400,
    ),
)
_NUMBERS = (0, 1, -1, 7, 2**31 - 1, 2**63 - 1, 2**63, -(2**63), 2**70, 0.5, -0.0, 1e300, 1e16, 1e-7)
_REFERENCES = (
    *("#/components/schemas/A", "#/components/schemas/B", "#/components/schemas/C", "#/nowhere", "#/paths"),
    *("http://127.0.0.1:9/x.json", "file:///etc/passwd"),
)
_KINDS = (
    *("application/json", "application/json", "multipart/form-data", "application/x-www-form-urlencoded"),
    *("text/event-stream", "image/png", "audio/wav", "application/octet-stream", "text/html"),
)
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_PATHS = (
    *(
        "/generate",
        "/jobs",
        "/jobs/{job_id}",
        "/status/{id}",
        "/v1/chat/completions",
        "/v1/images/generations",
    ),
    *(
        "/a/{x}/{y}",
        "/speak",
        "/edit image",
        "//host/x",
        "/a?b#c",
        "no-slash",
        "/{}",
        "/é",
        "/\u202e",
        "/a\nb",
    ),
)


class AnyDocument:
    """Makes documents of which any part may be anything, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._left = 200

    def made(self) -> Schema:
        schemas = {name: self._schema() for name in "ABC"}
        schemes = {
            "key": self._some(type="apiKey", name=self._text(), **{"in": self._one("header", "query")}),
            "bearer": self._some(type="http", scheme=self._one("bearer", "basic", self._text())),
        }
        return {
            "openapi": self._one("3.0.3", "3.1.0"),
            "info": self._some(title=self._text()),
            "servers": self._mostly(
                [self._some(url=self._one("/", "/v1", "http://other.example", self._text()))]
            ),
            "security": self._mostly(self._security()),
            "paths": {self._path(): self._mostly(self._item()) for _ in range(self._random.randint(1, 5))},
            "components": self._mostly({"schemas": schemas, "securitySchemes": schemes}),
        }

    def _one(self, *each: Any) -> Any:
        return self._random.choice(each)

    def _chance(self, one_in: int) -> bool:
        return self._random.randrange(one_in) == 0

    def _mostly(self, value: Any) -> Any:
        return self._junk() if self._chance(25) else value

    def _some(self, **keywords: Any) -> Schema:
        """Some of the keywords, each with what belongs there, or now and then with anything."""
        return {name: self._mostly(value) for name, value in keywords.items() if not self._chance(6)}

    def _text(self) -> str:
        if self._chance(5):
            return "".join(
                chr(self._random.choice((0x20, 0x41, 0x7B, 0x7D, 0x0A, 0x1F600, 0x300))) for _ in range(6)
            )
        return str(self._one(*_TEXTS))

    def _junk(self, depth: int = 0) -> Any:
        match self._random.randrange(8 if depth < 3 else 6):
            case 0:
                return None
            case 1:
                return self._chance(2)
            case 2:
                return self._one(*_NUMBERS)
            case 6:
                return [self._junk(depth + 1) for _ in range(self._random.randrange(3))]
            case 7:
                return {self._text(): self._junk(depth + 1) for _ in range(self._random.randrange(3))}
        return self._text()

    def _schema(self, depth: int = 0) -> Any:
        self._left -= 1
        if depth > 4 or self._left < 0 or self._chance(12):
            return {"$ref": self._one(*_REFERENCES)}
        kind = self._one(*_TYPES, "object", "string", "string")
        schema: Schema = {"type": kind if not self._chance(8) else [kind, "null"]}
        if kind == "object":
            names = [self._text() for _ in range(self._random.randrange(5))]
            schema["properties"] = {name: self._mostly(self._schema(depth + 1)) for name in names}
            schema["required"] = [name for name in (*names, self._text()) if self._chance(2)]
        if kind == "array":
            schema["items"] = self._schema(depth + 1)
        extra: dict[str, Callable[[], Any]] = {
            "anyOf": lambda: [self._schema(depth + 1), {"type": "null"}],
            "allOf": lambda: [self._schema(depth + 1), self._schema(depth + 1)],
            "examples": lambda: [self._junk()],
            "example": self._junk,
            "default": self._junk,
            "const": self._junk,
            "enum": lambda: [self._junk(), self._junk()],
            "format": lambda: self._one("binary", "byte", "uri", "uuid", "date-time", "email"),
            "contentMediaType": lambda: self._one(
                "image/png", "application/octet-stream", "application/json"
            ),
            "contentEncoding": lambda: "base64",
            "minimum": lambda: self._one(*_NUMBERS),
            "maximum": lambda: self._one(*_NUMBERS),
            "exclusiveMinimum": lambda: self._one(*_NUMBERS, True),
            "multipleOf": lambda: self._one(*_NUMBERS),
            "minLength": lambda: self._one(*_NUMBERS),
            "maxLength": lambda: self._one(*_NUMBERS),
            "minItems": lambda: self._one(*_NUMBERS),
            "pattern": self._text,
            "description": self._text,
            "readOnly": lambda: True,
        }
        for name, value in extra.items():
            if self._chance(12):
                schema[name] = self._mostly(value())
        return self._mostly(schema)

    def _content(self, *kinds: str) -> Schema:
        described = self._some(schema=self._schema())
        if self._chance(6):
            described["example"] = self._junk()
        if self._chance(8):
            described["examples"] = self._mostly({"one": {"value": self._junk()}})
        return {self._text() if self._chance(15) else self._one(*kinds): self._mostly(described)}

    def _security(self) -> list[Any]:
        return [{self._one("key", "bearer", "none"): []} for _ in range(self._random.randrange(3))]

    def _parameter(self) -> Schema:
        return self._some(
            name=self._one("x", "y", "id", "job_id", self._text()),
            **{"in": self._one("query", "query", "path", "path", "header", "cookie")},
            required=self._chance(2),
            schema=self._schema(),
            example=self._junk(),
        )

    def _operation(self) -> Schema:
        return self._some(
            summary=self._text(),
            tags=[self._text()],
            parameters=[self._mostly(self._parameter()) for _ in range(self._random.randrange(4))],
            requestBody=self._some(required=True, content=self._content(*_KINDS[:4], *_KINDS)),
            responses={self._one("200", "200", "202", "default"): self._some(content=self._content(*_KINDS))},
            security=self._security(),
            deprecated=self._chance(9),
        )

    def _item(self) -> Schema:
        methods = [
            self._one("post", "post", "post", "get", "get", "delete")
            for _ in range(self._random.randint(1, 2))
        ]
        return {method: self._mostly(self._operation()) for method in methods}

    def _path(self) -> str:
        return f"/{self._text()}" if self._chance(6) else str(self._one(*_PATHS[:8], *_PATHS))
