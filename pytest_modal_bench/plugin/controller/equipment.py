"""What a run measures with: the local workspace, the control plane, test resources, and what is called in turn."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import to_builtins

from pytest_modal_bench.catalogue import Catalogue, CatalogueError
from pytest_modal_bench.catalogue import resources as test_resources
from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.cost.ledger import Ledger
from pytest_modal_bench.local.launch import LaunchError, LocalWorkspace, launch
from pytest_modal_bench.local.workspace.apps import serving
from pytest_modal_bench.plugin.settings import session_inputs
from pytest_modal_bench.run import control
from pytest_modal_bench.run.base import Base, BaseError
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.run.settings import LOCAL
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.model import Resource
    from pytest_modal_bench.plugin.collection import EndpointCollection
    from pytest_modal_bench.plugin.live.watching import Watching
    from pytest_modal_bench.run.record import RunRecord


class Equipment:
    """Opens it before the first test, until the session ends, and gives it to whatever measures."""

    def __init__(  # noqa: PLR0913 - all but the first three are named where it is made
        self,
        config: pytest.Config,
        collection: EndpointCollection,
        record: RunRecord,
        *,
        measurer: Measurer | None,
        watching: Watching,
        shared: Path,
    ) -> None:
        """`measurer`: None in a controller of workers, which measure.

        `shared`: a directory of the run's own, for all of its processes.
        """
        self.settings = collection.settings
        self.measurer = measurer
        self.shared = shared
        self.project = control.project(config.invocation_params.dir)
        self.base = session_inputs.base(config)
        """What the endpoints are called in turn with; None: nothing."""
        self.local: LocalWorkspace | None = None
        self.found: dict[str, Resource | str] = {}
        """The test resources that there are, by name."""
        self.observer: Observer | None = None
        self.ledger: Ledger | None = None
        self._config = config
        self._collection = collection
        self._record = record
        self._watching = watching
        self._credentials: control.Credentials | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The session's catalogue, with the URLs that are called."""
        return self._collection.catalogue

    def open(self) -> None:
        """Start what is to be started and ask what is to be asked. Raises `pytest.UsageError`."""
        found = test_resources.find(self.catalogue.resources)
        if self.settings.local:
            found = self._start_local(found)
        self.found = {name: resource for name, resource in found.items() if resource is not None}
        self._open_control()
        if self.base is not None:
            self._open_base(self.base)
        self._record.workspace = LOCAL if self.local is not None else self.catalogue.workspace or "-"
        self._record.simulated = None if self.local is None else self.local.simulated
        if self.settings.max_cost is not None:
            self.shared.mkdir(mode=0o700, exist_ok=True)
            self.ledger = Ledger(self.shared / "ledger", self.settings.max_cost)
        if self.measurer is not None:
            self._equip(self.measurer, self.observer)
            if self.base is not None:
                self.base.equip(self.measurer)

    def _start_local(self, found: dict[str, Resource | None]) -> dict[str, Resource | None]:
        """Start the local workspace, which also says which test resources exist, and supplies those that do."""
        try:
            self.local = launch(
                self.settings.scenario,
                self.settings.time_scale,
                catalogue=serving(self.catalogue.apps),
                environment=self.catalogue.environment,
                control=control.wanted(self.settings, self.catalogue, ENVIRONMENT),
            )
            self._config.add_cleanup(self.local.close)
            self._collection.catalogue = self.catalogue.with_urls(self.local.urls)
        except (LaunchError, CatalogueError) as error:
            raise pytest.UsageError(str(error)) from None
        given = {name: data for name, data in self.local.resources.items() if data is not None}
        available, unusable = test_resources.supplied(given, found)
        self._record.note(*unusable)
        own = {name: resource for name, resource in found.items() if name not in test_resources.USUAL}
        return {**own, **available}

    def _open_control(self) -> None:
        local = None if self.local is None else self.local.control
        try:
            opened = control.opened(self.settings, self.catalogue, local, self.project)
        except (ControlError, CatalogueError) as error:
            raise pytest.UsageError(str(error)) from None
        self._credentials, self.observer = opened.credentials, opened.observer
        if opened.observer is not None:
            self._config.add_cleanup(opened.observer.close)
        self._collection.catalogue = opened.catalogue
        self._record.note(*opened.notes)

    def _open_base(self, base: Base) -> None:
        self._config.add_cleanup(base.close)
        try:
            self._record.note(*base.open(self.project))
        except BaseError as error:
            raise pytest.UsageError(str(error)) from None

    def _equip(self, measurer: Measurer, observer: Observer | None) -> None:
        """Give a measurer what it measures with."""
        measurer.found = dict(self.found)
        measurer.observer = observer
        measurer.simulated = self._record.simulated
        measurer.spending.ledger = self.ledger
        measurer.watch = self._watching.take

    @contextmanager
    def lend(self) -> Iterator[Measurer]:
        """What measures in this process; a controller, whose workers measure, makes one for the occasion."""
        if self.measurer is not None:
            yield self.measurer
            return
        measurer = Measurer(self.settings)
        observer = None
        if self._credentials is not None:
            observer = control.observer(
                self._credentials, self.settings, self.catalogue.environment, self.project
            )
        self._equip(measurer, observer)
        try:
            yield measurer
        finally:
            measurer.close()

    def crossing(self) -> dict[str, Any]:
        """Return what crosses to a worker, as built-in types: where to call and with what."""
        return {
            "urls": {app.name: app.url for app in self.catalogue.apps.values() if app.url is not None},
            "credentials": None if self._credentials is None else self._credentials.crossing(),
            "base": None if self.base is None else self.base.crossing(),
            "simulated": self._record.simulated,
            "ledger": None if self.ledger is None else str(self.ledger.path),
            "journal": str(self.project),
            "shared": str(self.shared),
            "found": {name: to_builtins(value, builtin_types=(bytes,)) for name, value in self.found.items()},
        }
