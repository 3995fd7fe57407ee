"""What keeps `init` from writing a catalogue."""

from __future__ import annotations


class InitError(Exception):
    """Why there is no catalogue; its text is one line, with the way out."""
