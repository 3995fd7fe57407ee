"""What passes, and is not beyond doubt: under `--modal-bench-strict` it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import EndpointResult


def doubts(result: EndpointResult) -> Iterator[str]:
    """Say what is doubtful about `result`, a line each."""
    if result.status in ("skipped", "not_run"):
        yield result.skipped_reason or result.status.replace("_", " ")
    if result.cold_verified is False:
        yield "cold start unverified: nothing proves that it met a new container"
    yield from inconclusive(result)
    if result.cached is not None:
        yield f"cached: {result.cached}"
    yield from (sample.unchecked for sample in result.samples if sample.counts and sample.unchecked)
    yield from result.misfits
    yield from (check.message for check in result.checks if check.verdict in ("INCONCLUSIVE", "SKIP"))


def inconclusive(result: EndpointResult) -> Iterator[str]:
    """Say which starts are not known as asked for, and why; a reason that both share is said once."""
    if result.cold_inconclusive is not None and result.cold_inconclusive == result.warm_inconclusive:
        yield f"cold and warm inconclusive: {result.cold_inconclusive}"
        return
    for what, reason in (("cold", result.cold_inconclusive), ("warm", result.warm_inconclusive)):
        if reason is not None:
            yield f"{what} inconclusive: {reason}"
