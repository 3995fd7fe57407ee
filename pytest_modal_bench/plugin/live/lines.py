"""The lines of a run that goes on: what came of a call, how an endpoint ended, what is waited for."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Protocol

from pytest_modal_bench.gate.summary import reasons, verdict_or_default
from pytest_modal_bench.report.escape import NAME_LIMIT, line, width
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted, seconds
from pytest_modal_bench.report.terminal import shortened, time_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_modal_bench.model import Endpoint, EndpointResult, Verdict
    from pytest_modal_bench.plugin.live.board import Row
    from pytest_modal_bench.protocol.progress import CallEnded

COLOURS: dict[Verdict, str] = {
    "FAIL": "red",
    "ERROR": "red",
    "WARN": "yellow",
    "INCONCLUSIVE": "yellow",
    "PASS": "green",
    "SKIP": "yellow",
}
_MESSAGE = 200
"""Characters of a message; the report has it in full."""
_WIDEST_NAME = 24
_FEW = 3
"""More quick calls than these that come at once are one line."""


class Markup(Protocol):
    """Colours a text, as pytest's terminal writer does, where the terminal has colours."""

    def __call__(self, text: str, **markup: bool) -> str:
        """Return `text` in the colour that is True."""


class Lines:
    """Writes lines about endpoints, which it calls by their names."""

    def __init__(self, endpoints: Iterable[Endpoint], markup: Markup, columns: int = 80) -> None:
        """`columns`: of the terminal; where these are few, names are cut shorter."""
        endpoints = list(endpoints)
        known = Counter(endpoint.name for endpoint in endpoints)
        self._names = {
            each.id: line(
                each.name if each.name.strip("/ ") and known[each.name] == 1 else each.id, NAME_LIMIT
            )
            for each in endpoints
        }
        self._markup = markup
        self._column = min(_WIDEST_NAME, columns // 3, max(map(width, self._names.values()), default=0))

    def name(self, endpoint_id: str) -> str:
        """What the endpoint is called where people read."""
        return self._names[endpoint_id]

    def calls(self, ended: Sequence[CallEnded]) -> Iterator[str]:
        """A line a call; of many warm ones that come at once, one for all."""
        for (endpoint_id, alike), group in groupby(
            ended, key=lambda each: (each.endpoint, _is_plain_warm(each))
        ):
            calls = list(group)
            if alike and len(calls) > _FEW:
                times = [call.elapsed_sec for call in calls]
                span = f"warm {calls[0].number} to {calls[-1].number}"
                yield self._row(endpoint_id, span, f"{seconds(median(times))} s", "median")
            else:
                for call in calls:
                    yield self._call(call)

    def ended(self, result: EndpointResult, *, after_calls: bool) -> str:
        """The line of an endpoint that has ended; `after_calls`: those of its calls were written before."""
        verdict = verdict_or_default(result)
        parts = [
            self._padded(result.id),
            self._markup(verdict, **{COLOURS[verdict]: True}),
            *_figures(result),
        ]
        # What a firm verdict lacks is long, and stands at the end of the run.
        why = [] if verdict in ("PASS", "INCONCLUSIVE") else reasons(result)
        if after_calls and result.samples:
            why = [each for each in why if each != result.error]
        return "  ".join([*parts, *([line("; ".join(why), _MESSAGE)] if why else [])])

    def measured(self, result: EndpointResult) -> str:
        """The line of an endpoint whose verdict has to wait."""
        return "  ".join([self._padded(result.id), "measured", *_figures(result)])

    def waiting(self, row: Row, now: float) -> str:
        """What is waited for, and how long."""
        limit = f" of at most {seconds(row.call.deadline_sec)}" if row.call is not None else ""
        name, so_far, begun = self._names[row.endpoint.id], _whole(now - row.since), _whole(now - row.begun)
        since = "" if begun == so_far else f"; it began {begun} s ago"
        return f"waiting for {name}: {row.text}, {so_far} s{limit}{' s' if limit else ''}{since}"

    def _call(self, call: CallEnded) -> str:
        what = f"{call.meant} {call.number}" if call.meant == "warm" else call.meant
        what = f"base {what}" if call.base else what
        if not call.ok:
            why = line(call.error or call.cause or "unknown", _MESSAGE)
            failed = self._markup("failed", red=True)
            return self._row(call.endpoint, what, f"{seconds(call.elapsed_sec)} s", f"{failed}: {why}")
        if call.dropped is not None:
            note = f"does not count: {line(call.dropped, _MESSAGE)}"
            return self._row(call.endpoint, what, f"{seconds(call.elapsed_sec)} s", note)
        if call.start != "cold":
            return self._row(call.endpoint, what, f"{seconds(call.elapsed_sec)} s", "")
        proven = call.proof is not None
        took = doubted(seconds(call.elapsed_sec), proven=proven)
        return self._row(call.endpoint, what, f"{took} s", "proven" if proven else "not proven")

    def _row(self, endpoint_id: str, what: str, took: str, note: str) -> str:
        return f"{self._padded(endpoint_id)}  {what:<8}  {took:>8}  {note}".rstrip()

    def _padded(self, endpoint_id: str) -> str:
        name = shortened(self._names[endpoint_id], self._column)
        return name + " " * (self._column - width(name))


def _figures(result: EndpointResult) -> Iterator[str]:
    cold, warm = time_cell(result, "cold"), time_cell(result, "warm")
    usd = cost(result.cost_usd, result.cost_basis)
    if cold != UNKNOWN:
        yield f"cold {cold} s"
    if warm != UNKNOWN:
        yield f"warm {warm} s"
    if usd != UNKNOWN:
        yield f"cost ${usd}".replace("$~", "~$")


def _is_plain_warm(call: CallEnded) -> bool:
    return call.ok and call.start == call.meant == "warm" and call.dropped is None and not call.base


def _whole(sec: float) -> str:
    return f"{sec:.0f}"
