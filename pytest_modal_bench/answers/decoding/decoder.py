"""Decodes bytes of any kind, whole. What it calls is C that reads hostile bytes: `inspector` runs it elsewhere."""

from __future__ import annotations

import io
import warnings
from typing import IO, TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.answers.decoding import archives, documents, images, sounds, structure, videos
from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.answers.previews.maker import PreviewMaker
from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.answers.decoding.structure import Data
    from pytest_modal_bench.model import MediaKind

_LONGEST_REASON = 120
_DECODERS: dict[MediaKind, Callable[[IO[bytes], formats.Format, PreviewMaker | None], Findings]] = {
    "image": images.decode,
    "video": videos.decode,
    "audio": sounds.decode,
    "file": lambda file, form, _maker: archives.test(file, form),  # there is nothing to be shown
}


def decode(data: Data, file: IO[bytes] | None = None, *, preview: bool = False) -> Findings:
    """What `data` is and whether it is whole; `file` reads the same bytes, where they are a file's.

    With a preview if one is asked for and it could be decoded whole. Raises nothing, whatever the bytes are, as long as
    it comes back.
    """
    form = formats.identify(data[: formats.HEAD_BYTES])
    nothing = Findings(kind="text") if form is None else Findings(kind=form.kind, format=form.name)
    try:
        return (
            documents.look(data)
            if form is None
            else _decode(data, file or io.BytesIO(data), form, preview=preview)
        )
    except Undecodable as error:
        return structs.replace(nothing, unchecked=str(error))
    except Unusable as error:
        return structs.replace(nothing, problem=str(error))
    except MemoryError:
        return structs.replace(nothing, problem="takes more memory than allowed to decode")
    except Exception as error:  # noqa: BLE001 - decoders raise what they like
        return structs.replace(nothing, problem=_reason(error))


def _decode(data: Data, file: IO[bytes], form: formats.Format, *, preview: bool) -> Findings:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, on what it then decodes all the same
        structure.check(data, form)
        maker = PreviewMaker() if preview else None
        findings = _DECODERS[form.kind](file, form, maker)
        return findings if maker is None else structs.replace(findings, preview=maker.preview(findings.kind))


def _reason(error: Exception) -> str:
    """What a decoder said, as one short line."""
    said = "".join(letter for letter in str(error) if letter.isprintable())[:_LONGEST_REASON].strip()
    return f"can't be decoded: {said or type(error).__name__}"
