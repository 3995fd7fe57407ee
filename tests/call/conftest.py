from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.call.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    with Watchdog() as one:
        yield one
