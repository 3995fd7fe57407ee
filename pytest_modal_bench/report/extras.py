"""What a report needs that is not installed with the package itself."""

from __future__ import annotations


class MissingExtra(ImportError):
    """A library that comes with an extra is not installed; the text says which, and how to get it."""
