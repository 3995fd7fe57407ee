"""Imports this package's modules as Python does.

pytest would look into each of them for asserts to rewrite, as they are a plugin's. None of them is a test's, and it
takes half as long again as the imports, in every worker; where no bytecode may be written, many times as long.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    import pytest

_OURS = "pytest_modal_bench."


class PlainImports:
    """A finder, as `sys.meta_path` has them; its place is before pytest's own."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of this package, and leave all others to whoever comes next."""
        return PathFinder.find_spec(name, path, target) if name.startswith(_OURS) else None


def import_plainly(config: pytest.Config) -> None:
    """Have this package's modules imported so from now on, until the session ends."""
    finder = PlainImports()
    sys.meta_path.insert(0, finder)
    config.add_cleanup(lambda: sys.meta_path.remove(finder))
