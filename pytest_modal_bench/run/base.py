"""What a run's endpoints are called in turn with: another environment, a second catalogue, another local workspace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from msgspec import convert, structs, to_builtins

from pytest_modal_bench.catalogue import CatalogueError, check_selected
from pytest_modal_bench.catalogue import resources as test_resources
from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.local.launch import LaunchError, LocalWorkspace, launch
from pytest_modal_bench.local.workspace.apps import serving
from pytest_modal_bench.model import Resource
from pytest_modal_bench.protocol.progress import EndpointEnded
from pytest_modal_bench.run import control
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.protocol.progress import Event
    from pytest_modal_bench.run.settings import Settings

_NAMED = 5
"""Endpoints that a line names; it counts the others."""


class BaseError(Exception):
    """Why there is nothing to call in turn with a run's endpoints; the message is one line."""


class Base:
    """What one process knows of it."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        """`settings` are those of the run; `catalogue` is the base's. Raises BaseError."""
        self._given = settings.against or ""
        self.name = PurePath(self._given).name
        self.catalogue = catalogue
        self.observer: Observer | None = None
        self._settings = replace(
            settings, environment=catalogue.environment, catalogue=catalogue.path, save_outputs=None
        )
        self._local: LocalWorkspace | None = None
        self._credentials: control.Credentials | None = None
        self._found: dict[str, Resource | str] | None = None
        """Test resources of a second catalogue; None: they are those of the run."""
        if settings.cold == "force" and catalogue.environment is None:
            raise BaseError(
                f"--modal-bench-cold=force stops containers of {self.name} too: name its environment, with "
                'environment = "…" at the top of its catalogue'
            )

    @property
    def counterparts(self) -> dict[str, Endpoint]:
        """Its endpoints, by the ids of those that they are called in turn with."""
        return {endpoint.id: endpoint for endpoint in self.catalogue.endpoints}

    def open(self, project: Path) -> list[str]:
        """Start what is to be started and ask what is to be asked. Returns lines to be told. Raises BaseError."""
        try:
            if self._settings.local:
                self._local = launch(
                    self._given,
                    self._settings.time_scale,
                    catalogue=serving(self.catalogue.apps),
                    environment=self.catalogue.environment,
                    control=control.wanted(self._settings, self.catalogue, ENVIRONMENT),
                )
                self.catalogue = self.catalogue.with_urls(self._local.urls)
            elif self._settings.against_catalogue is not None:
                own = test_resources.find(self.catalogue.resources)
                self._found = {name: resource for name, resource in own.items() if resource is not None}
            access = None if self._local is None else self._local.control
            opened = control.opened(self._settings, self.catalogue, access, project)
        except (LaunchError, ControlError, CatalogueError) as error:
            raise BaseError(f"--modal-bench-against={self.name}: {error}") from None
        self._credentials, self.observer = opened.credentials, opened.observer
        self.catalogue = opened.catalogue
        return [f"{self.name}: {note}" for note in opened.notes]

    def close(self) -> None:
        """End what was started."""
        if self.observer is not None:
            self.observer.close()
        if self._local is not None:
            self._local.close()

    def check(self, catalogue: Catalogue, selected: Sequence[Endpoint], root: Path) -> Iterator[str]:
        """Look before the first call whether all is there that its calls need. Yields lines to be told.

        `selected`: the endpoints of the run, of its `catalogue`. Raises BaseError and CatalogueError.
        """
        counterparts = self.counterparts
        both = [(each, counterparts[each.id]) for each in selected if each.id in counterparts]
        lacking = [each.id for each in selected if each.id not in counterparts]
        if selected and not both:
            raise BaseError(f"--modal-bench-against={self.name}: it has none of the selected endpoints")
        for own, other in both:
            is_other = (
                self._settings.against_catalogue is None
                and catalogue.environment != self.catalogue.environment
            )
            if is_other and own.url == other.url:
                raise BaseError(
                    f"{catalogue.path.name}: apps.{own.app}: its URL is the same in {self.name}, so it would be held "
                    "against itself: put {environment_suffix} into it"
                )
        check_selected(
            self.catalogue,
            [other for _, other in both],
            root=root,
            environ=ENVIRONMENT,
            media=self._local is None,
        )
        if lacking:
            more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
            yield f"not compared, as {self.name} lacks them: {', '.join(lacking[:_NAMED])}{more}"

    # With workers

    def crossing(self) -> dict[str, Any]:
        """Return what crosses to a worker, as built-in types."""
        return {
            "urls": {app.name: app.url for app in self.catalogue.apps.values() if app.url is not None},
            "credentials": None if self._credentials is None else self._credentials.crossing(),
            "found": None if self._found is None else to_builtins(self._found, builtin_types=(bytes,)),
        }

    def cross(self, crossed: Mapping[str, Any], project: Path) -> None:
        """In a worker: take over what `crossing` has returned."""
        self.catalogue = self.catalogue.with_urls(crossed["urls"])
        if crossed["found"] is not None:
            self._found = convert(crossed["found"], dict[str, Resource | str])
        if crossed["credentials"] is not None:
            self._credentials = control.Credentials.crossed(crossed["credentials"])
            self.observer = control.observer(
                self._credentials, self._settings, self.catalogue.environment, project
            )

    def equip(self, measurer: Measurer) -> None:
        """Give a measurer another one beside it, which makes the base's calls."""

        def tell(event: Event) -> None:
            if not isinstance(event, EndpointEnded):
                measurer.watch(structs.replace(event, base=True))

        base = Measurer(self._settings, measurer.spending.ledger)
        base.inspector = measurer.inspector
        base.found = dict(measurer.found if self._found is None else self._found)
        base.observer, base.simulated, base.watch = self.observer, measurer.simulated, tell
        measurer.base, measurer.counterparts = base, self.counterparts
