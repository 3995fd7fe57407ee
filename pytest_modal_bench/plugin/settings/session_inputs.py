"""What a session reads before its tests, each once: the catalogue, and what its endpoints are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.catalogue import Catalogue, CatalogueError, load
from pytest_modal_bench.local.workspace.catalogue import is_own
from pytest_modal_bench.plugin.settings.resolution import resolve
from pytest_modal_bench.run.settings import LOCAL, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.gate.baselines import History
    from pytest_modal_bench.run.base import Base

_CATALOGUE = pytest.StashKey[Catalogue]()
_BASE = pytest.StashKey["Base | None"]()
_HISTORY = pytest.StashKey["History | None"]()


def catalogue(config: pytest.Config) -> Catalogue:
    """The session's catalogue, read once. Raises `pytest.UsageError` that says what is wrong with it."""
    if _CATALOGUE not in config.stash:
        settings = resolve(config)
        try:
            config.stash[_CATALOGUE] = load(
                settings.catalogue,
                root=config.rootpath,
                workspace=None if settings.local else settings.workspace,
                environment=settings.environment,
                # Nothing is looked for, nor made, in the package's own directory.
                media=config.rootpath if is_own(settings.catalogue) else None,
            )
        except CatalogueError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_CATALOGUE]


def base(config: pytest.Config) -> Base | None:
    """What the endpoints are called in turn with, read once. Raises `pytest.UsageError` that says what is wrong."""
    if _BASE not in config.stash:
        settings = resolve(config)
        config.stash[_BASE] = None if settings.against is None else _read_base(config, settings)
    return config.stash[_BASE]


def _read_base(config: pytest.Config, settings: Settings) -> Base:
    from pytest_modal_bench.run.base import Base, BaseError

    own = catalogue(config)
    try:
        if settings.local:
            return Base(settings, own)
        second = settings.against_catalogue
        return Base(
            settings,
            load(
                own.path if second is None else second,
                root=config.rootpath,
                workspace=settings.workspace,
                environment=settings.against if second is None else None,
            ),
        )
    except (BaseError, CatalogueError) as error:
        raise pytest.UsageError(str(error)) from None


def history(config: pytest.Config) -> History | None:
    """The earlier runs to compare with, read once. Raises `pytest.UsageError` that says what is wrong with them."""
    if _HISTORY not in config.stash:
        settings = resolve(config)
        config.stash[_HISTORY] = (
            None
            if settings.baseline is None
            else _read_history(settings.baseline, settings, catalogue(config))
        )
    return config.stash[_HISTORY]


def _read_history(path: Path, settings: Settings, catalogue: Catalogue) -> History:
    from pytest_modal_bench.gate.baselines import History, Where
    from pytest_modal_bench.gate.earlier.reports import BaselineError

    try:
        where = Where(LOCAL if settings.local else catalogue.workspace, settings.environment)
        return History.load(path, where, settings.baseline_last)
    except BaselineError as error:
        raise pytest.UsageError(str(error)) from None


def pools(config: pytest.Config) -> int:
    """How many pools the endpoints have that may be selected; at least one."""
    from pytest_modal_bench.plugin.selection import possible

    return len({endpoint.pool for endpoint in possible(config, catalogue(config).endpoints)}) or 1
