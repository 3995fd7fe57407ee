"""Budgets and quarantines as a catalogue writes them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_modal_bench.catalogue.errors import way_out
from pytest_modal_bench.catalogue.tables import check_json, table
from pytest_modal_bench.model import Budget, Level, Quarantine

if TYPE_CHECKING:
    from pytest_modal_bench.catalogue.errors import Place

METRICS = Budget.__struct_fields__
_SHARE = "min_success"
_AT_LEAST = "min_"
"""What the names of metrics begin with that are to be high."""


class _QuarantineFields(msgspec.Struct, frozen=True):
    reason: str
    until: Any


def budget(raw: object, place: Place) -> Budget:
    """Return the budget in `raw`: metrics, each a number, beyond which it fails, or a table with `warn` and `fail`."""
    if not isinstance(raw, dict):
        raise place.error("expected a table, such as { max_warm = 5 }")
    levels = {}
    for name, value in raw.items():
        here = place.at(name)
        if name not in METRICS:
            raise here.error(f"unknown field; {way_out(name, METRICS)}")
        levels[name] = _level(value, name, here)
    return Budget(**levels)


def by_category(raw: dict[str, Any], place: Place) -> tuple[Budget, dict[str, Budget]]:
    """Return the budget for all in the table `[budget]`, and those of its categories."""
    check_json(raw, place)
    categories = raw.get("category", {})
    if not isinstance(categories, dict):
        raise place.at("category").error('expected tables, such as [budget.category."Video"]')
    general = {name: value for name, value in raw.items() if name != "category"}
    return budget(general, place), {
        name: budget(value, place.at(f"category.{name}")) for name, value in categories.items()
    }


def quarantine(raw: object, place: Place) -> Quarantine:
    """Return the quarantine in `raw`; `until` is a day, as text or as TOML's own date."""
    given = table(raw, _QuarantineFields, place)
    if not given.reason.strip():
        raise place.at("reason").error("is empty; say why this endpoint may fail")
    try:
        until = given.until if type(given.until) is dt.date else dt.date.fromisoformat(given.until)
    except (TypeError, ValueError):
        raise place.at("until").error("expected a day such as 2026-12-31") from None
    return Quarantine(reason=given.reason, until=until.isoformat())


def misfit(level: Level, name: str) -> str | None:
    """Say why `level` is none of the metric `name`; None: it is one."""
    for bound in (level.warn, level.fail):
        if bound is not None and not (0 < bound <= 1 if name == _SHARE else bound > 0):
            return "expected a share above 0 and up to 1" if name == _SHARE else "expected a number above 0"
    if level.warn is None or level.fail is None:
        return None
    milder = level.warn >= level.fail if name.startswith(_AT_LEAST) else level.warn <= level.fail
    return None if milder else "warn comes before fail: it is the milder of the two"


def _level(value: object, name: str, place: Place) -> Level:
    if isinstance(value, dict):
        level = table(value, Level, place)
        if level.warn is None and level.fail is None:
            raise place.error("expected warn, fail or both")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        level = Level(fail=float(value))
    else:
        raise place.error("expected a number, or { warn = …, fail = … }")
    wrong = misfit(level, name)
    if wrong is not None:
        raise place.error(wrong)
    return level
