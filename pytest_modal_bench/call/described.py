"""What an endpoint is sent, for people to read beside its answer: as the catalogue has it, and without secrets."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import msgspec

from pytest_modal_bench.call import failures
from pytest_modal_bench.call.request import is_secret as is_secret_header
from pytest_modal_bench.call.request import secret_parts
from pytest_modal_bench.catalogue import placeholders
from pytest_modal_bench.safety.redaction import REDACTED, Redactor
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_modal_bench.model import Endpoint

LONGEST = 1000
"""Characters in all."""
_LONGEST_STRING = 200
_SHORTEST_SECRET = 8
"""Characters of a value of the environment that is a secret by its name alone, such as `SESSION=gnome`."""
# What keys of services look like, such as `sk-…`, `hf_…`, or a JWT: letters and digits mixed, longer than names are.
_KEY_LIKE = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20,}")


def described(endpoint: Endpoint, environ: Mapping[str, str] = ENVIRONMENT) -> str | None:
    """Return payload, form and query as JSON on one line, placeholders left in; None: nothing is sent.

    Never a header's value, and no text that is a secret by its name, by its looks, or because the environment has it
    as one.
    """
    redactor = Redactor(_secrets(endpoint, environ))
    parts = {"payload": endpoint.payload, "form": endpoint.form, "query": endpoint.query or None}
    sent = {name: _without_secrets(value, redactor) for name, value in parts.items() if value is not None}
    written = {name: msgspec.json.encode(value, enc_hook=str).decode() for name, value in sent.items()}
    if not written:
        return None
    only_payload = [*written] == ["payload"]
    lines = [text if only_payload else f"{name} {text}" for name, text in written.items()]
    line = redactor.clean(failures.one_line("; ".join(lines)))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _secrets(endpoint: Endpoint, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what must not be shown: what its secret headers hold, and what in the environment is called a secret."""
    in_headers = {
        placeholder.encoding
        for placeholder in placeholders.find(endpoint.headers)
        if placeholder.name == "env"
    }
    for name in environ:  # the names alone: most variables are no secrets, and reading one decodes it
        if (named := name in in_headers) or is_secret(name):
            value = environ[name]
            if named or len(value) >= _SHORTEST_SECRET:
                yield value.strip()
    for name, value in endpoint.headers.items():
        if is_secret(name) and not any(placeholders.find(value)):
            yield from secret_parts(value)


@functools.lru_cache(1000)
def is_secret(name: str) -> bool:
    """Whether what is called so keeps something secret, wherever it stands: `api_key` as `api-key`."""
    return is_secret_header(name.replace("_", "-"))


def _without_secrets(value: object, redactor: Redactor, *, named_secret: bool = False) -> object:
    match value:
        case dict():
            return {
                redactor.clean(str(name)): _without_secrets(
                    inner, redactor, named_secret=is_secret(str(name))
                )
                for name, inner in value.items()
            }
        case list() | tuple():
            return [_without_secrets(inner, redactor, named_secret=named_secret) for inner in value]
        case str():
            if named_secret and not any(placeholders.find(value)):
                return REDACTED
            shown = _KEY_LIKE.sub(REDACTED, redactor.clean(value))
            return shown if len(shown) <= _LONGEST_STRING else f"{shown[: _LONGEST_STRING - 1]}…"
    return value
