"""Ids in the shapes that Modal gives them."""

from __future__ import annotations

import random
import string

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def identifier(kind: str) -> str:
    """Draw an id of what comes and goes: `ta-01…` for a container, `fc-01…` for a call."""
    return f"{kind}-01" + "".join(random.choices(_CROCKFORD, k=24))  # noqa: S311


def object_id(kind: str) -> str:
    """Draw an id of what is deployed: `ap-…`, `fu-…`, `cs-…`, `en-…`; also the shape of tokens."""
    return f"{kind}-" + "".join(random.SystemRandom().choices(string.ascii_letters + string.digits, k=22))
