"""Whether a run asks Modal's control plane, with which credentials, and for what it needs an answer."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.control.journal import Journal, restore_leftovers
from pytest_modal_bench.control.observer import Observer
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.control.interface import ControlPlane
    from pytest_modal_bench.local.control.address import ControlAccess
    from pytest_modal_bench.run.settings import Settings

JOURNAL = ".modal-bench"
"""Directory, in the project's, of what says which autoscaler settings are changed."""

_PROJECT_FILES = (
    "pyproject.toml",
    "pytest.toml",
    "pytest.ini",
    "tox.ini",
    "setup.cfg",
    "setup.py",
    "endpoints.toml",
)
"""Names of files of which a project has one in its first directory, whether or not pytest reads it."""

TOKEN_ID, TOKEN_SECRET = "MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"


class Credentials(NamedTuple):
    """Where a control plane is and who asks it; None: what the environment says, or Modal's own."""

    server_url: str | None
    token_id: str | None
    token_secret: str | None

    def __repr__(self) -> str:
        """Say nothing of the token."""
        return f"Credentials({self.server_url!r})"

    def crossing(self) -> list[Any]:
        """What crosses to a worker; only the local workspace's do, since a worker shares the environment."""
        return [*self] if self.server_url is not None else [None, None, None]

    @classmethod
    def crossed(cls, crossed: Sequence[str | None]) -> Credentials:
        """In a worker: the credentials that `crossing` stands for."""
        own = cls(*crossed)
        return own if own.server_url is not None else credentials(None, ENVIRONMENT)


class Opened(NamedTuple):
    """What a run knows of the control plane once it has begun."""

    credentials: Credentials | None
    """For the workers; None: there is nobody to ask."""
    observer: Observer | None
    catalogue: Catalogue
    """With the URLs that the control plane was asked for."""
    notes: list[str]


def wanted(settings: Settings, catalogue: Catalogue, environ: Mapping[str, str]) -> bool:
    """Whether the control plane is asked: cold starts are forced, an app has no URL, or there are credentials."""
    has_tokens = bool(environ.get(TOKEN_ID) and environ.get(TOKEN_SECRET))
    return settings.cold == "force" or has_tokens or (not settings.local and bool(catalogue.without_url))


def credentials(local: ControlAccess | None, environ: Mapping[str, str]) -> Credentials:
    """The local workspace's, or the environment's: a real token never goes to the local workspace."""
    if local is not None:
        return Credentials(local.url, local.token_id, local.token_secret)
    return Credentials(None, environ.get(TOKEN_ID), environ.get(TOKEN_SECRET))


def observer(credentials: Credentials, settings: Settings, environment: str | None, root: Path) -> Observer:
    """The process's observer; nothing is connected yet. `root` is the `project`, in which the journal lies."""
    connecting = partial(connect, credentials, environment)
    return Observer(connecting, journal(root), patience_sec=settings.patience_sec)


def connect(credentials: Credentials, environment: str | None) -> ControlPlane:
    """Connect, and import the SDK for it. Raises ControlError."""
    from pytest_modal_bench.control import sdk

    return sdk.connect(
        environment=environment,
        token_id=credentials.token_id,
        token_secret=credentials.token_secret,
        server_url=credentials.server_url,
    )


def project(started_in: Path) -> Path:
    """The directory of the project that pytest was started in: the one that git knows, or else that of its files.

    Not pytest's root directory, which options move: what one run has changed, the next must find.
    """
    around = (started_in, *started_in.parents)
    for marks in ((".git",), (JOURNAL, *_PROJECT_FILES)):
        for directory in around:
            with suppress(OSError):  # a directory that nobody may look into is not the project's
                if any((directory / mark).exists() for mark in marks):
                    return directory
    return started_in


def journal(root: Path) -> Journal:
    """The journal of changed autoscaler settings of the project in `root`."""
    return Journal(root / JOURNAL)


def opened(settings: Settings, catalogue: Catalogue, local: ControlAccess | None, root: Path) -> Opened:
    """Connect to the control plane if it is wanted, put right what a killed run left, ask for URLs not known.

    Whoever forces cold starts, or has to ask for a URL, can't do without: then ControlError is raised. For evidence
    alone a note will do. `local` is the local workspace's control plane, if the run is on one that has one.
    """
    if not wanted(settings, catalogue, ENVIRONMENT):
        return Opened(None, None, catalogue, journal(root).waiting())
    forced = settings.cold == "force"
    if forced:
        _check_functions(catalogue)
    own = credentials(local, ENVIRONMENT)
    asked = observer(own, settings, catalogue.environment, root)
    needs_urls = bool(catalogue.without_url) and not settings.local
    try:
        plane = asked.connected()
        notes = restore_leftovers(journal(root), plane)
        if needs_urls:
            catalogue = catalogue.with_urls(_urls(catalogue, plane))
    except ControlError as error:
        asked.close()
        if forced or needs_urls:
            raise
        return Opened(None, None, catalogue, [f"cold starts stay unverified: {error}"])
    return Opened(own, asked, catalogue, notes)


def restore(asked: Observer, root: Path) -> list[str]:
    """Put back the settings that a worker left changed when it died; a line for each. The others are back already."""
    try:
        return restore_leftovers(journal(root), asked.connected())
    except ControlError as error:
        return [str(error)]


def _check_functions(catalogue: Catalogue) -> None:
    for name in dict.fromkeys(endpoint.app for endpoint in catalogue.endpoints):
        if catalogue.apps[name].function is None:
            raise ControlError(
                f"{catalogue.path.name}: apps.{name}: function: missing; --modal-bench-cold=force asks Modal for its "
                'containers: add function = "…", the web function as it is deployed'
            )


def _urls(catalogue: Catalogue, plane: ControlPlane) -> dict[str, str]:
    """URLs of all apps: those that the catalogue gives, and the control plane's word for the others."""
    known = {app.name: app.url for app in catalogue.apps.values() if app.url is not None}
    for app in catalogue.without_url:
        url = plane.function(app.deployed, app.function or "").web_url()
        if url is None:
            raise ControlError(
                f"{catalogue.path.name}: apps.{app.name}: {app.function} is no web function; name the one that serves "
                "its endpoints, or give url"
            )
        known[app.name] = url
    return known
