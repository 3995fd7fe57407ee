"""What a warm pool costs, and which cold starts that saves: two sentences of advice, and a table for all pools."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_modal_bench.cost.warm_pool import HOUR_SEC
from pytest_modal_bench.report.cells import text_cell
from pytest_modal_bench.report.escape import NAME_LIMIT, text
from pytest_modal_bench.report.figures.units import UNKNOWN, dollars, doubted, rate, seconds
from pytest_modal_bench.report.figures.warm_pools import warm_pools
from pytest_modal_bench.report.table import fold, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import Run
    from pytest_modal_bench.report.figures.warm_pools import WarmPool

_RARE_PER_HOUR = 1 / 24
"""Cold starts that no advice is given for: fewer than one a day."""

_LITTLE_USD, _LARGE_USD = 0.01, 1e6

_AT_TRAFFIC = ("Pool", "`min_containers`", "Window (s)", "$/Day", "Cold Starts/h", "Saved/h")
_BREAK_EVEN = (
    *("Pool", "Window (s)", "Break-Even (Calls/h)", "$/Day at 0", "$/Day at 1"),
    "Cold Starts Saved/h",
)

_MODEL = """\
An estimate, at list prices of what is known of the machine (its GPU; CPU and memory where the catalogue names them),\
 from this model: calls come at random, independently of each other (a Poisson process);\
 one container takes all of a pool's calls; it ends one scaledown window after its last call, unless `min_containers`\
 keeps it. With r calls a second, T seconds of a warm call and the window together, and S seconds that a cold start\
 adds, the share of calls that find no container, and of the time in which none lives, is 1 / (e^(r T) + r S); for\
 short calls and starts that is e^(-r window). A container costs its price for as long as it lives. Busier hours,\
 bursts and further containers are left out. Sources: Takacs, Introduction to the Theory of Queues, 1962 (busy period\
 of a queue with any number of servers); Ross, Introduction to Probability Models (alternating renewal processes);\
 Wolff, Poisson Arrivals See Time Averages, 1982."""

_WITH_TRAFFIC = """\
Each pool gets {calls} calls an hour. Its present window is the first; the other is Modal's default of 60 s, or five\
 times as long where that is the present one. Saved is against the present window without `min_containers`."""

_WITHOUT_TRAFFIC = """\
Break-even is the rate of calls from which on one container kept warm (`min_containers` at 1) costs at most a tenth\
 more than scaling to zero (at 0). The other columns are for that rate; `--modal-bench-traffic=CALLS_PER_HOUR` makes\
 them those of yours. At any rate, each cold start that is saved costs the container's price of an hour over the calls\
 an hour."""


def advice(run: Run) -> Iterator[str]:
    """Say for which pool a warm container is worth the most, and what another window would save."""
    pools, per_hour = warm_pools(run), run.traffic_per_hour
    if per_hour is None:
        slowest = max(pools, key=lambda each: each.pool.start_sec)
        if (calls := slowest.pool.break_even(slowest.window_sec)) is not None:
            from_on = doubted(rate(calls * HOUR_SEC), proven=slowest.proven)
            yield from _keep_one(slowest, calls, f"from {from_on} calls an hour on")
        return
    calls = per_hour / HOUR_SEC
    longest = max(
        pools, key=lambda each: each.pool.cold_per_hour(calls, each.window_sec) * each.pool.start_sec
    )
    yield from _keep_one(longest, calls, f"at {rate(per_hour)} calls an hour")
    yield from _shorten(max(pools, key=lambda each: _saved_by_other(each, calls)), calls)


def _keep_one(each: WarmPool, calls: float, when: str) -> Iterator[str]:
    pool, mark = each.pool, partial(doubted, proven=each.proven)
    cold = pool.cold_per_hour(calls, each.window_sec)
    if cold < _RARE_PER_HOUR:
        return
    extra = pool.warm_usd_per_day - pool.usd_per_day(calls, each.window_sec)
    yield (
        f"**Keep one container of {text(each.app, NAME_LIMIT)} warm** {when} - saves {mark(rate(cold))} cold starts an"
        f" hour, {mark(f'{seconds(pool.start_sec)}s')} each, and costs about {mark(_usd(extra))} USD a day more than"
        f" scaling to zero"
    )


def _saved_by_other(each: WarmPool, calls: float) -> float:
    """US dollars a day; negative where the other window costs more."""
    return each.pool.usd_per_day(calls, each.window_sec) - each.pool.usd_per_day(calls, each.other_sec)


def _shorten(each: WarmPool, calls: float) -> Iterator[str]:
    saved, mark = _saved_by_other(each, calls), partial(doubted, proven=each.proven)
    if saved < _LITTLE_USD:
        return
    now, then = (each.pool.cold_per_hour(calls, sec) for sec in (each.window_sec, each.other_sec))
    yield (
        f"**Let {text(each.app, NAME_LIMIT)} scale down after {seconds(each.other_sec)}s** instead of"
        f" {seconds(each.window_sec)}s - saves about {mark(_usd(saved))} USD a day, and brings"
        f" {mark(rate(then - now))} cold starts an hour more, {mark(f'{seconds(each.pool.start_sec)}s')} each"
    )


def costs_of_warmth(run: Run) -> str:
    """Return the table for all pools, in a fold, with the model behind it; nothing where too little is known."""
    pools = warm_pools(run)
    if not pools:
        return ""
    if run.traffic_per_hour is None:
        legend, columns = _WITHOUT_TRAFFIC, _BREAK_EVEN
        rows = [row for each in pools for row in _break_even_rows(each)]
    else:
        legend, columns = _WITH_TRAFFIC.format(calls=rate(run.traffic_per_hour)), _AT_TRAFFIC
        rows = [row for each in pools for row in _traffic_rows(each, run.traffic_per_hour / HOUR_SEC)]
    return fold("What a warm pool costs", f"{legend}\n\n{table(columns, rows)}\n\n{_MODEL}")


def _traffic_rows(each: WarmPool, calls: float) -> Iterator[tuple[str, ...]]:
    pool, mark, name = each.pool, partial(doubted, proven=each.proven), text_cell(each.app)
    now = pool.cold_per_hour(calls, each.window_sec)
    for window_sec in (each.window_sec, each.other_sec):
        cold = pool.cold_per_hour(calls, window_sec)
        saved = UNKNOWN if window_sec == each.window_sec else mark(rate(now - cold))
        usd = mark(_usd(pool.usd_per_day(calls, window_sec)))
        yield name, "0", seconds(window_sec), usd, mark(rate(cold)), saved
    yield name, "1", UNKNOWN, _usd(pool.warm_usd_per_day), "0", mark(rate(now))


def _break_even_rows(each: WarmPool) -> Iterator[tuple[str, ...]]:
    pool, mark = each.pool, partial(doubted, proven=each.proven)
    for window_sec in (each.window_sec, each.other_sec):
        calls = pool.break_even(window_sec)
        if calls is not None:
            yield (
                text_cell(each.app),
                seconds(window_sec),
                mark(rate(calls * HOUR_SEC)),
                mark(_usd(pool.usd_per_day(calls, window_sec))),
                _usd(pool.warm_usd_per_day),
                mark(rate(pool.cold_per_hour(calls, window_sec))),
            )


def _usd(value: float) -> str:
    """Return US dollars to the cent, as nobody knows them better here; less than a cent as any other amount."""
    return f"{value:.2f}" if _LITTLE_USD <= value < _LARGE_USD else dollars(value)
