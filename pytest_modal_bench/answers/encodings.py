"""Names the encoding of an answer that nothing here could undo, and what would undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urllib3 import HTTPResponse

if TYPE_CHECKING:
    from pytest_modal_bench.model import Media

_PACKAGES = {
    "br": "brotli decodes it: pip install 'urllib3[brotli]'",
    "zstd": "backports.zstd decodes it (zstandard, for urllib3 before 2.6): pip install 'urllib3[zstd]'",
}
_LONGEST = 40


def problem(media: Media, declared: str | None) -> str | None:
    """What to do about an answer that is still encoded as `declared`, its Content-Encoding; None: it is not.

    It was asked for as it is, with `Accept-Encoding: identity`.
    What is known by its bytes is decoded, whatever is declared.
    """
    if media.kind not in ("other", "text"):
        return None
    for name in (declared or "").lower().split(","):
        encoding = name.strip()
        if encoding in ("", "identity", *HTTPResponse.CONTENT_DECODERS):
            continue
        remedy = _PACKAGES.get(encoding, "no package decodes it: send it as it is")
        shown = "".join(c for c in encoding if c.isprintable())[:_LONGEST]
        return f"encoded with {shown}, though nobody asked for that; {remedy}"
    return None
