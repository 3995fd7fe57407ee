"""What a call costs, from whatever is known of it, and how far that can be trusted. Unknown stays unknown."""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from pytest_modal_bench.model import CostBasis, Sample

_TABLE = Path(__file__).with_name("prices.toml")
_HOUR_SEC = 3600
_LIVE_GPU = "gpu_hour_cost_"

# GPUs as Modal calls them (https://modal.com/docs/guide/gpu), and as NVIDIA's driver and Modal's bill do. What may be
# one or the other, such as the driver's "NVIDIA A100" without its memory, is none of them.
_GPU_NAMES = {
    "T4": r"(NVIDIA-)?(TESLA-)?T4",
    "L4": r"(NVIDIA-)?L4",
    "A10": r"(NVIDIA-)?A10G?",
    "L40S": r"(NVIDIA-)?L40S",
    "A100-40GB": r"A100|(NVIDIA-)?A100(-SXM4|-PCIE)?-40GB",
    "A100-80GB": r"(NVIDIA-)?A100(-SXM4|-PCIE)?-80GB",
    "RTX-PRO-6000": r"RTX6000|(NVIDIA-)?RTX-PRO-6000(-BLACKWELL(-SERVER-EDITION)?)?",
    "H100": r"H100!|(NVIDIA-)?H100(-80GB(-HBM3)?)?",
    "H200": r"(NVIDIA-)?H200(-141GB(-HBM3E)?)?",
    "B200": r"(NVIDIA-)?B200",
}
_GPUS = re.compile(r"(?P<name>[^:]+)(?::(?P<count>[1-9][0-9]?))?")


class Factors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What prices are multiplied by."""

    broad: float
    """On all, for a broad region, such as `us`."""
    narrow: float
    """On all, for a narrow one, such as `us-east`."""
    nonpreemptible: float
    """On CPU and memory."""


class Rates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices in USD per second; None, or a GPU that is not there: not known."""

    gpu: dict[str, float]
    """By name, as Modal writes it: `A100-80GB`."""
    cpu: float | None
    """Of a physical core."""
    memory: float | None
    """Of a GiB."""
    factors: Factors
    source: str
    date: str
    """When they held: ISO 8601, as exact as it is known."""
    live: bool = False
    """Whether Modal named them for this workspace, instead of its pricing page for all."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a container is billed for; None: not known, and not in the price."""

    gpu: str | None = None
    """`L40S`, `L40S:2`, or a name as its driver has it, such as `NVIDIA L40S`."""
    cpu: float | None = None
    """Physical cores."""
    memory_gib: float | None = None
    region: Literal["broad", "narrow"] | None = None
    """None: not chosen."""
    nonpreemptible: bool = False


@functools.cache
def table() -> Rates:
    """The prices that come with this package: those of Modal's pricing page, at its date."""
    return msgspec.toml.decode(_TABLE.read_bytes(), type=Rates)


def from_live(mapping: Mapping[str, str | Decimal]) -> Rates:
    """Read what `modal billing rates` says today: USD per hour under keys such as `gpu_hour_cost_l40s`.

    What it does not say, or not as a number, is not known; the factors it never says are those of the table.
    """
    gpu: dict[str, float] = {}
    for key, price in mapping.items():
        per_second = _per_second(price)
        if key.startswith(_LIVE_GPU) and per_second is not None:
            gpu[_gpu_name(key.removeprefix(_LIVE_GPU))] = per_second
    return Rates(
        gpu=gpu,
        cpu=_per_second(mapping.get("cpu_hour_cost")),
        memory=_per_second(mapping.get("mem_gib_hour_cost")),
        factors=table().factors,
        source="modal billing rates",
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        live=True,
    )


def _per_second(per_hour: str | Decimal | None) -> float | None:
    try:
        price = float(per_hour) if per_hour is not None else math.nan
    except ValueError:
        return None
    return price / _HOUR_SEC if math.isfinite(price) and price >= 0 else None


def rate(machine: Machine, rates: Rates) -> float | None:
    """USD per second of `machine`, for those of its parts that are known.

    None: nothing is known of it, or a part that is known has no price.
    """
    gpu_usd = _gpu_rate(machine.gpu, rates)
    cpu_usd = _product(machine.cpu, rates.cpu)
    memory_usd = _product(machine.memory_gib, rates.memory)
    parts = ((machine.gpu, gpu_usd), (machine.cpu, cpu_usd), (machine.memory_gib, memory_usd))
    if all(part is None for part, _ in parts) or any(part is not None and usd is None for part, usd in parts):
        return None
    factors = rates.factors
    kept = factors.nonpreemptible if machine.nonpreemptible else 1.0
    chosen = {"broad": factors.broad, "narrow": factors.narrow, None: 1.0}[machine.region]
    return chosen * ((gpu_usd or 0.0) + kept * ((cpu_usd or 0.0) + (memory_usd or 0.0)))


def _gpu_rate(gpu: str | None, rates: Rates) -> float | None:
    found = _GPUS.fullmatch(gpu.strip()) if gpu is not None else None
    if found is None:
        return None
    return _product(rates.gpu.get(_gpu_name(found["name"])), float(found["count"] or 1))


def _gpu_name(text: str) -> str:
    """Return Modal's name of a GPU, or one that is not known as it is, in the same writing."""
    written = re.sub(r"[\s_-]+", "-", text.strip().upper())
    return next((name for name, known in _GPU_NAMES.items() if re.fullmatch(known, written)), written)


def _product(amount: float | None, price: float | None) -> float | None:
    return None if amount is None or price is None else amount * price


def of_call(sample: Sample, machine: Machine, rates: Rates) -> tuple[float | None, CostBasis | None, str]:
    """What a call cost in USD, whether that is measured or estimated, and in words what it rests on, or why not.

    In order of trust: the endpoint's own header, the provider's seconds, the server's own, and the client's, which
    are an upper bound: they hold queueing and the way there and back. Seconds are multiplied by `rates` or, where
    these are live and lack a price, by the table. `machine` is the one that served the call, as far as it is known.
    """
    if sample.cost_usd is not None:
        return sample.cost_usd, "measured", "the endpoint's own header"
    seconds, whose, caveat = _billed_sec(sample)
    if seconds is None:
        return None, None, whose
    per_second, prices = _priced(machine, rates)
    if per_second is None:
        return None, None, "no price for its machine" if machine != Machine() else "its machine is not known"
    named = "live rates" if prices.live else f"prices of {prices.date}"
    share = " of the GPU alone" if machine.cpu is None and machine.memory_gib is None else ""
    return seconds * per_second, "estimated", f"{whose} at {named}{share}{caveat}"


def _priced(machine: Machine, rates: Rates) -> tuple[float | None, Rates]:
    """What the machine costs in USD a second, and by which prices: the table's, where live ones lack one."""
    known = rate(machine, rates)
    if known is None and rates.live:
        return rate(machine, table()), table()
    return known, rates


def _billed_sec(sample: Sample) -> tuple[float | None, str, str]:
    """Return a call's seconds, whose they are, and what is to be said of them; or None, and why they are not known."""
    provider = sample.provider
    if provider is not None and provider.execution_sec is not None:
        return (provider.boot_sec or 0.0) + provider.execution_sec, "the provider's seconds", ""
    if sample.worked_sec is not None:
        # The start of its own container is billed as well, but a server can't see it.
        caveat = ", its container's start not included" if sample.start == "cold" else ""
        return sample.worked_sec, "the server's seconds", caveat
    if sample.ok:
        return sample.elapsed_sec, "the client's seconds", ", an upper bound"
    # Its container may never have started, or work on long after the client has left.
    return None, "nobody says how long a call that failed was worked on", ""


def idle_tail(scaledown_window_sec: float | None, machine: Machine, rates: Rates) -> float | None:
    """What a container costs in USD while it waits in vain for another call; None: not known."""
    return _product(scaledown_window_sec, _priced(machine, rates)[0])
