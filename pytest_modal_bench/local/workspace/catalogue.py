"""The catalogues of the local workspaces' own endpoints, for where a user has none. Needs no extra."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Name = Literal["endpoints", "shapes"]
"""`endpoints`: the reference's 21; `shapes`: streams, jobs, media in JSON, sound, functions with a host each."""

REFERENCE: Name = "endpoints"
NAMES: tuple[Name, ...] = (REFERENCE, "shapes")

_CHECKOUT = Path(__file__).parents[3] / "tests" / "endpoints" / "endpoints.toml"


def own_catalogue(name: Name = REFERENCE) -> Path:
    """Return its path in the installed package; a checkout has the reference's where its own benchmark is."""
    installed = Path(__file__).with_name(f"{name}.toml")
    return installed if installed.is_file() else _CHECKOUT


def named(name: str) -> Path | None:
    """Return the path of the package's own catalogue of that name; None: it has none."""
    return next((own_catalogue(each) for each in NAMES if each == name), None)


def is_own(path: Path) -> bool:
    """Whether that is one of the package's own catalogues."""
    return path in {own_catalogue(name) for name in NAMES}
