"""What a catalogue is once it is read: apps, endpoints, and where the test resources lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_modal_bench.catalogue.errors import Place
from pytest_modal_bench.model import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping


class App(msgspec.Struct, frozen=True, kw_only=True):
    """A Modal app, and the web function that its endpoints are routes of."""

    name: str
    """What the catalogue calls it."""
    modal_app: str | None = None
    """What Modal calls it; None: the same."""
    url: str | None
    """Base URL, with workspace and environment filled in, without a slash at its end; None: Modal is to be asked."""
    function: str | None = None
    gpu: str | None = None
    scaledown_window: float | None = None
    """Seconds that a container lives on without a call."""
    cpu: float | None = None
    """Physical cores that a container is billed for."""
    memory: float | None = None
    """GiB that a container is billed for."""
    region: Literal["broad", "narrow"] | None = None
    nonpreemptible: bool = False

    @property
    def deployed(self) -> str:
        """What Modal calls it."""
        return self.modal_app or self.name


class Lora(msgspec.Struct, frozen=True, kw_only=True):
    """The LoRA that stands behind `{lora}`, by its id in the workspace."""

    id: str
    probe: str | None = None
    """Path of an endpoint that answers with an error when the workspace has no such LoRA."""


class ResourcePaths(msgspec.Struct, frozen=True, kw_only=True):
    """Where the test resources lie, whether or not the files exist; None: the catalogue names none."""

    image: Path | None = None
    video: Path | None = None
    mask: Path | None = None
    lora: Lora | None = None
    others: dict[str, Path] = {}
    """Any other file, by its name."""

    @property
    def files(self) -> dict[str, Path | None]:
        """Test image, video and mask, and then all other files, by name; None: the catalogue names none."""
        return {"image": self.image, "video": self.video, "mask": self.mask, **self.others}


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """A whole catalogue, every default filled in."""

    path: Path
    workspace: str | None
    environment: str | None
    apps: dict[str, App]
    endpoints: tuple[Endpoint, ...]
    resources: ResourcePaths
    mix: bool = False
    """Whether its endpoints are put under load together, each by its weight, and not one after the other."""

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools of the endpoints, in catalogue order."""
        return tuple(dict.fromkeys(endpoint.pool for endpoint in self.endpoints))

    @property
    def without_url(self) -> tuple[App, ...]:
        """Apps of endpoints whose URL is not known yet."""
        used = {endpoint.app for endpoint in self.endpoints}
        return tuple(app for app in self.apps.values() if app.url is None and app.name in used)

    def with_urls(self, urls: Mapping[str, str]) -> Catalogue:
        """Return the catalogue as served at `urls` (app to base URL); pools keep their names.

        Raises CatalogueError for an app of an endpoint that is not in `urls`.
        """
        for name in {endpoint.app: None for endpoint in self.endpoints}:
            if name not in urls:
                served = ", ".join(urls) or "no app"
                raise Place((self.path.name, f"apps.{name}")).error(
                    f"this workspace does not serve it; it serves {served}"
                )
        at = {name: url.rstrip("/") for name, url in urls.items()}
        return msgspec.structs.replace(
            self,
            apps={
                name: msgspec.structs.replace(app, url=at.get(name, app.url))
                for name, app in self.apps.items()
            },
            endpoints=tuple(
                msgspec.structs.replace(endpoint, url=at[endpoint.app]) for endpoint in self.endpoints
            ),
        )
