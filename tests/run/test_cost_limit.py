from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from report_runs import result, run

from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.report.json import render
from pytest_modal_bench.run import cost_limit

if TYPE_CHECKING:
    from pathlib import Path


class Spending:
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
    auto = False
    rounds = 3
    max_cost = 0.5
    baseline: Path | None = None
    against: str | None = None

    def __init__(self, *reports: Path) -> None:
        self.reports = reports


def endpoint(name: str, pool: str = "pool") -> Endpoint:
    return Endpoint(id=name, name=name, path=f"/{name}", app="app", url="", pool=pool, category="A")


def foreseen(reports: Any = (), usd: float | None = 0.01) -> str:
    settings: Any = Settings(*reports)
    spending: Any = Spending(usd)
    return cost_limit.foreseen([endpoint("flux"), endpoint("other")], settings, spending)


def test_without_an_earlier_report_only_the_most_is_known() -> None:
    assert foreseen() == (
        "expected cost of 8 calls: unknown; at most, each until its deadline and made 3 times: $0.24; limit: $0.5"
    )


def test_without_a_price_nothing_is() -> None:
    assert "at most, each until its deadline and made 3 times: unknown" in foreseen(usd=None)


def test_what_may_be_measured_again_counts_twice() -> None:
    settings: Any = Settings()
    settings.baseline = "history"
    spending: Any = Spending(0.01)

    assert "made 6 times: $0.48;" in cost_limit.foreseen(
        [endpoint("flux"), endpoint("other")], settings, spending
    )


@pytest.mark.parametrize(
    ("first", "second", "calls"),
    [
        (None, None, 13),
        (True, True, 18),
        (True, None, 13),
        (False, None, 13),
        (False, True, 13),
        (False, False, 8),
    ],
)
def test_forced_cold_starts_are_counted_as_they_are_made(
    first: bool | None, second: bool | None, calls: int
) -> None:
    settings: Any = Settings()
    settings.cold, settings.cold_rounds = "force", 6
    spending: Any = Spending(0.01)
    selected = [
        structs.replace(endpoint("flux"), cold=first),
        structs.replace(endpoint("other"), cold=second),
    ]

    assert f"expected cost of {calls} calls:" in cost_limit.foreseen(selected, settings, spending)


def test_what_is_called_in_turn_meets_as_many_new_containers_with_each_endpoint() -> None:
    settings: Any = Settings()
    settings.cold, settings.cold_rounds, settings.against = "force", 6, "staging"
    spending: Any = Spending(0.01)
    both = [endpoint("flux"), endpoint("other")] * 2

    assert f"expected cost of {4 * (6 + 6)} calls:" in cost_limit.foreseen(both, settings, spending)


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
