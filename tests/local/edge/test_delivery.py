from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from pytest_modal_bench.local.edge import answer, delivery
from pytest_modal_bench.local.edge.pieces import Pieces

DONE = answer.Answer(200, [("x-note", "café")], b"abcd")


class Sent(list[MutableMapping[str, Any]]):
    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self[1:])


def test_whole_states_its_length_and_ends() -> None:
    sent = Sent()
    asyncio.run(delivery.whole(DONE, sent))
    assert sent[0]["status"] == 200
    assert sent[0]["headers"] == [(b"x-note", b"caf\xe9"), (b"content-length", b"4")]
    assert sent.body == b"abcd"
    assert not sent[-1].get("more_body")


def test_truncate_promises_all_and_sends_half() -> None:
    sent = Sent()
    asyncio.run(delivery.truncate(DONE, sent))
    assert (b"content-length", b"4") in sent[0]["headers"]
    assert sent.body == b"ab"
    assert sent[-1]["more_body"]


def streamed(*, broken: bool = False, leaves: bool = False) -> tuple[bool, Sent]:
    """Send an answer in two pieces, and then end it; or have the client leave instead."""
    sent = Sent()

    async def scene() -> bool:
        gone = asyncio.get_running_loop().create_future()
        pieces = Pieces(None)
        sending = asyncio.create_task(delivery.stream(DONE, pieces, gone, sent))
        pieces.add(b"ab")
        await asyncio.sleep(0.01)
        pieces.add(b"cd")
        await asyncio.sleep(0.01)
        if leaves:
            gone.set_result(None)
        else:
            pieces.end(broken=broken)
        async with asyncio.timeout(5):
            return await sending

    return asyncio.run(scene()), sent


def test_a_stream_is_sent_as_it_comes_without_a_length() -> None:
    seen, sent = streamed()

    assert seen
    assert [message.get("body") for message in sent[1:]] == [b"ab", b"cd", None]
    assert not sent[-1].get("more_body")
    assert sent[0]["headers"] == [(b"x-note", b"caf\xe9")]


def test_a_stream_that_breaks_off_is_not_ended() -> None:
    seen, sent = streamed(broken=True)

    assert seen
    assert sent[-1]["more_body"]


def test_a_client_that_leaves_a_stream_has_not_seen_its_end() -> None:
    seen, sent = streamed(leaves=True)

    assert not seen
    assert sent.body == b"abcd"


def test_reset_sends_half_and_then_resets_the_connection() -> None:
    sent = Sent()
    resets: list[int] = []
    asyncio.run(delivery.reset(DONE, lambda: resets.append(len(sent)), sent))

    assert sent.body == b"ab"
    assert sent[-1]["more_body"]
    assert resets == [2]


def test_drip_sends_bytes_one_by_one_over_and_over_until_the_client_is_gone() -> None:
    sent = Sent()

    async def scene() -> None:
        gone = asyncio.get_running_loop().create_future()
        dripping = asyncio.create_task(delivery.drip(DONE, 0.0001, gone, sent))
        while len(sent) < 11:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
        gone.set_result(None)
        async with asyncio.timeout(5):
            await dripping

    asyncio.run(scene())
    assert sent.body.startswith(b"abcdabcdab")
    assert all(len(message["body"]) == 1 and message["more_body"] for message in sent[1:])
    assert not any(name == b"content-length" for name, _ in sent[0]["headers"])


def played_large(answered: answer.Answer, size: int) -> Sent:
    sent = Sent()

    async def scene() -> None:
        await delivery.large(answered, size, asyncio.get_running_loop().create_future(), sent)

    asyncio.run(scene())
    return sent


def test_large_fills_the_body_up_with_zeros_piece_by_piece() -> None:
    size = 3 * len(delivery.ZEROS)
    sent = played_large(DONE, size)
    assert (b"content-length", str(size).encode()) in sent[0]["headers"]
    assert sent.body == b"abcd" + bytes(size - 4)
    assert max(len(message["body"]) for message in sent[1:]) == len(delivery.ZEROS)
    assert [message["more_body"] for message in sent[1:]] == [True, True, True, False]


def test_large_can_be_smaller_than_the_body_and_begin_with_nothing() -> None:
    assert played_large(DONE, 3).body == b"abc"
    assert played_large(DONE._replace(body=b""), 3).body == bytes(3)


def test_large_ends_when_the_client_is_gone() -> None:
    sent = Sent()

    async def scene() -> None:
        gone = asyncio.get_running_loop().create_future()
        gone.set_result(None)
        await delivery.large(DONE, 10**12, gone, sent)

    asyncio.run(scene())
    assert len(sent) == 1
