"""A catalogue that is being written: what is known, and beside it what is not, with why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class App:
    """One host, and what is known of the function behind it."""

    name: str
    url: str
    """Base URL; the workspace is not taken out of it yet."""
    modal_app: str | None = None
    """What Modal calls it; None: not known."""
    function: str | None = None
    gpu: str | None = None
    scaledown_window: float | None = None
    """Seconds that an idle container lives on."""
    asked: bool = False
    """Whether Modal was asked: then what is None is none."""
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Routes that are not measured: docs, health, lists."""


@dataclass
class Entry:
    """One route as an endpoint, whose fields are written as they are."""

    app: str
    method: str
    path: str
    category: str
    description: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    """`stream`, `expect`, `poll`, `query`, `form`, `payload`."""
    unknown: list[str] = field(default_factory=list)
    """What is to be filled in, a sentence each."""
    notes: list[str] = field(default_factory=list)
    """What else there is to know, a sentence each."""
    suggested: list[tuple[str, str, Any]] = field(default_factory=list)
    """Fields that may be right: why, name and value."""
    off: str | None = None
    """Why it stands there as comments alone; None: it is measured."""


@dataclass
class Draft:
    """A whole catalogue."""

    apps: list[App] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    environment: str | None = None
    """Modal's environment; None: not known."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of every request, with `{env:NAME}` for what is secret."""

    @property
    def measured(self) -> list[Entry]:
        """Entries that are not commented out."""
        return [entry for entry in self.entries if entry.off is None]
