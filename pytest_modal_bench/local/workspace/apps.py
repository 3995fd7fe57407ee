"""The apps of the local workspaces and their endpoints, with how long their work takes, read from TOML.

There are two workspaces, one for each of the package's own catalogues, and named as that is.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_modal_bench.local.workspace.catalogue import NAMES, REFERENCE, Name
from pytest_modal_bench.local.workspace.pauses import Pauses

if TYPE_CHECKING:
    from collections.abc import Iterable

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

ShapeName = Literal[
    "chat",
    "completion",
    "models",
    "events",
    "lines",
    "speech",
    "speech_stream",
    "transcription",
    "job",
    "located_job",
    "prediction",
    "task",
    "base64_image",
    "base64_batch",
    "data_uris",
    "image_urls",
    "bundle",
    "embedding",
    "caption",
]
"""Kinds of routes that answer something else than the bytes of one image or video, or not at once."""

Kind = Literal["stream", "picture", "sound", "text", "job", "status job", "embedded", "list", "links", "file"]
"""What a fault may need of the endpoint that has it."""

KINDS: dict[str, frozenset[Kind]] = {
    "chat": frozenset({"stream", "text"}),
    "completion": frozenset({"stream", "text"}),
    "models": frozenset(),
    "events": frozenset({"stream", "text"}),
    "lines": frozenset({"stream", "text"}),
    "speech": frozenset({"sound"}),
    "speech_stream": frozenset({"stream", "sound"}),
    "transcription": frozenset(),
    "job": frozenset({"job", "picture"}),
    "located_job": frozenset({"job", "picture"}),
    "prediction": frozenset({"job", "status job", "picture", "links"}),
    "task": frozenset({"job", "status job", "picture"}),
    "base64_image": frozenset({"picture", "embedded", "list"}),
    "base64_batch": frozenset({"picture", "embedded", "list"}),
    "data_uris": frozenset({"picture", "embedded", "list"}),
    "image_urls": frozenset({"picture", "list", "links"}),
    "bundle": frozenset({"file"}),
    "embedding": frozenset(),
    "caption": frozenset(),
}
"""What the routes of each kind answer; those of a `BodyName` answer a picture."""

MAX_CONTAINERS = 10
"""Containers that one app may have on this machine, whatever its settings."""

Service = Literal["steady", "exponential"]
"""How inference times vary: by a few per cent, or exponentially about their mean, as queueing theory has it."""

ANIMATED: set[BodyName] = {"clip", "reference_clip", "lora_clip", "face_swap", "upscale"}
TAKING_MEDIA: set[BodyName] = {"face_picture", "edit", "inpaint", "reference_clip", "face_swap", "upscale"}


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One route; `load` and `inference` are unscaled seconds."""

    body: BodyName | ShapeName
    load: float
    inference: float
    """Of a stream: until its first output."""
    content_type: str = ""
    """The Content-Type that it states, which need not be the type that it sends; empty: that of what it sends."""
    step: float = 0.0
    """Unscaled seconds from one output of a stream to the next; of a text that comes whole, for each of its tokens."""
    cost_factor: float = 1.0
    """The cost that it states, as a multiple of what its GPU seconds cost."""

    @property
    def method(self) -> str:
        """The HTTP method that its path takes."""
        return "GET" if self.body == "models" else "POST"

    @property
    def is_animated(self) -> bool:
        """Whether it answers an animation or a video, not a still image."""
        return self.body in ANIMATED

    @property
    def takes_media(self) -> bool:
        """Whether its body takes an image or a video."""
        return self.body in TAKING_MEDIA

    @property
    def kinds(self) -> frozenset[Kind]:
        """What its answer is."""
        return KINDS.get(self.body, frozenset({"picture"}))


class App(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One function of an app: one host, one pool of containers; times are unscaled seconds."""

    modal_app: str | None = None
    """What the control plane calls the app, which may have more functions; None: the same as the workspace does."""
    function: str = "ComfyUI.fastapi_app"
    """The function, or the class and its web method."""
    gpu: str = "L40S"
    endpoints: dict[str, Endpoint]
    enter: float
    scaledown_window: int = 300
    min_containers: int = 0
    buffer_containers: int = 0
    timeout: float = 1800.0
    concurrent_inputs: int = 5
    jobs_at_once: int = 1
    """How many of a container's inputs its GPU works on at once; the others wait in the container."""
    max_containers: int = 3
    """Kept low to spare this machine; Modal's own limit is the workspace's quota."""
    service: Service = "steady"
    pauses: Pauses | None = None
    """When all of its containers stall; None: never."""


class Workspace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The apps by name, in the catalogue's order."""

    workspace: str
    apps: dict[str, App]
    name: Name = REFERENCE
    """Whose catalogue it belongs to."""

    def paths(self) -> set[str]:
        """Every endpoint's path."""
        return {path for app in self.apps.values() for path in app.endpoints}

    def find(self, key: str) -> list[tuple[str, str]]:
        """Return app and path of each endpoint that `key` means: a path, or `APP:PATH` where several apps have it."""
        wanted, _, path = key.rpartition(":")
        return [
            (name, path) for name, app in self.apps.items() if path in app.endpoints and wanted in {"", name}
        ]


def read(name: Name = REFERENCE) -> Workspace:
    """Read the workspace of that name, which ships with the package."""
    file = "workspace.toml" if name == REFERENCE else f"{name}-workspace.toml"
    return msgspec.toml.decode((files(__package__) / file).read_bytes(), type=Workspace)


def serving(apps: Iterable[str]) -> Name:
    """The name of the workspace that has most of these apps; if none has any, it is that of the reference."""
    wanted = set(apps)
    return max(NAMES, key=lambda name: len(wanted & read(name).apps.keys()))
