"""Whether this session asks Modal's control plane, with which credentials, and for what it needs an answer."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.control.journal import Journal, restore_leftovers
from pytest_modal_bench.control.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.control.interface import ControlPlane
    from pytest_modal_bench.local.launch import LocalWorkspace
    from pytest_modal_bench.plugin.settings import Settings

JOURNAL = ".modal-bench"
"""Directory, in pytest's root directory, of what says which autoscaler settings are changed."""

TOKEN_ID, TOKEN_SECRET = "MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"


class Access(NamedTuple):
    """Where a control plane is and who asks it; None: what the environment says, or Modal's own."""

    server_url: str | None
    token_id: str | None
    token_secret: str | None

    def __repr__(self) -> str:
        """Say nothing of the token."""
        return f"Access({self.server_url!r})"


def wanted(settings: Settings, catalogue: Catalogue, environ: Mapping[str, str]) -> bool:
    """Whether the control plane is asked: cold starts are forced, an app has no URL, or there are credentials."""
    has_tokens = bool(environ.get(TOKEN_ID) and environ.get(TOKEN_SECRET))
    return settings.cold == "force" or has_tokens or (not settings.local and bool(catalogue.without_url))


def access(local: LocalWorkspace | None, environ: Mapping[str, str]) -> Access:
    """The local workspace's, or the environment's: a real token never goes to the local workspace."""
    if local is not None and local.control is not None:
        return Access(local.control.url, local.control.token_id, local.control.token_secret)
    return Access(None, environ.get(TOKEN_ID), environ.get(TOKEN_SECRET))


def observer(access: Access, settings: Settings, catalogue: Catalogue, config: pytest.Config) -> Observer:
    """The process's observer; nothing is connected yet."""
    return Observer(
        partial(connect, access, catalogue.environment), journal(config), patience_sec=settings.patience_sec
    )


def connect(access: Access, environment: str | None) -> ControlPlane:
    """Connect, and import the SDK for it. Raises ControlError."""
    from pytest_modal_bench.control import sdk

    return sdk.connect(
        environment=environment,
        token_id=access.token_id,
        token_secret=access.token_secret,
        server_url=access.server_url,
    )


def journal(config: pytest.Config) -> Journal:
    """The journal of this project."""
    return Journal(config.rootpath / JOURNAL)


class Opened(NamedTuple):
    """What a session knows of the control plane once it has begun."""

    access: Access | None
    """For the workers; None: there is nobody to ask."""
    observer: Observer | None
    catalogue: Catalogue
    """With the URLs that the control plane was asked for."""
    notes: list[str]


def opened(
    settings: Settings, catalogue: Catalogue, local: LocalWorkspace | None, config: pytest.Config
) -> Opened:
    """Connect to the control plane if it is wanted, put right what a killed run left, ask for URLs not known.

    Whoever forces cold starts, or has to ask for a URL, can't do without: `pytest.UsageError`. For evidence alone a
    note will do.
    """
    if not wanted(settings, catalogue, os.environ):
        return Opened(None, None, catalogue, journal(config).waiting())
    forced = settings.cold == "force"
    if forced:
        _check_functions(catalogue)
    own = access(local, os.environ)
    eyes = observer(own, settings, catalogue, config)
    config.add_cleanup(eyes.close)
    try:
        plane = eyes.connected()
        notes = restore_leftovers(journal(config), plane)
        if catalogue.without_url and local is None:
            catalogue = catalogue.with_urls(_urls(catalogue, plane))
    except ControlError as error:
        if forced or (catalogue.without_url and local is None):
            raise pytest.UsageError(str(error)) from None
        return Opened(None, None, catalogue, [f"cold starts stay unverified: {error}"])
    return Opened(own, eyes, catalogue, notes)


def put_right(eyes: Observer, config: pytest.Config) -> list[str]:
    """Put back the settings that a worker left changed when it died; a line for each. The others are back already."""
    try:
        return restore_leftovers(journal(config), eyes.connected())
    except ControlError as error:
        return [str(error)]


def _check_functions(catalogue: Catalogue) -> None:
    for name in dict.fromkeys(endpoint.app for endpoint in catalogue.endpoints):
        if catalogue.apps[name].function is None:
            raise pytest.UsageError(
                f"{catalogue.path.name}: apps.{name}: function: missing; --modal-bench-cold=force asks Modal for its "
                'containers: add function = "…", the web function as it is deployed'
            )


def _urls(catalogue: Catalogue, plane: ControlPlane) -> dict[str, str]:
    """URLs of all apps: those that the catalogue gives, and the control plane's word for the others."""
    known = {app.name: app.url for app in catalogue.apps.values() if app.url is not None}
    for app in catalogue.without_url:
        url = plane.function(app.name, app.function or "").web_url()
        if url is None:
            raise ControlError(
                f"{catalogue.path.name}: apps.{app.name}: {app.function} is no web function; name the one that serves "
                "its endpoints, or give url"
            )
        known[app.name] = url
    return known


def of_worker(crossed: Sequence[str | None]) -> Access:
    """The access that a worker has been told of by `as_builtins`."""
    own = Access(*crossed)
    return own if own.server_url is not None else access(None, os.environ)


def as_builtins(access: Access | None) -> list[Any] | None:
    """What crosses to a worker; only the local workspace's access does, since a worker shares the environment."""
    return None if access is None else [*access] if access.server_url is not None else [None, None, None]
