from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pytest_modal_bench.local.edge import answer, calls
from pytest_modal_bench.local.edge.calls import Call, Calls
from pytest_modal_bench.local.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pytest_modal_bench.local.edge.answer import Answer


async def work(_begun: asyncio.Future[Answer]) -> Answer:
    await asyncio.sleep(0)
    return answer.text(200, "done")


async def never(_begun: asyncio.Future[Answer]) -> Answer:
    await asyncio.Event().wait()
    return answer.text(200, "never")


async def stream(begun: asyncio.Future[Answer]) -> Answer:
    begun.set_result(answer.text(200, "begun"))
    await asyncio.sleep(0.01)
    return answer.text(200, "done")


def made(work: Callable[[asyncio.Future[Answer]], Coroutine[None, None, Answer]]) -> Call:
    return Call(identifier("fc"), work)


def test_a_kept_call_is_found_by_its_token_or_its_id_and_by_nothing_else() -> None:
    async def scene() -> None:
        kept, other, book = made(work), made(work), Calls()
        book.keep(kept)
        book.keep(kept)
        assert book.find({calls.ATTEMPT_TOKEN: kept.token}) is kept
        assert book.find({calls.CALL_ID: kept.id}) is kept
        assert book.find({calls.ATTEMPT_TOKEN: kept.id, calls.CALL_ID: kept.token}) is None
        assert book.find({calls.ATTEMPT_TOKEN: other.token}) is None
        assert book.find({}) is None
        await asyncio.gather(kept.task, other.task)

    asyncio.run(scene())


def test_tokens_are_never_the_same_twice() -> None:
    async def scene() -> None:
        some = [made(work) for _ in range(50)]
        assert len({call.token for call in some}) == 50
        await asyncio.gather(*(call.task for call in some))

    asyncio.run(scene())


def test_a_call_goes_on_without_anyone_waiting() -> None:
    async def scene() -> Answer:
        call = made(work)
        await asyncio.sleep(0.01)
        assert call.task.done()
        return call.task.result()

    assert asyncio.run(scene()).body == b"done\n"


def test_a_call_has_its_answer_once_it_is_done_or_has_begun() -> None:
    async def scene() -> list[bytes | None]:
        whole, streamed, endless = made(work), made(stream), made(never)
        before = [call.answer for call in (whole, streamed)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answers = [*before, whole.answer, streamed.answer, endless.answer]
        endless.task.cancel()
        await asyncio.wait({whole.task, streamed.task, endless.task})
        return [each and each.body for each in (*answers, endless.answer)]

    assert asyncio.run(scene()) == [None, None, b"done\n", b"begun\n", None, None]


def test_the_oldest_of_too_many_kept_calls_is_lost() -> None:
    async def scene() -> None:
        book = Calls()
        first = made(never)
        book.keep(first)
        rest = [made(never) for _ in range(calls.MAX_KEPT)]
        for call in rest:
            book.keep(call)
        await asyncio.wait({first.task})
        assert first.task.cancelled()
        assert book.find({calls.CALL_ID: first.id}) is None
        assert book.find({calls.CALL_ID: rest[0].id}) is rest[0]
        assert not rest[0].task.done()

    asyncio.run(scene())


def test_of_calls_that_are_done_only_the_last_are_kept_and_of_the_others_all() -> None:
    async def scene() -> None:
        book = Calls()
        waiting = made(never)
        done = [made(work) for _ in range(calls.MAX_DONE + 1)]
        for call in (waiting, *done):
            book.keep(call)
        await asyncio.wait({call.task for call in done})
        await asyncio.sleep(0)
        assert book.find({calls.CALL_ID: done[0].id}) is None
        assert book.find({calls.CALL_ID: done[1].id}) is done[1]
        assert book.find({calls.CALL_ID: waiting.id}) is waiting
        waiting.task.cancel()

    asyncio.run(scene())


def test_a_result_url_is_told_by_its_query() -> None:
    assert calls.is_result({"__modal_attempt_token": "x"})
    assert calls.is_result({"__modal_function_call_id": "x"})
    assert not calls.is_result({"seed": "1"})
