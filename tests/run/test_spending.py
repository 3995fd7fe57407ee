from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import endpoint

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.control.journal import Journal
from pytest_modal_bench.control.observer import Observer
from pytest_modal_bench.cost.ledger import Ledger, LimitReached
from pytest_modal_bench.cost.prices import table
from pytest_modal_bench.run.settings import LOCAL, Settings
from pytest_modal_bench.run.spending import Spending

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

L40S = table().gpu["L40S"]
FLUX = endpoint(gpu="L40S", timeout=100.0)


class Plane:
    """A control plane that names prices, or none."""

    def __init__(self, prices: Mapping[str, str] | None) -> None:
        self.prices = prices
        self.asked = 0

    def rates(self) -> Mapping[str, str]:
        self.asked += 1
        if self.prices is None:
            raise ControlError("no permission")
        return self.prices


def spending(ledger: Ledger | None = None, observer: Observer | None = None, **given: Any) -> Spending:
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    return Spending(Settings(**unset | given), ledger, lambda: observer)


def asking(plane: Any, directory: Path) -> Observer:
    return Observer(lambda: plane, Journal(directory), patience_sec=lambda seconds: seconds)


def spent(of: Spending, usd: float | None, expected_usd: float | None = None) -> list[str]:
    """Make a call that costs so much, and return what was told before it."""
    told: list[str] = []
    with of.permit(FLUX, lambda: told.append("waits"), expected_usd) as spend:
        spend(usd)
    return told


def test_a_call_costs_at_the_longest_what_its_deadline_does() -> None:
    assert spending().longest_usd(FLUX) == pytest.approx(100 * L40S)
    assert spending(timeout=10.0).longest_usd(FLUX) == pytest.approx(10 * L40S)
    assert spending().longest_usd(endpoint()) is None


def test_prices_are_asked_for_once_and_where_nobody_names_them_they_are_the_tables(tmp_path: Path) -> None:
    for prices, of_l40s in (({"gpu_hour_cost_l40s": "3.6"}, 0.001), (None, L40S)):
        plane = Plane(prices)
        known = spending(observer=asking(plane, tmp_path))

        assert known.rates().gpu["L40S"] == known.rates().gpu["L40S"] == pytest.approx(of_l40s)
        assert known.longest_usd(FLUX) == pytest.approx(100 * of_l40s)
        assert plane.asked == 1


def test_a_control_plane_that_comes_later_is_asked_all_the_same(tmp_path: Path) -> None:
    there: list[Observer] = []
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    known = Spending(Settings(**unset), None, lambda: there[0] if there else None)
    there.append(asking(Plane({"gpu_hour_cost_l40s": "3.6"}), tmp_path))

    assert known.rates().live


def test_without_a_limit_nobody_waits_nor_notes_anything() -> None:
    assert spent(spending(), 5.0, 1000.0) == []


def test_with_one_who_waits_is_told_so_and_what_a_call_cost_is_noted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 1.0)

    assert spent(spending(ledger), 0.25, 0.5) == ["waits"]
    assert (ledger.spent, ledger.unknown_calls) == (0.25, 0)
    spent(spending(ledger), None)
    assert (ledger.spent, ledger.unknown_calls) == (0.25, 1)


def test_a_call_beyond_the_limit_is_not_made(tmp_path: Path) -> None:
    limited = spending(Ledger(tmp_path / "ledger", 1.0))
    spent(limited, 0.75, 0.75)

    with pytest.raises(LimitReached):
        spent(limited, 0.0, 0.5)
    assert spent(limited, 0.25, 0.25) == ["waits"]
    with pytest.raises(LimitReached):
        spent(limited, 0.0)


@pytest.mark.parametrize(
    ("given", "usd", "unknown"),
    [
        ({}, 100 * L40S, 0),
        ({"timeout": 10.0}, 10 * L40S, 0),
        ({"workspace": LOCAL, "time_scale": 0.1}, 0.0, 1),
    ],
    ids=["deadline", "capped", "simulated"],
)
def test_one_that_is_never_heard_of_again_counts_as_its_longest_or_where_seconds_have_no_price_as_unknown(
    tmp_path: Path, given: dict[str, Any], usd: float, unknown: int
) -> None:
    ledger = Ledger(tmp_path / "ledger", 10.0)
    with spending(ledger, **given).permit(FLUX, lambda: None, None):
        # As another process sees it while the call goes on.
        assert ledger.spent == pytest.approx(usd)
        assert ledger.unknown_calls == unknown
