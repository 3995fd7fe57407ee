from __future__ import annotations

import resource
import signal
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.call.spool import IN_MEMORY_BYTES, Spool, SpoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = Spool()
    yield spool
    spool.close()
    assert list(tmp_path.iterdir()) == [], "nothing is left"


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """Limit how long files may become, which a full disk does as well; the signal that comes with it is ignored."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def filled(spool: Spool, size: int) -> bytes | Path:
    spool.begin()
    for _ in range(size // 1000):
        spool.write(b"x" * 1000)
    spool.write(b"y" * (size % 1000))
    return spool.body


SMALL_OR_LARGE = st.binary(max_size=100) | st.integers(1 << 14, 1 << 15).map(bytes)


@given(st.lists(SMALL_OR_LARGE, max_size=20))
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


def test_many_small_pieces_take_hardly_more_memory_than_they_hold() -> None:
    spool, count = Spool(), 1 << 16
    tracemalloc.start()
    try:
        for number in range(count):
            spool.write(number.to_bytes(8, "big"))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 * spool.size
    assert spool.body == b"".join(number.to_bytes(8, "big") for number in range(count))


@pytest.mark.parametrize("last", [100, 1_000_000])
def test_a_full_disk_is_this_machines_trouble_and_leaves_nothing(
    spool: Spool, last: int, full_disk: Callable[[int], None]
) -> None:
    spool.begin()
    spool.write(b"x" * (IN_MEMORY_BYTES + 1))
    full_disk(IN_MEMORY_BYTES + 50)

    with pytest.raises(SpoolError) as caught:
        spool.write(b"y" * last)

    assert str(caught.value).startswith("this machine can't keep an answer of more than 4,194,305 bytes in ")
    assert "File too large; make room there, or let TMPDIR name another directory" in str(caught.value)
    assert filled(spool, 2000) == b"x" * 2000, "the next answer is received as ever"


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    spool = Spool()

    with pytest.raises(SpoolError, match="gone: No such file or directory"):
        spool.write(b"x" * (IN_MEMORY_BYTES + 1))
    spool.close()
