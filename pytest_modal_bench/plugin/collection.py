"""Which tests are endpoint tests, in which order they run, and what selects them."""

from __future__ import annotations

import datetime as dt
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.plugin.selection import words
from pytest_modal_bench.run.longest import longest_sec, planned_sec

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path
    from types import ModuleType

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.run.settings import Settings

# What a test may take beyond the deadlines of its calls before pytest-timeout, the backstop, ends it.
_GRACE_SEC = 60.0
LOAD_FIXTURE = "put_under_load"
"""What a test asks for that puts its endpoint under load."""
_NAMED = 3
"""Endpoints that a line names; it counts the others."""


def endpoint_of(item: pytest.Item) -> Endpoint | None:
    """The endpoint that a test is parametrized with."""
    callspec = getattr(item, "callspec", None)
    endpoint = callspec.params.get("endpoint") if callspec is not None else None
    return endpoint if isinstance(endpoint, Endpoint) else None


def is_under_load(item: pytest.Item) -> bool:
    """Whether a test puts its endpoint under load."""
    return LOAD_FIXTURE in getattr(item, "fixturenames", ())


class CatalogueModule(pytest.Module):
    """Collects a catalogue that no test of the user's asks for: it brings its one test along."""

    def _getobj(self) -> ModuleType:
        from pytest_modal_bench.plugin import zero_code

        return zero_code


class EndpointCollection:
    """Plugin that gives tests their endpoints, and leaves no other tests."""

    def __init__(self, settings: Settings, catalogue: Catalogue, today: dt.date) -> None:
        """`today` says whether a quarantine still holds."""
        self.settings = settings
        self._today = today
        self._catalogue = catalogue
        self.endpoints = {endpoint.id: endpoint for endpoint in catalogue.endpoints}
        """By id."""
        self._short: dict[tuple[float, str], dict[str, None]] = {}
        """By seconds and source of a timeout of the user's own: the ids of the endpoints that it is too short for."""
        pools = {pool: index for index, pool in enumerate(catalogue.pools)}
        by_pool = sorted(catalogue.endpoints, key=lambda endpoint: pools[endpoint.pool])
        self._order = {endpoint.id: number for number, endpoint in enumerate(by_pool)}

    @property
    def catalogue(self) -> Catalogue:
        """The session's catalogue."""
        return self._catalogue

    @catalogue.setter
    def catalogue(self, catalogue: Catalogue) -> None:
        """Take one whose URLs are known; its endpoints are the same."""
        self._catalogue = catalogue
        self.endpoints = {endpoint.id: endpoint for endpoint in catalogue.endpoints}

    @pytest.hookimpl
    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A catalogue that is named on the command line can be collected itself."""
        if file_path == self.settings.catalogue and parent.session.isinitpath(file_path):
            return CatalogueModule.from_parent(parent, path=file_path)
        return None

    @pytest.hookimpl
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Any test that asks for `endpoint` runs once for each endpoint of the catalogue."""
        if _wants_endpoint(metafunc):
            metafunc.parametrize("endpoint", [_parameter(endpoint) for endpoint in self.catalogue.endpoints])

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makeitem(self) -> Generator[None, Any, Any]:
        """Make no test under load for an endpoint that is to be put under none."""
        made = yield
        return [item for item in made if self._has_load(item)] if isinstance(made, list) else made

    def _has_load(self, item: pytest.Item) -> bool:
        # Where no endpoint has one, nothing knows the fixture, nor so the endpoint of such a test.
        endpoint = endpoint_of(item)
        return not is_under_load(item) or (endpoint is not None and bool(self.settings.load or endpoint.load))

    @pytest.hookimpl
    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Let `-k`, if it is given, find an endpoint by path, name, category, its slug, app and tags."""
        endpoint = endpoint_of(item) if item.config.option.keyword else None
        if endpoint is not None:
            item.extra_keyword_matches.update(words(endpoint))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> Iterator[None]:
        """Before others select: bring in the catalogue's own test where none was found. After them: put in order.

        A test that gets no endpoint has no place in a benchmark, as with `--benchmark-only`. Whatever shuffled or
        sorted the tests, a pool's endpoints follow one another in catalogue order, so that the same one is cold; those
        under load come after all others.
        """
        if self.settings.catalogue_asked_for and not any(map(endpoint_of, items)):
            module = CatalogueModule.from_parent(session, path=self.settings.catalogue)
            items.extend(session.genitems(module))
        others = [item for item in items if not self._belongs(item)]
        if others:
            left_out = {id(item) for item in others}
            items[:] = [item for item in items if id(item) not in left_out]
            config.hook.pytest_deselected(items=others)
        yield
        items.sort(key=self._position)
        for item in items:
            self._limit(config, item)
            self._excuse(item)

    def _belongs(self, item: pytest.Item) -> bool:
        """Whether a test is part of what was asked for."""
        if endpoint_of(item) is None:
            return False
        return is_under_load(item) or not self.settings.load_only

    def _position(self, item: pytest.Item) -> tuple[bool, int, str]:
        endpoint = endpoint_of(item)
        assert endpoint is not None  # noqa: S101 - the others were deselected
        return (is_under_load(item), self._order[endpoint.id], item.nodeid)

    def _limit(self, config: pytest.Config, item: pytest.Item) -> None:
        """pytest-timeout as a backstop for what our own deadlines can't end; never over a limit that the user set."""
        endpoint = endpoint_of(item)
        if not config.pluginmanager.hasplugin("timeout") or endpoint is None:
            return
        marker = item.get_closest_marker("timeout")
        if is_under_load(item):
            return  # its steps have an end of their own, and a backstop would have to wait for all other tests, too
        if marker is not None:
            self._note_short(endpoint, _marked_sec(marker), "its marker")
        elif _users_timeout(config) is None and not self._waits_for_others(config):
            item.add_marker(_timeout(longest_sec(endpoint, self.settings) + _GRACE_SEC))

    def _waits_for_others(self, config: pytest.Config) -> bool:
        """Whether calls wait for those of other processes, under a cost limit: nobody knows for how long."""
        return self.settings.max_cost is not None and hasattr(config, "workerinput")

    def _note_short(self, endpoint: Endpoint, seconds: float | None, source: str) -> None:
        if seconds is not None and 0 < seconds < planned_sec(endpoint, self.settings):
            self._short.setdefault((seconds, source), {})[endpoint.id] = None

    def short_timeouts(self, config: pytest.Config, selected: Iterable[Endpoint]) -> Iterator[str]:
        """Say, a line each, which timeouts of the user's own end a test before its calls' deadlines do."""
        users = _users_timeout(config) if config.pluginmanager.hasplugin("timeout") else None
        if users is not None:
            marked = {endpoint_id for noted in self._short.values() for endpoint_id in noted}
            for endpoint in selected:
                if endpoint.id not in marked:
                    self._note_short(endpoint, *users)
        for (seconds, source), endpoint_ids in self._short.items():
            named = ", ".join([*endpoint_ids][:_NAMED])
            more = f" and {len(endpoint_ids) - _NAMED} more" if len(endpoint_ids) > _NAMED else ""
            yield (
                f"pytest-timeout's {seconds:g} s ({source}) end a test before the deadlines of its calls do: "
                f"{named}{more}; raise it, or lower --modal-bench-timeout"
            )

    def _excuse(self, item: pytest.Item) -> None:
        """What is in quarantine is expected to fail, whatever fails in it."""
        endpoint = endpoint_of(item)
        quarantine = None if endpoint is None else endpoint.quarantine
        if quarantine is not None and self._today <= dt.date.fromisoformat(quarantine.until):
            reason = f"in quarantine until {quarantine.until}: {quarantine.reason}"
            item.add_marker(pytest.mark.xfail(reason=reason, strict=False))


@cache
def _timeout(seconds: float) -> pytest.MarkDecorator:
    """One for all tests that may take as long."""
    return pytest.mark.timeout(seconds)


def _users_timeout(config: pytest.Config) -> tuple[float, str] | None:
    """Return the seconds that pytest-timeout was given for all tests, and where; None: it was given none."""
    sources = {
        "--timeout": config.getoption("timeout", None),
        "PYTEST_TIMEOUT": os.environ.get("PYTEST_TIMEOUT"),
        "the ini file": config.getini("timeout"),
    }
    for source, given in sources.items():
        if given:
            try:
                return float(given), source
            except (TypeError, ValueError):
                return 0.0, source  # pytest-timeout has something to say of it
    return None


def _marked_sec(marker: pytest.Mark) -> float | None:
    given = marker.args[0] if marker.args else marker.kwargs.get("timeout")
    return float(given) if isinstance(given, int | float) else None


def _wants_endpoint(metafunc: pytest.Metafunc) -> bool:
    """Whether a test asks for an `endpoint`, and no fixture or parameter of that name is the user's own."""
    if "endpoint" not in metafunc.fixturenames or metafunc._arg2fixturedefs.get("endpoint"):  # noqa: SLF001 - pytest offers no other way to ask
        return False
    return not any(
        "endpoint" in (names.replace(",", " ").split() if isinstance(names, str) else names)
        for mark in metafunc.definition.iter_markers("parametrize")
        for names in (mark.args[0] if mark.args else mark.kwargs.get("argnames", ""),)
    )


def _parameter(endpoint: Endpoint) -> Any:
    marker = pytest.mark.modal_endpoint(
        name=endpoint.name,
        path=endpoint.path,
        category=endpoint.category,
        app=endpoint.app,
        tags=endpoint.tags,
    )
    return pytest.param(endpoint, id=endpoint.id, marks=marker)
