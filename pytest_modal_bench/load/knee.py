"""Up to which step an endpoint keeps its budgets, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.gate.load import steps as gate
from pytest_modal_bench.model import Knee
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Budget, Load, LoadStep, StepKind


def with_knees(load: Load, budget: Budget) -> Load:
    """Return `load` with a knee for each kind of its steps; with none where there is no budget to keep."""
    if not gate.limits(budget):
        return structs.replace(load, knees=())
    return structs.replace(
        load, knees=tuple(_knee(kind, steps, budget) for kind, steps in gate.by_kind(load).items())
    )


def _knee(kind: StepKind, steps: Sequence[LoadStep], budget: Budget) -> Knee:
    found = gate.knee(steps, budget)
    kept = _list([_limit(label, value) for label, value in gate.limits(budget).items()])
    others = [step for step in steps if found is None or step.value > found.value]
    following = min(others, key=lambda step: step.value, default=None)
    if found is not None:
        end = ", the highest step" if following is None and len(steps) > 1 else ""
        sentence = f"keeps {kept} {_up_to(found)}{end}{_unsaid_below(steps, found, budget)}"
        parts = [sentence, *_facts(found), *([] if following is None else [_lacks(following, budget)])]
        return Knee(kind=kind, value=found.value, sentence="; ".join(filter(None, parts)))
    first_broken = next((step for step in sorted(steps, key=_value) if gate.broken(step, budget)), None)
    if first_broken is None and following is not None:
        sentence = f"whether it keeps {kept} is not known: {_lacks(following, budget)}"
    else:
        sentence = f"does not keep {kept}: {_lacks(first_broken or steps[0], budget)}"
    return Knee(kind=kind, value=None, sentence=sentence)


def _value(step: LoadStep) -> float:
    return step.value


def _limit(label: str, value: float) -> str:
    if label != "errors":
        return f"{label} under {value:g} s"
    return f"errors under {100 * value:g} %" if value else "all calls answered"


def _up_to(step: LoadStep) -> str:
    name = gate.called(step)
    return f"in {name}" if step.kind == "burst" else f"on {name}" if step.kind == "ramp" else f"up to {name}"


def _facts(step: LoadStep) -> list[str]:
    """Containers and price of the step, as far as they are known."""
    facts = []
    if step.containers is not None:
        at_least = "at least " if step.container_known < step.answered else ""
        facts.append(f"{at_least}{counted(step.containers, 'container')}")
    if step.usd_per_1000 is not None:
        mark = "~" if step.cost_basis == "estimated" else ""
        facts.append(f"{mark}${_price(step.usd_per_1000)} per 1,000 calls")
    return facts


def _price(usd: float) -> str:
    """Return dollars to the cent, or two significant digits of less."""
    return f"{usd:.2f}" if usd >= 0.1 or usd == 0 else f"{usd:.2g}"  # noqa: PLR2004


def _lacks(step: LoadStep, budget: Budget) -> str:
    said = [held.said for held in [*gate.broken(step, budget), *gate.unsaid(step, budget)]]
    return f"{gate.called(step)}: {_list(said)}" if said else ""


def _unsaid_below(steps: Sequence[LoadStep], found: LoadStep, budget: Budget) -> str:
    """Name the steps below that made too few calls to say anything by themselves."""
    below = [
        step for step in sorted(steps, key=_value) if step.value < found.value and gate.unsaid(step, budget)
    ]
    names = _list([gate.called(step) for step in below])
    return f" (too few calls to say it of {names} alone)" if names else ""


def _list(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
