"""When a test's `endpoint` is this plugin's to give. Imports nothing but pytest: other sessions ask it, too."""

from __future__ import annotations

import pytest


def wants_endpoint(metafunc: pytest.Metafunc) -> bool:
    """Whether a test asks for an `endpoint`, and no fixture or parameter of that name is the user's own."""
    if "endpoint" not in metafunc.fixturenames or metafunc._arg2fixturedefs.get("endpoint"):  # noqa: SLF001 - pytest offers no other way to ask
        return False
    return not any(
        "endpoint" in (names.replace(",", " ").split() if isinstance(names, str) else names)
        for mark in metafunc.definition.iter_markers("parametrize")
        for names in (mark.args[0] if mark.args else mark.kwargs.get("argnames", ""),)
    )
