"""What it costs to keep a container warm, and which cold starts that saves: what to expect at a rate of calls.

The model: calls come at random and independently of each other, a Poisson process of `rate` calls a second. One
container takes all of them, several at a time if need be. A call takes `call_sec`; the one that finds no container
takes `start_sec` longer. The container ends `window_sec` after the end of its last call, as Modal's `scaledown_window`
has it, unless `min_containers` keeps one.

Then a container's life goes in cycles of three parts, in seconds:

- its start: `start_sec`; calls that come meanwhile wait for it, too, and are not counted as cold;
- until no call has come for T = `call_sec + window_sec`: (e^(rate T) - 1) / rate on average. That is the busy period
  of a queue with any number of servers and a service of T (Takacs, Introduction to the Theory of Queues, 1962);
- until the next call: 1 / rate on average.

So no container lives for the share 1 / (e^(rate T) + rate start_sec) of the time: the part without one, over all three
(Ross, Introduction to Probability Models, on alternating renewal processes). As calls come at random, the share of
calls that find none is the same (Wolff, Poisson Arrivals See Time Averages, Operations Research 30, 1982). Where calls
and starts are short beside the window it is e^(-rate window_sec).

What the model leaves out: hours that are busier than others, calls in bursts, further containers under load.
"""

from __future__ import annotations

import math
from typing import NamedTuple

DAY_SEC = 86_400.0
HOUR_SEC = 3_600.0

SMALL_EXTRA = 0.1
"""How much more than scaling to zero a warm container may cost at the break-even rate: a tenth."""


class Pool(NamedTuple):
    """What is known of the containers behind one host."""

    usd_per_sec: float
    """Of one container while it lives."""
    call_sec: float
    """A warm call."""
    start_sec: float
    """How much longer a cold one takes."""

    def share_cold(self, rate: float, window_sec: float) -> float:
        """Return which share of calls finds no container, at `rate` calls a second and without `min_containers`."""
        # The formula above, with both parts divided by e^(rate T), which may be too large for a float.
        none_for = math.exp(-rate * (self.call_sec + window_sec))
        return none_for / (1 + rate * self.start_sec * none_for) if none_for else 0.0

    def cold_per_hour(self, rate: float, window_sec: float) -> float:
        """Return how many calls an hour find no container: those that one kept warm saves."""
        return HOUR_SEC * rate * self.share_cold(rate, window_sec)

    def usd_per_day(self, rate: float, window_sec: float) -> float:
        """Return what the container costs without `min_containers`: it is billed for as long as it lives."""
        return self.warm_usd_per_day * (1 - self.share_cold(rate, window_sec))

    @property
    def warm_usd_per_day(self) -> float:
        """What the container costs with `min_containers=1`: it always lives."""
        return DAY_SEC * self.usd_per_sec

    def break_even(self, window_sec: float, extra: float = SMALL_EXTRA) -> float | None:
        """Return the calls a second from which on one kept warm costs at most `extra` more than scaling to zero.

        There the share of time without a container is `extra / (1 + extra)`, so that the rate solves
        e^(rate T) + rate start_sec = 1 + 1 / extra. None: calls, starts and window take no time, and no rate does.
        """
        lived_sec = self.call_sec + window_sec
        sought = extra / (1 + extra)
        # Each of the two terms alone would reach the sum at these rates, so that both do before.
        ends = [math.log(1 + 1 / extra) / lived_sec] if lived_sec > 0 else []
        ends += [1 / extra / self.start_sec] if self.start_sec > 0 else []
        if not ends:
            return None
        low, high = 0.0, min(ends)
        while low < (middle := (low + high) / 2) < high:
            if self.share_cold(middle, window_sec) > sought:
                low = middle
            else:
                high = middle
        return high
