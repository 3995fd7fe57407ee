"""What decoding finds out about bytes, and the two ways in which it finds out nothing."""

from __future__ import annotations

import msgspec

from pytest_modal_bench.model import Decoded, Media


class Findings(Decoded, frozen=True, kw_only=True):
    """What the decoding process answers."""

    def __post_init__(self) -> None:
        """Raise ValueError for what no honest decoding process answers."""
        said = [line for line in (self.unchecked, self.problem) if line is not None]
        if (said and self.checked) or not all(line.isprintable() for line in said):
            raise ValueError("findings that contradict themselves, or can't be printed")

    def media(self, size_bytes: int, sha256: str) -> Media:
        """These findings, of bytes of that size and hash."""
        return Media(size_bytes=size_bytes, sha256=sha256, **msgspec.structs.asdict(self))


class Unusable(Exception):
    """Something is wrong with the bytes; the message is one line."""


class Undecodable(Exception):
    """Nothing is known to be wrong with the bytes, but there is no decoder for them; the message is one line."""
