from __future__ import annotations

import asyncio
import socket

import pytest
import requests

from pytest_modal_bench.local.edge import tls
from pytest_modal_bench.local.http import listen


def test_a_client_sees_its_handshake_cut_off() -> None:
    async def scene() -> None:
        listener = listen()
        port = listener.getsockname()[1]
        async with await tls.cut_handshakes(listener):
            url = f"https://127.0.0.1:{port}/"
            await asyncio.to_thread(requests.post, url, json={}, timeout=60)

    with pytest.raises(
        requests.exceptions.SSLError, match=r"HTTPSConnectionPool\(host='127\.0\.0\.1'.*SSLEOFError"
    ):
        asyncio.run(scene())


@pytest.mark.parametrize("garbage", [b"", b"GET", b"\x16\x03\x01\xff\xff and no more"])
def test_a_client_that_leaves_or_talks_nonsense_does_no_harm(garbage: bytes) -> None:
    async def scene() -> bytes:
        listener = listen()
        address = listener.getsockname()
        async with await tls.cut_handshakes(listener):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(garbage)
            writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
            async with asyncio.timeout(5):
                answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(scene()) == b""


def test_a_client_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "READ_TIMEOUT_SEC", 0.01)

    async def scene() -> bytes:
        listener = listen()
        async with await tls.cut_handshakes(listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            async with asyncio.timeout(5):
                answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(scene()) == b""
