"""What the load benchmarks share: one load on one of their servers, made as a run makes it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.load import generators
from pytest_modal_bench.load.means import Means
from pytest_modal_bench.load.spec import parse
from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.run.settings import Settings
from pytest_modal_bench.run.spending import Spending

if TYPE_CHECKING:
    from pytest_modal_bench.model import Load


def made(url: str, spec: str, *, seed: str = "0", processes: int | None = None, keep: int = 0) -> Load:
    """Put the server at `url` under load. `keep`: how many calls are kept of a step."""
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    settings = Settings(**unset | {"cold": "off", "time_scale": 1.0, "auto": False})
    endpoint = Endpoint(
        id="target",
        name="Target",
        path="/",
        app="target",
        url=url,
        pool="target",
        category="Load",
        timeout=60.0,
        payload={"seed": "{seed}"},
    )
    means = Means(
        settings=settings,
        spending=Spending(settings, None, lambda: None),
        seed=seed,
        processes=processes,
        keep=keep,
    )
    return generators.run(endpoint, parse(spec), means)
