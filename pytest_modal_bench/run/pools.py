"""What a process knows of a pool from the calls that it has made to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.protocol.evidence import PoolState
from pytest_modal_bench.protocol.pool_health import PoolHealth
from pytest_modal_bench.protocol.preflight import Preflight

if TYPE_CHECKING:
    from pytest_modal_bench.protocol.measurement import Measurement

_SUCCESS = range(200, 300)


class Pool:
    """One pool."""

    def __init__(self) -> None:
        self.state = PoolState()
        self.health = PoolHealth()
        self.preflight = Preflight()

    def remember(self, measurement: Measurement) -> None:
        """Take note of what an endpoint's calls say of the whole pool."""
        for sample in measurement.samples:
            # Modal's edge redirects whoever waits, for a pool that hangs as well.
            waited = sample.cause == "timeout" and sample.held_sec > 0
            if sample.http_status is not None and not waited:
                self.health.saw_answer()
            # What failed after a good answer, such as fetching what it links to, says nothing of the pool.
            if sample.cause is not None and sample.http_status not in _SUCCESS:
                self.health.note(measurement.endpoint.id, sample.cause, sample.error or "")
        # One endpoint that hangs is no dead pool; but before each of the others waits as long, it is worth a look.
        if self.health.cause == "timeout" and self.preflight.lives(measurement):
            self.health.saw_answer()
