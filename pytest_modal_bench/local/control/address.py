"""The address of the control plane, and the token for it. Needs nothing but the standard library."""

from __future__ import annotations

from typing import NamedTuple


class ControlAccess(NamedTuple):
    """What Modal's SDK and CLI read from the environment, to talk to the local workspace."""

    url: str
    """`MODAL_SERVER_URL`."""
    token_id: str
    """`MODAL_TOKEN_ID`."""
    token_secret: str
    """`MODAL_TOKEN_SECRET`."""
