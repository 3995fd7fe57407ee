"""The forms in which a secret is as good as the secret, and may be repeated by a server."""

from __future__ import annotations

import base64
import json
import quopri
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from pytest_modal_bench.safety.views import decodings, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHORTEST_DERIVED = 6
"""Encoded forms below so many characters stand in other texts by chance."""


def exact_forms(secret: str) -> Iterator[str]:
    """Yield the forms that are looked for letter by letter: what the most usual encoders make of a secret."""
    raw = secret.encode("utf-8", "surrogateescape")
    yield secret
    yield quote(raw, safe="")
    yield quote(raw)
    yield quote_plus(raw)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")


def folded_forms(secret: str) -> Iterator[str]:
    """Yield the forms that are looked for in folded text, whose escapes may have been undone."""
    # A header's UTF-8 is read as Latin-1; a form's plus is a blank.
    for text in (secret, secret.encode("utf-8", "replace").decode("latin-1"), secret.replace(" ", "+")):
        # A secret may itself look like an escape, and one in capitals like another.
        for case in dict.fromkeys((text, text.upper(), text.lower(), text.swapcase(), text[::-1])):
            yield fold(case)
            yield from (fold(each) for each in decodings(case) if len(fold(each)) >= _SHORTEST_DERIVED)
    yield from (folded for form in _derived(secret) if len(folded := fold(form)) >= _SHORTEST_DERIVED)


def _derived(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogateescape")
    for separator in ("", ":", "-", ",", "_"):
        yield raw.hex(separator) if separator else raw.hex()
    yield ",".join(f"0x{byte:02x}" for byte in raw)
    yield ",".join(map(str, raw))
    yield "".join(f"={byte:02X}" for byte in raw)
    yield quopri.encodestring(raw).decode("latin-1")
    for data in (raw, secret.encode("utf-16-le", "surrogatepass")):
        for text in dict.fromkeys((data, data.upper(), data.lower())):
            yield from _cores(text, 6, base64.b64encode)
            yield from _cores(text, 6, base64.urlsafe_b64encode)
            yield from _cores(text, 5, base64.b32encode)


def _cores(data: bytes, bits: int, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    """Yield what `encode`, at `bits` a character, makes of `data` in the middle of others, at each place it may have.

    Characters at either end that hold bits of the neighbours are left out.
    """
    group = 3 if bits == 6 else 5  # noqa: PLR2004 - base64 packs three bytes, base32 five
    for offset in range(group):
        encoded = encode(bytes(offset) + data + bytes(group)).decode()
        first = -(-offset * 8 // bits)
        yield encoded[first : (offset + len(data)) * 8 // bits]
