"""What failed, grouped by cause with the way out; what is in doubt; what was skipped, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.summary import reasons
from pytest_modal_bench.gate.verdicts import FAILING
from pytest_modal_bench.report.figures.failures import by_cause
from pytest_modal_bench.safety.text import once

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.report.html.sections.names import Named


class Message(NamedTuple):
    """What was said, and of which endpoints."""

    text: str
    endpoints: tuple[Named, ...]


class Group(NamedTuple):
    """Endpoints with one thing in common."""

    title: str
    meaning: str | None
    """What that means, in a sentence."""
    remedy: str | None
    """What to try, in a sentence."""
    messages: tuple[Message, ...]

    @property
    def size(self) -> int:
        """How many endpoints there are in it."""
        return sum(len(message.endpoints) for message in self.messages)


def failures(endpoints: Sequence[Named]) -> list[Group]:
    """Return the endpoints that failed: in themselves by cause, the largest group first, then by the gate."""
    names = {id(each.result): each for each in endpoints}
    found = [
        Group(
            group.name or "Unknown cause",
            group.meaning,
            group.remedy,
            tuple(
                Message(text or "no message", tuple(names[id(result)] for result in results))
                for text, results in group.by_message().items()
            ),
        )
        for group in by_cause([each.result for each in endpoints])
    ]
    answered = [each for each in endpoints if each.result.status != "failed" and each.verdict in FAILING]
    gated = [each for each in answered if each.verdict == "FAIL"]
    unmeasured = [each for each in answered if each.verdict == "ERROR"]
    return [
        *found,
        *([Group("Answered, but failed by the gate", None, None, _by_reason(gated))] if gated else []),
        *([Group("Could not be measured", None, None, _by_reason(unmeasured))] if unmeasured else []),
    ]


def doubts(endpoints: Sequence[Named]) -> list[Message]:
    """Return what endpoints were warned of, or why they could not be judged."""
    doubtful = [each for each in endpoints if each.verdict in ("WARN", "INCONCLUSIVE")]
    return list(_by_reason(each for each in doubtful if each.result.status != "failed"))


def skipped(endpoints: Sequence[Named]) -> list[Message]:
    """Return what was not measured, by its reason."""
    left_out = [each for each in endpoints if each.result.status in ("skipped", "not_run")]
    return list(_by_text((each.result.skipped_reason or "Not run", each) for each in left_out))


def _by_reason(members: Iterable[Named]) -> tuple[Message, ...]:
    return _by_text(("; ".join(once(reasons(each.result))) or "no reason given", each) for each in members)


def _by_text(pairs: Iterable[tuple[str, Named]]) -> tuple[Message, ...]:
    found: dict[str, list[Named]] = {}
    for text, each in pairs:
        found.setdefault(text, []).append(each)
    return tuple(Message(text, tuple(members)) for text, members in found.items())
