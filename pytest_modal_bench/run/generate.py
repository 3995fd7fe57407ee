"""Makes the test image and the test video with the workspace's own endpoints."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import RequestError, build
from pytest_modal_bench.catalogue import resources as test_resources
from pytest_modal_bench.local.launch import LocalWorkspace, launch
from pytest_modal_bench.local.workspace.apps import serving
from pytest_modal_bench.safety.files import obstacle, write_bytes
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.run.settings import Settings

MAKERS = {"image": "/z-image-simple", "video": "/wan2.6"}
"""The endpoint that makes each resource: the quickest image model, and a video model that needs no input."""

# Generated once and kept: the same seed gives the same resource again.
_SEED = 20260202


class NotGenerated(Exception):
    """A test resource could not be made; the message says which call failed and how."""


def generate(settings: Settings, catalogue: Catalogue) -> Iterator[str]:
    """Make what the settings ask for, and yield a line for each.

    Raises NotGenerated; LaunchError or CatalogueError where the local workspace can't be used; SpoolError and OSError
    where this machine has no room.
    """
    own = serving(catalogue.apps)
    workspace = (
        launch(settings.scenario, settings.time_scale, catalogue=own) if settings.local else nullcontext()
    )
    with workspace as local:
        if isinstance(local, LocalWorkspace):
            catalogue = catalogue.with_urls(local.urls)
        for name in settings.generate:
            path = _make(name, catalogue, settings)
            yield f"test {name} made with {MAKERS[name]}: {path}"


def _make(name: str, catalogue: Catalogue, settings: Settings) -> Path:
    path: Path | None = getattr(catalogue.resources, name)
    if path is None:
        raise NotGenerated(f'test {name}: the catalogue has no place for it: add {name} = "…" to [resources]')
    # Before a call costs money for it.
    reason = obstacle(path)
    if reason is not None:
        raise NotGenerated(f"test {name}: {path}: can't be written: {reason}")
    endpoint = next((e for e in catalogue.endpoints if e.path == MAKERS[name]), None)
    if endpoint is None:
        raise NotGenerated(
            f"test {name}: {MAKERS[name]} makes it, but the catalogue does not have that endpoint"
        )
    try:
        request = build(endpoint, {}, seed=_SEED, environ=ENVIRONMENT)
    except RequestError as error:
        raise NotGenerated(f"test {name}: {endpoint.path}: {error}") from None
    with Client(held_after_sec=settings.held_after_sec) as client:
        answer = client.call(request, deadline_sec=settings.deadline_sec(endpoint.timeout), fresh=True)
        if not answer.ok:
            raise NotGenerated(f"test {name}: {endpoint.path}: {answer.error}")
        made = answer.body if isinstance(answer.body, bytes) else answer.body.read_bytes()
    try:
        data = made if name == "image" else test_resources.webp_to_mp4(made)
        resource = test_resources.from_bytes(name, data)
    except ValueError as error:
        raise NotGenerated(f"test {name}: {endpoint.path}: {error}") from None
    write_bytes(path, resource.data)
    return path
