"""Makes random ids that look like Modal's."""

from __future__ import annotations

import random
import string

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def identifier(kind: str) -> str:
    """Make an id for a container (`ta-01…`) or a call (`fc-01…`)."""
    return f"{kind}-01" + "".join(random.choices(_CROCKFORD, k=24))  # noqa: S311


def object_id(kind: str) -> str:
    """Make an id for an app (`ap-…`), function (`fu-…`), class (`cs-…`), environment (`en-…`), or for a token."""
    return f"{kind}-" + "".join(random.SystemRandom().choices(string.ascii_letters + string.digits, k=22))
