"""What the local workspace consists of: its apps, their endpoints, and how long their work takes."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import msgspec

FormName = Literal[
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
"""What a route's body looks like, and so what it answers."""

MOVING: set[FormName] = {"clip", "reference_clip", "lora_clip", "face_swap", "upscale"}
TAKING_MEDIA: set[FormName] = {"face_picture", "edit", "inpaint", "reference_clip", "face_swap", "upscale"}


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One route; `load` and `inference` are unscaled seconds."""

    form: FormName
    load: float
    inference: float
    declares: str
    """The content type it states, whatever it sends."""
    cost_factor: float = 1.0
    """What it says it cost, as a multiple of what its GPU seconds do."""

    @property
    def moves(self) -> bool:
        """Whether it answers an animation or a video."""
        return self.form in MOVING

    @property
    def takes_media(self) -> bool:
        """Whether an image or a video belongs in its body."""
        return self.form in TAKING_MEDIA


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
    """A bound for the sake of the machine; Modal's is the workspace's quota."""


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
