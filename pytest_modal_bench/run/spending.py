"""What calls cost and what they may: at Modal's prices, within the run's limit."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_modal_bench.cost.prices import Rates, from_live, table
from pytest_modal_bench.cost.pricing import Pricing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.cost.ledger import Ledger
    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.run.settings import Settings


class Spending:
    """Prices the calls of one process, and has them wait until they are permitted."""

    def __init__(
        self, settings: Settings, ledger: Ledger | None, observer: Callable[[], Observer | None]
    ) -> None:
        """`observer`: what asks Modal's control plane, as soon as there is one."""
        self.ledger = ledger
        """Where there is a limit on what the run may cost."""
        self._settings = settings
        self._observer = observer
        self._rates: Rates | None = None

    def pricing(self, endpoint: Endpoint) -> Pricing:
        """Return what says what a call to the endpoint costs."""
        observer = self._observer()
        return Pricing(
            endpoint,
            rates=self.rates,
            provider_gpu=lambda: None if observer is None else observer.gpu(endpoint),
            simulated=self._settings.local,
        )

    def longest_usd(self, endpoint: Endpoint) -> float | None:
        """What a call to the endpoint costs that takes until its deadline; None: unknown."""
        return self.pricing(endpoint).of_seconds(self._settings.deadline_sec(endpoint.timeout))

    @contextmanager
    def permit(
        self, endpoint: Endpoint, waits: Callable[[], None], expected_usd: float | None
    ) -> Iterator[Callable[[float | None], None]]:
        """Wait until a call may be made, after `waits` is told; yields what is told its cost. Raises LimitReached."""
        if self.ledger is None:
            yield lambda _: None
            return
        longest_usd = self.pricing(endpoint).bound_of_seconds(self._settings.deadline_sec(endpoint.timeout))
        waits()
        with self.ledger.call(expected_usd, longest_usd=longest_usd) as entry:
            yield entry.spent

    def rates(self) -> Rates:
        """Modal's live prices where it can be asked, else those of the table; asked once."""
        if self._rates is None:
            observer = self._observer()
            live = None if observer is None else observer.rates()
            self._rates = table() if live is None else from_live(live)
        return self._rates
