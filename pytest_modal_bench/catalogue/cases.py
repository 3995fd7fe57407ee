"""Cases of an endpoint: what each says is put over what the endpoint says, before either is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_modal_bench.catalogue import hosts
from pytest_modal_bench.catalogue.errors import way_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modal_bench.catalogue.errors import Place

FIELDS = (
    "payload",
    "form",
    "query",
    "headers",
    "expect",
    "budget",
    "timeout",
    "stream",
    "poll",
    "description",
    "tags",
    "quarantine",
    "history",
)
"""What a case may say."""
_BODIES = {"payload": "form", "form": "payload"}
_INSTEAD = {**_BODIES, "stream": "poll", "poll": "stream"}


def split(raw: object, place: Place) -> tuple[object, dict[str, dict[str, Any]]]:
    """Return the table of an endpoint without its cases, and those. Raises CatalogueError for what is no case."""
    if not isinstance(raw, dict) or "cases" not in raw:
        return raw, {}
    tables = raw["cases"]
    if not isinstance(tables, dict) or not tables:
        raise place.at("cases").error("expected tables, such as cases.large = { payload = { width = 1024 } }")
    for name, case in tables.items():
        here = place.at(f"cases.{name}")
        hosts.check_name(name, here)
        if not isinstance(case, dict) or not case:
            raise here.error(
                "expected a table that says what differs, such as { payload = { width = 1024 } }"
            )
        for field in case:
            if field not in FIELDS:
                raise here.at(field).error(f"not a field of a case; {way_out(field, FIELDS)}")
    return {name: value for name, value in raw.items() if name != "cases"}, tables


def put_over(
    defaults: Mapping[str, Any], own: object, case: Mapping[str, Any], place: Place
) -> dict[str, Any]:
    """Return the table of an endpoint as it is in that `case`: tables in it are merged, all else is replaced.

    What the endpoint has from `[defaults]` alone is merged alike.
    """
    assert isinstance(own, dict)  # noqa: S101 - an endpoint that has cases is a table
    whole = dict(own)
    for field, value in case.items():
        other = _INSTEAD.get(field)
        if other is not None and other in case:
            raise place.at(field).error(
                "a request has one body: give payload or form, not both"
                if field in _BODIES
                else "an answer comes bit by bit, or is asked for: give stream or poll, not both"
            )
        below = own.get(field, defaults.get(field))
        whole[field] = _merged(below, value)
        if other is not None:
            whole.pop(other, None)
    return whole


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{name: _merged(below.get(name), value) for name, value in above.items()}}
    return above
