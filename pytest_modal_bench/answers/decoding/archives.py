"""Tests archives whole, file after file, unpacking nothing; other files are only named."""

from __future__ import annotations

import gzip
import lzma
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

from pytest_modal_bench.answers.decoding import limits
from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.model.formats import GZIP, ZIP

if TYPE_CHECKING:
    from pytest_modal_bench.model.formats import Format

_PIECE_BYTES = 1 << 20
_NOT_LOOKED_INTO = "a ZIP that is not looked into"
_ENCRYPTED = 1  # APPNOTE, section 4.4.4: bit 0 of the general purpose flags


def test(file: IO[bytes], form: Format) -> Findings:
    """Read an archive to its end, and hold it against its checksums.

    Raises Undecodable for what is not looked into, Unusable for what is wrong with it.
    """
    if form is ZIP:
        _test_zip(file)
    elif form is GZIP:
        _test_gzip(file)
    else:
        raise Undecodable(f"{form.name} is known by its beginning, and not looked into")
    return Findings(kind=form.kind, format=form.name, checked=True)


def _test_zip(file: IO[bytes]) -> None:
    try:
        archive = zipfile.ZipFile(file)
    except NotImplementedError as error:
        raise Undecodable(f"{_NOT_LOOKED_INTO}: {error}") from None
    except zipfile.BadZipFile as error:
        raise Unusable(f"truncated: ends before its directory ({error})") from None
    with archive:
        entries = archive.infolist()
        if not entries:
            raise Unusable("holds no file")
        if len(entries) > limits.MAX_ENTRIES:
            raise Unusable(f"too many files: {len(entries)}, where {limits.MAX_ENTRIES} are looked at")
        budget = _Budget(_size(file))
        budget.take(sum(entry.file_size for entry in entries))
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise Undecodable("an encrypted ZIP is not looked into")
        budget = _Budget(_size(file))
        for entry in entries:
            _test_entry(archive, entry, budget)


def _test_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> None:
    try:
        with archive.open(entry) as unpacked:
            while piece := unpacked.read(_PIECE_BYTES):
                budget.take(len(piece))
    except NotImplementedError as error:
        raise Undecodable(f"{_NOT_LOOKED_INTO}: {error}") from None
    except (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        raise Unusable(f"corrupt: {error or 'a file in it ends too early'}") from None


def _test_gzip(file: IO[bytes]) -> None:
    budget = _Budget(_size(file))
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            while piece := unpacked.read(_PIECE_BYTES):
                budget.take(len(piece))
    except EOFError:
        raise Unusable("truncated: ends before the end of what is packed") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Unusable(f"corrupt: {error}") from None
    if not budget.unpacked_bytes:
        raise Unusable("holds nothing")


class _Budget:
    """How much an archive may unfold into."""

    def __init__(self, packed_bytes: int) -> None:
        self._packed_bytes = packed_bytes
        self.unpacked_bytes = 0

    def take(self, count: int) -> None:
        """Raise Unusable if so many bytes more are too much."""
        self.unpacked_bytes += count
        if self.unpacked_bytes > limits.MAX_UNPACKED_BYTES:
            raise Unusable(f"too large: unfolds into more than {limits.MAX_UNPACKED_BYTES} bytes")
        if self.unpacked_bytes > limits.MAX_RATIO * self._packed_bytes:
            raise Unusable(f"too large: unfolds into more than {limits.MAX_RATIO} times its size")


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size
