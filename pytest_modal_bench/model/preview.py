"""What people are shown of an answer, or of a test resource: small, and made anew from what was decoded."""

from __future__ import annotations

from typing import Literal

import msgspec


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A small picture of one image, video or sound, or the beginning of a text."""

    kind: Literal["image", "video", "audio", "text"]
    frames: tuple[bytes, ...] = ()
    """WebP images (base64 in JSON), encoded here from decoded pixels: one of an image, a few of a
    video or an animation, in order."""
    width: int | None = None
    height: int | None = None
    """Of a frame, in pixels."""
    peaks: tuple[float, ...] = ()
    """Of a sound: the loudest of each of so many equal parts of its time, 0 to 1."""
    text: str | None = None
    """Of a text or a stream: its beginning, secrets taken out."""
    started_at: str | None = None
    """`Sample.started_at` of the call that it answers; None: it is a test resource."""
