from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI, Request

from pytest_modal_bench.local.app.shapes import kept_files

if TYPE_CHECKING:
    from collections.abc import Sequence


def request(host: str) -> Request:
    return Request(
        {
            "type": "http",
            "scheme": "http",
            "server": ("127.0.0.1", 1),
            "path": "/generate",
            "query_string": b"",
            "headers": [(b"host", host.encode())],
        }
    )


def names(links: Sequence[str]) -> list[str]:
    return [link.rpartition("/")[2] for link in links]


def test_a_file_is_at_the_host_that_was_asked() -> None:
    files = kept_files.of(FastAPI())
    link = files.keep(request("images.example:81"), b"one")

    assert link.startswith("http://images.example:81/files/img-01")
    assert files._find(*names([link])) == b"one"  # noqa: SLF001 - what the route answers


def test_an_app_has_its_files_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_files, "MAX_KEPT", 2)
    web = FastAPI()
    links = [kept_files.of(web).keep(request("x"), str(number).encode()) for number in range(3)]
    gone, *kept = names(links)

    assert kept_files.of(web) is kept_files.of(web)
    assert [kept_files.of(web)._find(name) for name in kept] == [b"1", b"2"]  # noqa: SLF001 - see above
    with pytest.raises(Exception, match="no such file"):
        kept_files.of(web)._find(gone)  # noqa: SLF001 - see above
