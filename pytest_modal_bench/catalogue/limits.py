"""Budgets, quarantines, and where histories begin, as a catalogue writes them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_modal_bench.catalogue.errors import way_out
from pytest_modal_bench.catalogue.tables import check_json, table
from pytest_modal_bench.model import Budget, HistoryStart, Level, Quarantine
from pytest_modal_bench.model.timestamps import moment

if TYPE_CHECKING:
    from pytest_modal_bench.catalogue.errors import Place

METRICS = Budget.__struct_fields__
_SHARES = {"min_success": "a share above 0 and up to 1", "max_errors": "a share from 0 to below 1"}
_AT_LEAST = "min_"
"""What the names of metrics begin with that are to be high."""


class _QuarantineFields(msgspec.Struct, frozen=True):
    reason: str
    until: Any


class _HistoryFields(msgspec.Struct, frozen=True):
    since: Any
    reason: str


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
    general, categories = _split(raw, place, "budget")
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


def history(raw: object, place: Place) -> HistoryStart:
    """Return where the history in `raw` begins; `since` is a day or a time, as text or as TOML's own."""
    given = table(raw, _HistoryFields, place)
    if not given.reason.strip() or not given.reason.isprintable():
        raise place.at("reason").error('expected one line that says what was changed, such as "new model"')
    # TOML's own dates and times are written as ISO 8601 has them. A time by itself is no moment.
    text = given.since.isoformat() if isinstance(given.since, dt.date) else given.since
    since = moment(text) if isinstance(text, str) else None
    if since is None:
        raise place.at("since").error(
            "expected a day such as 2026-12-01, or a time such as 2026-12-01T14:30:00Z"
        )
    is_day = since.isoformat()[:10] == text
    return HistoryStart(since=text if is_day else f"{since:%Y-%m-%dT%H:%M:%SZ}", reason=given.reason)


def histories(raw: dict[str, Any], place: Place) -> tuple[HistoryStart | None, dict[str, HistoryStart]]:
    """Return where the history of all endpoints begins by the table `[history]`, and that of its categories."""
    general, categories = _split(raw, place, "history")
    return history(general, place) if general else None, {
        name: history(value, place.at(f"category.{name}")) for name, value in categories.items()
    }


def misfit(level: Level, name: str) -> str | None:
    """Say why `level` is none of the metric `name`; None: it is one."""
    for bound in (level.warn, level.fail):
        if bound is not None and not _in_bounds(bound, name):
            return f"expected {_SHARES.get(name, 'a number above 0')}"
    if level.warn is None or level.fail is None:
        return None
    milder = level.warn >= level.fail if name.startswith(_AT_LEAST) else level.warn <= level.fail
    return None if milder else "warn comes before fail: it is the milder of the two"


def _in_bounds(bound: float, name: str) -> bool:
    match name:
        case "min_success":
            return 0 < bound <= 1
        case "max_errors":
            return 0 <= bound < 1
    return bound > 0


def _split(raw: dict[str, Any], place: Place, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a table says of all endpoints, and what it says of each category."""
    categories = raw.get("category", {})
    if not isinstance(categories, dict):
        raise place.at("category").error(f'expected tables, such as [{name}.category."Video"]')
    return {field: value for field, value in raw.items() if field != "category"}, categories


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
