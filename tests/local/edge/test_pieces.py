from __future__ import annotations

import asyncio

import pytest

from pytest_modal_bench.local.edge.pieces import Pieces


def test_whoever_reads_gets_all_of_it_as_it_comes_and_from_the_beginning() -> None:
    async def scene() -> tuple[list[bytes], list[bytes], bytes]:
        pieces = Pieces(None)
        early: list[bytes] = []

        async def read() -> None:
            async for piece in pieces:
                early.append(piece)  # noqa: PERF401 - what has come so far is looked at

        reading = asyncio.create_task(read())
        pieces.add(b"a")
        pieces.add(b"b")
        await asyncio.sleep(0.01)
        so_far = [*early]
        pieces.add(b"c")
        pieces.end(broken=False)
        await reading
        return so_far, early, await pieces.whole()

    assert asyncio.run(scene()) == ([b"a", b"b"], [b"a", b"b", b"c"], b"abc")


@pytest.mark.parametrize("broken", [False, True])
def test_it_says_whether_its_end_is_that_of_the_body(broken: bool) -> None:
    async def scene() -> Pieces:
        pieces = Pieces(None)
        pieces.end(broken=broken)
        assert await pieces.whole() == b""
        return pieces

    assert asyncio.run(scene()).is_broken is broken


def test_a_client_that_has_left_ends_the_call() -> None:
    async def scene() -> bool:
        call = asyncio.create_task(asyncio.Event().wait())
        Pieces(call).abandon()
        await asyncio.wait({call})
        return call.cancelled()

    assert asyncio.run(scene())
    Pieces(None).abandon()
