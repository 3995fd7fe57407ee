"""One figure of this project beside those of its peers, all taken in the same interleaved run."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OURS = "ours"
_SURE = 0.95


class Spread(NamedTuple):
    """A median, and the interval in which the true one lies in 95 % of such measurements."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """What was measured of one thing: a figure for each round, of this project and of each peer.

    The n-th figures of all were taken one right after the other, so that what disturbs the machine disturbs them alike.
    """

    key: str
    """Short, for file names: `small-post-http-kept`."""
    what: str
    """What is measured, for the table."""
    unit: str
    """`s`, `MiB` or another unit of the figures; empty for numbers."""
    ours: list[float]
    peers: Mapping[str, list[float]]
    target: str
    """What is aimed at, in words: `median at most 0.3 ms above curl's`."""
    met: bool
    """Whether `ours` keeps to the target."""
    notes: list[str] = field(default_factory=list)
    """What has to be known to read it: sizes, what a peer does not do, the profile of a target that is missed."""

    def ratio(self, peer: str) -> Spread:
        """Return ours over the peer's, round by round."""
        pairs = zip(self.ours, self.peers[peer], strict=True)
        return spread([mine / theirs if theirs else math.inf for mine, theirs in pairs])

    def difference(self, peer: str) -> Spread:
        """Return ours less the peer's, round by round, in `unit`."""
        return spread([mine - theirs for mine, theirs in zip(self.ours, self.peers[peer], strict=True)])

    def judged(self, *, met: bool) -> Comparison:
        """Return it with a verdict that takes its own figures to say."""
        return replace(self, met=met)


def spread(values: list[float]) -> Spread:
    """Return the median with its distribution-free interval, from the binomial distribution of ranks.

    With fewer than six values there is no such interval, and the extremes stand in for it.
    Source: Conover, Practical Nonparametric Statistics (1999), section 3.2.
    """
    ordered = sorted(values)
    count = len(ordered)
    outside, rank = 0.0, 0
    while rank < count // 2:
        outside += math.comb(count, rank) / 2**count
        if 2 * outside > 1 - _SURE:
            break
        rank += 1
    first = max(rank - 1, 0)
    return Spread(statistics.median(ordered), ordered[first], ordered[count - 1 - first])


def interleave(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Ask each contender for one figure a round, in an order that turns from round to round.

    The first round is thrown away: it reads files from the disk that later ones find in memory.
    """
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            value = contenders[name]()
            if number:
                figures[name].append(value)
    return figures
