"""What every fault has in common."""

from __future__ import annotations

import msgspec


class Fault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """What goes wrong with every call of a path."""
