"""The apps of the local workspace and their endpoints, with how long their work takes, read from TOML."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import msgspec

BodyName = Literal[
    "picture",
    "lora_picture",
    "face_picture",
    "edit",
    "inpaint",
    "clip",
    "reference_clip",
    "lora_clip",
    "face_swap",
    "upscale",
]
"""Kinds of request bodies; the kind also decides what the route answers."""

ANIMATED: set[BodyName] = {"clip", "reference_clip", "lora_clip", "face_swap", "upscale"}
TAKING_MEDIA: set[BodyName] = {"face_picture", "edit", "inpaint", "reference_clip", "face_swap", "upscale"}


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One route; `load` and `inference` are unscaled seconds."""

    body: BodyName
    load: float
    inference: float
    content_type: str
    """The Content-Type that it states, which need not be the type that it sends."""
    cost_factor: float = 1.0
    """The cost that it states, as a multiple of what its GPU seconds cost."""

    @property
    def is_animated(self) -> bool:
        """Whether it answers an animation or a video, not a still image."""
        return self.body in ANIMATED

    @property
    def takes_media(self) -> bool:
        """Whether its body takes an image or a video."""
        return self.body in TAKING_MEDIA


class App(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One app: one host, one pool of containers; times are unscaled seconds."""

    endpoints: dict[str, Endpoint]
    enter: float
    scaledown_window: int = 300
    min_containers: int = 0
    buffer_containers: int = 0
    timeout: float = 1800.0
    concurrent_inputs: int = 5
    max_containers: int = 3
    """Kept low to spare this machine; Modal's own limit is the workspace's quota."""


class Workspace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The apps by name, in the catalogue's order."""

    workspace: str
    apps: dict[str, App]

    def paths(self) -> set[str]:
        """Every endpoint's path."""
        return {path for app in self.apps.values() for path in app.endpoints}

    def endpoint(self, path: str) -> Endpoint:
        """The endpoint at `path`, one of `paths()`."""
        return next(app.endpoints[path] for app in self.apps.values() if path in app.endpoints)


def read() -> Workspace:
    """Read the workspace that ships with the package."""
    return msgspec.toml.decode((files(__package__) / "workspace.toml").read_bytes(), type=Workspace)
