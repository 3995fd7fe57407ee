"""Which endpoints a command line can select, before any test is collected. The only module that knows how `-k` is read.

`-n auto` has to say how many workers there are before that.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from _pytest.mark.expression import Expression

from pytest_modal_bench.safety.text import slug

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

    from pytest_modal_bench.model import Endpoint

_NAME = re.compile(r"[\w:+\-.\[\]\\/]+")
_MOST_UNKNOWN = 6


def words(endpoint: Endpoint) -> set[str]:
    """Return what `-k` finds an endpoint by, beside the names of its tests: path, name, category, app, tags."""
    found = [endpoint.path, endpoint.name, endpoint.category, slug(endpoint.category), *endpoint.tags]
    return {*found, *filter(None, (endpoint.app, endpoint.modal_app, endpoint.case))}


def possible(config: pytest.Config, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Return the endpoints of which a test may be selected; all, where that can't be told."""
    named = [name for argument in config.args if (name := _parameter(argument)) is not None]
    if named and len(named) == len(config.args):
        endpoints = [endpoint for endpoint in endpoints if endpoint.id in named]
    text = config.option.keyword.strip()
    if not text:
        return [*endpoints]
    try:
        expression = Expression.compile(text)
    except Exception:  # noqa: BLE001 - pytest says what is wrong with it, when it collects
        return [*endpoints]
    lowered = {
        endpoint.id: [word.lower() for word in {*words(endpoint), endpoint.id}] for endpoint in endpoints
    }
    everything = [word for each in lowered.values() for word in each]
    asked = {*_NAME.findall(text)} - {"and", "or", "not"}
    # What no endpoint is called may be the name of a test or a file.
    unknown = [name for name in sorted(asked) if not any(name.lower() in word for word in everything)]
    if len(unknown) > _MOST_UNKNOWN:
        return [*endpoints]
    return [endpoint for endpoint in endpoints if any(_selected(expression, lowered[endpoint.id], unknown))]


def _selected(expression: Expression, called: Sequence[str], unknown: Sequence[str]) -> Iterator[bool]:
    """Yield whether one called so is selected, for each way in which the unknown names may hold."""
    for values in product((True, False), repeat=len(unknown)):
        holds = dict(zip(unknown, values, strict=True))
        yield expression.evaluate(
            lambda name, /, holds=holds, **_: holds.get(name, any(name.lower() in word for word in called))
        )


def _parameter(argument: str) -> str | None:
    """Return the parameter of a test that is named whole, such as `endpoints.toml::test_endpoint[flux]`."""
    test, bracket, rest = argument.partition("::")[2].partition("[")
    return rest[:-1] if test and bracket and rest.endswith("]") else None
