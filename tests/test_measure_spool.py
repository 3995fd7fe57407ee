from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.measure.spool import IN_MEMORY_BYTES, Spool

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = Spool()
    yield spool
    spool.close()
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def filled(spool: Spool, size: int) -> bytes | Path:
    spool.begin()
    for _ in range(size // 1000):
        spool.write(b"x" * 1000)
    spool.write(b"y" * (size % 1000))
    return spool.body


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_a_small_body_is_its_bytes(pieces: list[bytes]) -> None:
    spool = Spool()
    for piece in pieces:
        spool.write(piece)

    assert spool.body == b"".join(pieces)
    assert spool.size == len(b"".join(pieces))
    assert spool.head(7) == b"".join(pieces)[:7]


def contents(spool: Spool) -> tuple[bytes | Path, int]:
    return spool.body, spool.size


def test_a_large_body_is_a_file_until_the_next_is_begun(spool: Spool) -> None:
    body = filled(spool, IN_MEMORY_BYTES + 5)
    assert isinstance(body, Path)
    assert body.stat().st_size == spool.size == IN_MEMORY_BYTES + 5
    assert (spool.head(2), body.read_bytes()[:2]) == (b"xx", b"xx")
    spool.write(b"z")
    assert spool.body == body
    assert body.read_bytes().endswith(b"yz")

    spool.begin()
    assert not body.exists()
    assert contents(spool) == (b"", 0)


def test_one_is_in_memory_again_after_a_large_one(spool: Spool) -> None:
    filled(spool, IN_MEMORY_BYTES + 1)

    assert filled(spool, IN_MEMORY_BYTES) == b"x" * (IN_MEMORY_BYTES // 1000 * 1000) + b"y" * (
        IN_MEMORY_BYTES % 1000
    )


def test_closing_it_twice_does_nothing(spool: Spool) -> None:
    filled(spool, IN_MEMORY_BYTES + 1)
    spool.close()
    spool.close()
