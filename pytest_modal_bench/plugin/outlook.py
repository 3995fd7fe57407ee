"""What there is to compare a run with, said before its first call costs anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.run.inputs import payload_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_modal_bench.gate.baselines import History
    from pytest_modal_bench.model import Endpoint, Resource


def outlook(
    history: History | None,
    endpoints: Sequence[Endpoint],
    found: Mapping[str, Resource | str],
    simulated: str | None,
) -> Iterator[str]:
    """Say which earlier runs were left out, and which endpoints have nothing to be compared with, or too little.

    `found`: the test resources that there are. What needs another one may be sent or not: its payload is not known.
    """
    if history is None:
        return
    yield from history.notes
    if history.past:
        payloads = {
            endpoint.id: payload_sha256(endpoint, found)
            for endpoint in endpoints
            if all(need in found for need in endpoint.needs)
        }
        yield from history.outlook(endpoints, payloads, simulated=simulated)
