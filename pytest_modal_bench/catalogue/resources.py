"""Test resources that are files: found, checked, and named as missing."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

from pytest_modal_bench.model import Need, Resource, formats
from pytest_modal_bench.safety.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from PIL import Image

    from pytest_modal_bench.catalogue import ResourcePaths
    from pytest_modal_bench.catalogue.errors import Place

_WORDS: dict[Need, str] = {
    "image": "test image",
    "video": "test video",
    "mask": "test mask",
    "lora": "LoRA file",
}
USUAL: tuple[Need, ...] = tuple(_WORDS)
"""Test resources that every catalogue knows, in the order in which people read of them."""

MADE = ("image", "video")
"""Those that a workspace's own endpoints can make."""

# Formats of Pillow's that decode in this process: others, such as EPS, start programs.
_IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
# Brands of ISO media files that hold pictures instead of films (mp4ra.org, "Brands").
_STILL_BRANDS = (b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1")
_LARGEST_BYTES = 256 * 2**20
"""Of a test resource, which is held in memory and sent with every call."""
_MAX_CONVERTED_PIXELS = 4_000_000_000
# What browsers take for a frame's duration where an animation gives none.
_DEFAULT_FRAME_MS = 100
_SLOWEST_FPS, _FASTEST_FPS = 0.001, 1000


class ResourceError(ValueError):
    """Bytes that can't serve as a test resource; the text is one line that says why."""


def find(paths: ResourcePaths) -> dict[str, Resource | None]:
    """Read all files that `paths` names, and test image, video and mask.

    One that is not there, or can't serve, is None: `reasons` says why.
    """
    return {need: found if isinstance(found, Resource) else None for need, found in _look_at(paths)}


def reasons(paths: ResourcePaths) -> dict[str, str]:
    """Return one line on each test resource that `find` does not find."""
    return {need: str(found) for need, found in _look_at(paths) if not isinstance(found, Resource)}


def check(paths: ResourcePaths, needs: Iterable[Need], place: Place) -> None:
    """Raise CatalogueError where the catalogue names a file for one of `needs`, and that file can't serve.

    One that the catalogue does not name is no mistake: whatever needs it is left out.
    """
    needed = {need for need in needs if paths.files.get(need) is not None}
    for need, reason in reasons(paths).items():
        if need in needed:
            made = f"make it with --modal-bench-generate={need}, " if need in MADE else ""
            raise place.at("resources", need).error(
                f"{reason}; put a file there, {made}or take the line out to skip the endpoints that need it"
            )


def missing_reason(needs: Iterable[Need], have: Mapping[str, object]) -> str | None:
    """Return `Missing: …` with those of `needs` that are None or absent in `have`; None if all are there."""
    needed = dict.fromkeys(needs)
    ordered = (*(need for need in USUAL if need in needed), *(need for need in needed if need not in USUAL))
    missing = [_WORDS.get(need, need) for need in ordered if have.get(need) is None]
    return f"Missing: {', '.join(missing)}" if missing else None


def from_bytes(need: str, data: bytes, name: str | None = None) -> Resource:
    """Return `data` as the test resource `need`.

    Its media type follows from the bytes. Raises ResourceError for an image or a mask that can't be decoded,
    for a video that does not begin like one (a still picture is none), and for nothing at all.
    """
    match need:
        case "video":
            media_type = _video_type(data)
        case "image" | "mask":
            media_type = _image_type(data)
        case _:
            media_type = _any_type(data)
    return Resource(data=data, media_type=media_type, name=name or f"{need}.{media_type.rpartition('/')[2]}")


def supplied(
    given: Mapping[str, bytes], own: Mapping[str, Resource | None]
) -> tuple[dict[str, Resource], list[str]]:
    """Return test image, video and mask of those `given`, or one's `own` instead where there is one.

    What can't serve is left out, and told in a line each.
    """
    found: dict[str, Resource] = {}
    told = []
    for need, data in given.items():
        one: Resource | ResourceError
        try:
            one = own.get(need) or from_bytes(need, data)
        except ResourceError as error:
            one = error
        if need == "mask":
            one = _unless_image(one, found.get("image"))
        if isinstance(one, Resource):
            found[need] = one
        else:
            told.append(f"test {need}: {one}")
    return found, told


def webp_to_mp4(data: bytes, fps: float | None = None) -> bytes:
    """Return an animated WebP as H.264 in MP4, of `fps` frames per second: by default its own mean.

    Raises ResourceError for anything but an animated WebP, and where PyAV, of the extra `video`, is missing.
    """
    durations = [duration_ms for _, duration_ms in _frames(data)]
    if fps is None:
        fps = 1000 * len(durations) / sum(durations)
    elif not _SLOWEST_FPS <= fps <= _FASTEST_FPS:
        raise ResourceError(f"expected {_SLOWEST_FPS} to {_FASTEST_FPS} frames per second, got {fps}")
    return _mp4((picture for picture, _ in _frames(data)), Fraction(fps).limit_denominator(1_000_000))


def _look_at(paths: ResourcePaths) -> Iterator[tuple[str, Resource | ResourceError]]:
    image = _read("image", paths.image)
    yield "image", image
    yield "video", _read("video", paths.video)
    yield "mask", _unless_image(_read("mask", paths.mask), image)
    for name, path in paths.others.items():
        yield name, _read(name, path)


def _unless_image(
    mask: Resource | ResourceError, image: Resource | ResourceError | None
) -> Resource | ResourceError:
    if isinstance(mask, Resource) and isinstance(image, Resource) and mask.data == image.data:
        return ResourceError(f"{mask.name}: is the test image itself, not a mask for it")
    return mask


def _read(need: str, path: Path | None) -> Resource | ResourceError:
    if path is None:
        return ResourceError(f"the catalogue names no {need} under [resources]")
    try:
        return from_bytes(need, read_bytes(path, _LARGEST_BYTES), path.name)
    except FileNotFoundError:
        return ResourceError(f"{path}: no such file")
    except OSError as error:
        return ResourceError(f"{path}: can't be read: {error.strerror}")
    except ResourceError as error:
        return ResourceError(f"{path}: {error}")


def _image_type(data: bytes) -> str:
    from PIL import Image

    with _decoding("is not an image"), Image.open(io.BytesIO(data), formats=_IMAGE_FORMATS) as image:
        image.load()
        return Image.MIME[image.format or ""]


def _video_type(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] not in _STILL_BRANDS:
        return "video/quicktime" if data[8:12] == b"qt  " else "video/mp4"
    if data.startswith(b"\x1aE\xdf\xa3"):  # EBML (RFC 8794, section 11.2.1); its DocType follows at once
        return "video/webm" if b"webm" in data[:64] else "video/matroska"
    raise ResourceError("is not an MP4 or WebM video")


def _any_type(data: bytes) -> str:
    if not data:
        raise ResourceError("is empty")
    form = formats.identify(data[: formats.HEAD_BYTES])
    if form is not None:
        return form.media_types[0]
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain" if "\0" not in text else "application/octet-stream"


@contextmanager
def _decoding(problem: str) -> Iterator[None]:
    """Turn whatever Pillow raises for bytes that it can't decode, or won't for their size, into `problem`."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise ResourceError("has too many pixels") from None
        except (OSError, EOFError, ValueError, SyntaxError):
            raise ResourceError(problem) from None


def _frames(data: bytes) -> Iterator[tuple[Image.Image, int]]:
    """Yield an animated WebP's frames, each with its duration in milliseconds, one at a time in memory."""
    from PIL import Image

    problem = "is not an animated WebP"
    with _decoding(problem):
        animation = Image.open(io.BytesIO(data), formats=("WEBP",))
    with animation:
        count = getattr(animation, "n_frames", 1)
        if count == 1:
            raise ResourceError("is a still image, not an animated WebP")
        if count * animation.width * animation.height > _MAX_CONVERTED_PIXELS:
            raise ResourceError(
                f"is too large: {count} frames of {animation.width} x {animation.height} pixels"
            )
        for number in range(count):
            with _decoding(problem):
                animation.seek(number)
                picture = animation.convert("RGB")
            yield picture, animation.info.get("duration") or _DEFAULT_FRAME_MS


def _mp4(pictures: Iterable[Image.Image], rate: Fraction) -> bytes:
    try:
        import av
    except ImportError:
        raise ResourceError(
            "turning WebP into MP4 needs the extra `video`: pip install 'pytest-modal-bench[video]'"
        ) from None
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if number == 0:
                # 4:2:0 halves both sides, so they are made even.
                stream.width, stream.height = (side + side % 2 for side in picture.size)
            frame = av.VideoFrame.from_image(picture.resize((stream.width, stream.height)))  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()
