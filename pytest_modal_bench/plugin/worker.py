"""An xdist worker: it measures, and is given what it can't know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.plugin.collection import endpoint_of, is_under_load
from pytest_modal_bench.plugin.termination import terminate_like_interrupt
from pytest_modal_bench.plugin.xdist import WATCHED, progress_sender, receive_preparation, send_collected

if TYPE_CHECKING:
    from pytest_modal_bench.run.measurer import Measurer


class Worker:
    """Plugin of a worker. It is prepared before its first test."""

    def __init__(self, config: pytest.Config, measurer: Measurer) -> None:
        self._measurer = measurer
        terminate_like_interrupt(config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Before xdist sends the ids of the tests: say which endpoint each has."""
        endpoints = ((item.nodeid, endpoint_of(item)) for item in session.items)
        send_collected(
            session.config,
            {nodeid: endpoint.id for nodeid, endpoint in endpoints if endpoint is not None},
            [item.nodeid for item in session.items if is_under_load(item)],
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Before xdist listens: be ready for the preparation, and for who watches."""
        if session.config.workerinput[WATCHED]:  # type: ignore[attr-defined] # xdist's
            self._measurer.watch = progress_sender(session.config)
        receive_preparation(session.config, self._measurer.prepare)
