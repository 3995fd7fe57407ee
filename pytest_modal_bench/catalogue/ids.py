"""Names that the catalogue gives to endpoints: ids for tests, and titles for people."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNFIT = re.compile(r"[^A-Za-z0-9._]+")


class Route(NamedTuple):
    """What tells one endpoint of a catalogue from all others."""

    app: str
    path: str
    method: str
    name: str | None = None
    """What the catalogue calls it; only where all else is the same, it is a part of the id."""


def identify(routes: Sequence[Route]) -> list[str]:
    """Return an id for each of `routes`, no two of them equal, made of letters, digits, `.`, `_` and `-`.

    An id is the path; only where two would be the same the app is put before it, then the method behind it,
    then the position among `routes`.
    """
    shared = Counter(route[:3] for route in routes)
    candidates = [
        _candidates(route, position, named=shared[route[:3]] > 1) for position, route in enumerate(routes, 1)
    ]
    chosen = [0] * len(candidates)
    while True:
        ids = [each[level] for each, level in zip(candidates, chosen, strict=True)]
        count = Counter(ids)
        if len(count) == len(ids):
            return ids
        # The last candidates end in the position, so they all differ: whoever collides can still step on.
        for index, each in enumerate(ids):
            if count[each] > 1:
                chosen[index] = min(chosen[index] + 1, len(candidates[index]) - 1)


def title(path: str, fallback: str = "") -> str:
    """Return the name of an endpoint that is given none: `/flux-dev-lora` is `Flux Dev Lora`; `/` is its `fallback`."""
    return _title(path) or _title(fallback) or path


def _title(text: str) -> str:
    return " ".join(re.split(r"[-_/\s]+", text.strip("/"))).strip().title()


def _candidates(route: Route, position: int, *, named: bool) -> tuple[str, ...]:
    path = _UNFIT.sub("-", route.path).strip("-") or "root"
    if named and route.name and (name := _UNFIT.sub("-", route.name.lower()).strip("-")):
        path = f"{path}-{name}"
    with_app = f"{route.app}-{path}"
    with_method = f"{with_app}-{route.method.lower()}"
    return path, with_app, with_method, f"{with_method}-{position}"
