"""What a process that measures can't know by itself. Crosses to a worker as built-in types."""

from __future__ import annotations

from msgspec import Struct

from pytest_modal_bench.model import Sample


class Preparation(Struct, frozen=True, kw_only=True):
    """What is handed over."""

    lora: str | None
    """The LoRA's id, if the workspace has it."""
    called_pools: tuple[str, ...]
    """Pools that have been called before: a cold start can't be observed there any more."""
    begun_pools: tuple[str, ...]
    """Pools of which a test has been begun before: it has forced their cold starts, if that was asked for."""
    previews: bool = True
    """Whether people are shown something of each endpoint's last answer."""
    base: Preparation | None = None
    """The same for what the endpoints are called in turn with; None: nothing."""
    probed: dict[str, Sample]
    """By endpoint id: the call that asked whether the LoRA exists. It is that endpoint's first sample, too; but time
    may pass before the next one, in which a container can stop, so that no call after it is warm at once."""
