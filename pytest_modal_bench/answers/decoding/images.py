"""Decodes images with Pillow, every frame of them. Sizes are those before an EXIF orientation, if there is one."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from PIL import Image, UnidentifiedImageError, features

from pytest_modal_bench.answers.decoding import limits
from pytest_modal_bench.answers.decoding.blankness import is_blank
from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.model.formats import AVIF, HEIF, JPEG, TIFF

if TYPE_CHECKING:
    from pytest_modal_bench.answers.previews.maker import PreviewMaker
    from pytest_modal_bench.model.formats import Format

# What browsers take for a frame's duration where an animation gives none.
_DEFAULT_FRAME_MS = 100


def decode(file: IO[bytes], form: Format, maker: PreviewMaker | None = None) -> Findings:
    """Decode every frame of an image, and show it to `maker`.

    Raises Undecodable where Pillow has no decoder, Unusable for what is too large or incomplete, and whatever
    Pillow raises for bytes that it can't read.
    """
    if form is HEIF or (form is AVIF and not features.check("avif")):
        raise Undecodable(f"no decoder for {form.name}")
    try:
        image = Image.open(file, formats=(form.name,))
    except UnidentifiedImageError:
        raise Unusable(f"not a readable {form.name}") from None
    with image:
        width, height = image.size
        declared = _declared_frames(image, form)
        limits.check(width, height, declared or 1)
        if maker is not None:
            maker.expect(declared)
        frames, duration_ms, blank = _play(image, form, maker)
    return Findings(
        kind=form.kind,
        format=form.name,
        width=width,
        height=height,
        frames=frames,
        duration_sec=duration_ms / 1000 if frames > 1 and form is not TIFF else None,
        blank=blank,
        checked=True,
    )


def _declared_frames(image: Image.Image, form: Format) -> int | None:
    """How many frames the head declares; None: to know it, Pillow would have to read them all."""
    return getattr(image, "n_frames", None) if form.name in ("PNG", "WEBP", "AVIF") else None


def _play(image: Image.Image, form: Format, maker: PreviewMaker | None) -> tuple[int, float, bool]:
    """Decode frame after frame; return how many there are, their milliseconds, and whether all are blank."""
    frames, pixels, duration_ms, blank = 0, 0, 0.0, True
    while True:
        limits.check(*image.size, frames + 1)
        pixels += image.width * image.height
        if pixels > limits.MAX_PIXELS:
            raise Unusable(f"too many pixels: more than {limits.MAX_PIXELS} in {frames + 1} frames")
        image.load()
        if maker is not None:
            maker.see_picture(image, duration_ms / 1000)
        frames += 1
        duration_ms += image.info.get("duration") or _DEFAULT_FRAME_MS
        # One frame that shows something settles it.
        blank = blank and is_blank(image)
        # A JPEG's further pictures are previews and depth maps, not frames.
        if form is JPEG or not _seek(image, frames):
            break
    declared = _declared_frames(image, form)
    if declared is not None and frames < declared:
        raise Unusable(f"truncated: holds {frames} of {declared} frames")
    return frames, duration_ms, blank


def _seek(image: Image.Image, frame: int) -> bool:
    """Whether there is that frame; the image is then at it."""
    try:
        image.seek(frame)
    except EOFError:
        return False
    return True
