"""Secrets in the disguises in which a server may repeat them. What the tests of redaction are made of."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable

SECRETS = (
    "wk-4Kq9xT2mLz81",
    "s3cr3t/T0k+n=?&\"'",
    "correct horse battery staple",
    "pä$$wörd<ñ>ß",
    "a1%2Fb2\\n&amp;c3",
)


def _each(form: str) -> Callable[[str], str]:
    return lambda secret: "".join(form.format(ord(c)) for c in secret)


def _bytes(form: str) -> Callable[[str], str]:
    return lambda secret: "".join(form.format(byte) for byte in secret.encode())


def _base64(offset: int) -> Callable[[str], str]:
    return lambda secret: base64.b64encode(b"xyz"[:offset] + secret.encode() + b"!").decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper": str.upper,
    "lower": str.lower,
    "swapped case": str.swapcase,
    "html": html.escape,
    "html twice": lambda secret: html.escape(html.escape(secret)),
    "html decimal": _each("&#{};"),
    "html hexadecimal": _each("&#x{:x};"),
    "percent": lambda secret: quote(secret, safe=""),
    "percent, lower case": _bytes("%{:02x}"),
    "percent twice": lambda secret: quote(quote(secret, safe=""), safe=""),
    "percent three times": lambda secret: quote(quote(quote(secret, safe=""))),
    "plus": quote_plus,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json, escaped": _each("\\u{:04x}"),
    "json twice": lambda secret: json.dumps(json.dumps(secret))[1:-1],
    "python's bytes": _bytes("\\x{:02x}"),
    "newlines": "\n".join,
    "tabs": "\t".join,
    "zero width": "\u200b".join,
    "colours": "\x1b[31m".join,
    "base64": _base64(0),
    "base64, a byte later": _base64(1),
    "base64, two bytes later": _base64(2),
    "base64, url": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "hexadecimal": lambda secret: secret.encode().hex(),
    "hexadecimal, upper case": lambda secret: secret.encode().hex().upper(),
    "reversed": lambda secret: secret[::-1],
    "latin-1": lambda secret: secret.encode().decode("latin-1"),
}


def leaks(text: str, secret: str) -> set[str]:
    """Name the disguises in which `secret` stands in `text`, whatever blanks it was given on its way."""
    squeezed = "".join(text.split())
    return {
        name
        for name, disguise in ENCODINGS.items()
        if (form := disguise(secret)) in text or "".join(_core(name, form).split()) in squeezed
    }


def _core(name: str, form: str) -> str:
    # The ends of base64 belong to the neighbours, too.
    return form.rstrip("=")[3:-3] if name.startswith("base64") else form
