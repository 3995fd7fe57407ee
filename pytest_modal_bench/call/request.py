"""A request, built from an endpoint and its test resources before any clock starts."""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib.metadata
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from requests.structures import CaseInsensitiveDict
from urllib3 import encode_multipart_formdata

from pytest_modal_bench.catalogue import placeholders
from pytest_modal_bench.safety.redaction import Redactor
from pytest_modal_bench.safety.secrets import Secret, sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_modal_bench.catalogue.placeholders import Placeholder
    from pytest_modal_bench.model import Endpoint, Resource

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "modal-key", "modal-secret", "cookie", "x-api-key"}
)
_SECRET_NAME = re.compile(
    r"(?i)token|secret|password|passwd|credential|signature|session|auth|\bkey\b|api-?key"
)
"""Other headers that keep something secret, by what people call them."""


def is_secret(header: str) -> bool:
    """Whether a header of that name keeps something secret."""
    return header.lower() in SECRET_HEADERS or _SECRET_NAME.search(header) is not None


class RequestError(ValueError):
    """A request that cannot be built; says what is missing, and never what a secret is."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Request:
    """What is sent: everything filled in and encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    secret_headers: frozenset[str] = SECRET_HEADERS
    """Names, in lower case, of headers that hold secrets."""
    secrets: frozenset[str] = frozenset()
    """Values that stand in no text for people."""

    def __post_init__(self) -> None:
        """Let the secrets' own `repr` say nothing."""
        object.__setattr__(self, "secrets", frozenset(map(Secret, self.secrets)))

    def __repr__(self) -> str:
        """Say nothing of headers and body."""
        size = 0 if self.body is None else len(self.body)
        return f"<Request {self.method} {Redactor(self.secrets).clean(self.url)}, {size} bytes>"


class _File:
    """What `{image:bytes}` stands for: a part of a multipart body, and nothing that fits into a text."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    def __str__(self) -> str:
        raise RequestError("a file's bytes are a form field of their own: nothing may stand beside them")


@sealed
def build(
    endpoint: Endpoint, resources: Mapping[str, Resource | str], *, seed: int, environ: Mapping[str, str]
) -> Request:
    """Fill in `endpoint`'s placeholders and encode its body.

    `resources` holds what `{image}`, `{video}`, `{mask}` (a Resource each) and `{lora}` (an id) stand for,
    `environ` the variables that `{env:NAME}` in headers names. In forms and queries a list repeats its field,
    and a table is put in as JSON. Raises RequestError if something is not there, or cannot be a header.
    """

    def look_up(placeholder: Placeholder) -> object:
        return seed if placeholder.name == "seed" else _resource(placeholder, resources)

    headers, secret_headers, secrets = _headers(endpoint.headers, look_up, environ)
    body: bytes | None = None
    content_type: str | None = None
    if endpoint.form is not None:
        body, content_type = _form(placeholders.fill(endpoint.form, look_up))
    elif endpoint.payload is not None:
        body = msgspec.json.encode(placeholders.fill(endpoint.payload, look_up), enc_hook=str)
        content_type = "application/json"
    if content_type is not None:
        headers.setdefault("Content-Type", content_type)
    return Request(
        method=endpoint.method.upper(),
        url=_url(endpoint, placeholders.fill(endpoint.query, look_up)),
        headers=headers,
        body=body,
        secret_headers=secret_headers,
        secrets=secrets,
    )


def _resource(placeholder: Placeholder, resources: Mapping[str, Resource | str]) -> object:
    name, encoding = placeholder
    resource = resources.get(name)
    if resource is None:
        raise RequestError(f"{placeholder}: there is no test {name}")
    if isinstance(resource, str):
        return resource
    if encoding == "bytes":
        return _File(resource)
    text = base64.b64encode(resource.data).decode()
    return text if encoding == "base64" else f"data:{resource.media_type};base64,{text}"


def _headers(
    wanted: Mapping[str, str], look_up: Callable[[Placeholder], object], environ: Mapping[str, str]
) -> tuple[CaseInsensitiveDict[str], frozenset[str], frozenset[str]]:
    """Return the headers, which of them are secret, and the secrets in them."""
    headers = CaseInsensitiveDict(
        {"User-Agent": _user_agent(), "Accept": "*/*", "Accept-Encoding": "identity"}
    )
    secret_headers = set(SECRET_HEADERS)
    secrets: set[str] = set()
    from_environment: set[str] = set()

    def fill(placeholder: Placeholder) -> object:
        if placeholder.name != "env":
            return look_up(placeholder)
        value = environ.get(placeholder.encoding or "", "").strip()
        if not value:
            raise RequestError(f"the environment variable {placeholder.encoding} is not set")
        from_environment.add(value)
        return value

    for name, template in wanted.items():
        from_environment.clear()
        value = str(placeholders.fill(template, fill))
        if not value.isprintable():
            raise RequestError(f"header {name}: its value holds characters that no header may")
        if from_environment or is_secret(name):
            secret_headers.add(name.lower())
            secrets.update(from_environment, secret_parts(value))
        # The wire knows Latin-1 only: what is beyond ASCII goes as UTF-8.
        headers[name] = value.encode().decode("latin-1")
    return headers, frozenset(secret_headers), frozenset(secrets)


def secret_parts(value: str) -> Iterator[str]:
    """Yield a secret header's value, and what of it is secret by itself: credentials, a cookie's value."""
    yield value
    for part in value.split(";"):
        yield part.split("=", 1)[-1].strip()
    scheme, _, credentials = value.partition(" ")
    yield credentials.strip()
    if scheme.lower() == "basic":
        # RFC 7617: `user:password` in base64.
        with contextlib.suppress(ValueError):
            login = base64.b64decode(credentials.strip(), validate=True).decode()
            yield login
            yield login.partition(":")[2]


def _form(fields: object) -> tuple[bytes, str]:
    pairs = list(_pairs(fields))
    if any(isinstance(value, _File) for _, value in pairs):
        return encode_multipart_formdata([(name, _field(value)) for name, value in pairs])
    return urlencode(pairs).encode(), "application/x-www-form-urlencoded"


def _field(value: object) -> str | tuple[str, bytes, str]:
    if isinstance(value, _File):
        return value.resource.name, value.resource.data, value.resource.media_type
    return str(value)


def _url(endpoint: Endpoint, query: object) -> str:
    parts = urlsplit(endpoint.url.rstrip("/") + endpoint.path)
    joined = "&".join(filter(None, (parts.query, urlencode(list(_pairs(query))))))
    return urlunsplit(parts._replace(query=joined))


def _pairs(fields: object) -> Iterator[tuple[str, str | _File]]:
    for name, value in fields.items() if isinstance(fields, dict) else ():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str | _File):
                yield str(name), each
            else:
                yield str(name), msgspec.json.encode(each, enc_hook=str).decode()


@functools.cache
def _user_agent() -> str:
    return f"pytest-modal-bench/{importlib.metadata.version('pytest-modal-bench')}"
