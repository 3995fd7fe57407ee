from __future__ import annotations

from typing import TYPE_CHECKING, Any

from report_runs import result, run

from pytest_modal_bench import limit
from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.report.json import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Measuring:
    """Knows what a call costs that takes until its deadline."""

    def __init__(self, usd: float | None) -> None:
        self.usd = usd

    def longest_usd(self, endpoint: Endpoint) -> float | None:
        del endpoint
        return self.usd


class Settings:
    """One cold and three warm calls an endpoint."""

    cold = "observe"
    cold_rounds = 1
    rounds = 3
    max_cost = 0.5

    def __init__(self, *reports: Path) -> None:
        self.reports = reports


def endpoint(name: str, pool: str = "pool") -> Endpoint:
    return Endpoint(id=name, name=name, path=f"/{name}", app="app", url="", pool=pool, category="A")


def foreseen(reports: Any = (), usd: float | None = 0.01) -> str:
    settings: Any = Settings(*reports)
    measuring: Any = Measuring(usd)
    return limit.foreseen([endpoint("flux"), endpoint("other")], settings, measuring)


def test_without_an_earlier_report_only_the_most_is_known() -> None:
    assert foreseen() == (
        "expected cost of 8 calls: unknown; at most, each until its deadline: $0.08; limit: $0.5"
    )


def test_without_a_price_nothing_is() -> None:
    assert "at most, each until its deadline: unknown" in foreseen(usd=None)


def test_the_last_report_says_what_to_expect(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(
        render(run([result("Flux", cost_usd=0.001, cold_cost_usd=0.02), result("Other", cost_usd=0.002)]))
    )

    assert "about $0.0310, by the last report" in foreseen([tmp_path / "x.md", path])


def test_a_report_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("{")

    assert "expected cost of 8 calls: unknown" in foreseen([path, tmp_path / "gone.json"])


def test_a_ledger_has_a_directory_of_its_own_that_is_removed() -> None:
    cleanups: list[Callable[[], None]] = []
    ledger = limit.open_ledger(1.0, cleanups.append)
    with ledger.call(None) as entry:
        entry.spent(0.25)
    assert (ledger.spent, ledger.path.exists()) == (0.25, True)

    (cleanup,) = cleanups
    cleanup()
    assert not ledger.path.parent.exists()
