"""What a catalogue may expect of an answer: held against itself, since no answer could meet a contradiction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pytest_modal_bench.catalogue.errors import Place
    from pytest_modal_bench.model import Expect

_SUCCESS = range(200, 300)
_HAS_NONE = {
    "image": ("sample_rate",),
    "video": ("sample_rate",),
    "audio": ("width", "height", "min_frames"),
    "json": ("sample_rate",),
}
"""By kind: what no answer of it has."""


def check(expect: Expect, place: Place) -> None:
    """Raise CatalogueError for an expectation that makes no sense, or that no answer can meet."""
    if expect.status is not None and expect.status not in _SUCCESS:
        raise place.at("status").error("expected an HTTP status from 200 to 299; any other is a failure")
    for name, value in msgspec.structs.asdict(expect).items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
            raise place.at(name).error("expected a number above 0")
    if expect.min_bytes is not None and expect.max_bytes is not None and expect.min_bytes > expect.max_bytes:
        raise place.at("min_bytes").error(f"is above max_bytes, which is {expect.max_bytes}")
    for name in _HAS_NONE.get(expect.kind or "", ()):
        if getattr(expect, name) is not None:
            raise place.at(name).error(
                f"no answer of the kind {expect.kind} has one; take it out, or say another kind"
            )
    _check_place_in_json(expect, place)
    if expect.text is not None:
        try:
            re.compile(expect.text)
        except re.error as error:
            raise place.at("text").error(f"not a regular expression: {error}") from None


def _check_place_in_json(expect: Expect, place: Place) -> None:
    if expect.at is not None:
        if not all(expect.at.split(".")):
            raise place.at("at").error("expected dotted keys, such as images.*.data")
        if expect.kind in ("json", "any"):
            raise place.at("kind").error(
                f"{expect.kind} can't be looked for in JSON; say image, video, audio or file, or nothing"
            )
    elif expect.count is not None:
        raise place.at("count").error("counts what at names; say at, too")
