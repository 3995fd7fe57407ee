"""How a catalogue says that a job is asked for: checked, and its placeholders found and filled in.

A placeholder is a dotted path into the answer that the job was submitted with: `{call_id}`, `{data.job.id}`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.catalogue.errors import Place
    from pytest_modal_bench.model import Poll

LONGEST_INTERVAL_SEC = 3600.0
_FIELD = re.compile(r"\{([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\}")


def check(poll: Poll, place: Place) -> None:
    """Raise CatalogueError for a way of asking that can't work."""
    if not 0 < poll.every <= LONGEST_INTERVAL_SEC:
        raise place.at("every").error(f"expected seconds above 0 and up to {LONGEST_INTERVAL_SEC:.0f}")
    for name in ("path", "result"):
        template = getattr(poll, name)
        if template is not None:
            _check_template(template, place.at(name))
    for name in ("pending", "failed"):
        for key, values in getattr(poll, name).items():
            if not key or not values:
                raise place.at(name, key).error('expected values, such as { status = ["queued", "running"] }')
    both = {
        (key, value)
        for key, values in poll.pending.items()
        for value in values
        if value in poll.failed.get(key, ())
    }
    if both:
        key, value = min(both)
        raise place.at("failed", key).error(f"{value} is under pending as well")


def fill(template: str, look_up: Callable[[str], str]) -> str:
    """Return `template` with each placeholder replaced by what `look_up` returns for its dotted path."""
    return _FIELD.sub(lambda match: look_up(match[1]), template)


def fields(template: str) -> list[str]:
    """Return the dotted paths that `template` names."""
    return _FIELD.findall(template)


def _check_template(template: str, place: Place) -> None:
    rest = _FIELD.sub("x", template)
    if any(c in "{}\\#" or c.isspace() or not c.isprintable() for c in rest):
        raise place.error("expected a path such as /result/{call_id}, without spaces, # and other braces")
    if not rest.startswith("/") and not _FIELD.match(template):
        raise place.error(
            "expected a path that begins with /, or with a field that holds one, such as {status_url}"
        )
