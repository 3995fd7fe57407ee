from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from project import SHIPPED_CATALOGUE

from pytest_modal_bench.model import Budget
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def made(path: Path, **changed: Any) -> Settings:
    plain: dict[str, Any] = {
        "quick": False,
        "workspace": None,
        "environment": None,
        "catalogue": path,
        "catalogue_asked_for": True,
        "rounds": 3,
        "timeout": None,
        "reports": (),
        "save_outputs": None,
        "max_cost": None,
        "strict": False,
        "baseline": None,
        "budget": Budget(),
        "generate": (),
        "cold": "observe",
        "cold_rounds": 1,
        "scenario": "healthy",
        "time_scale": 0.01,
    }
    return Settings(**plain | changed)


seconds = st.floats(min_value=0.001, max_value=86_400)


@given(
    timeout=seconds,
    cap=st.none() | seconds,
    scale=st.floats(min_value=0.001, max_value=10),
    local=st.booleans(),
)
def test_no_deadline_exceeds_the_cap_and_only_the_local_workspace_scales_it(
    timeout: float, cap: float | None, scale: float, local: bool
) -> None:
    given_settings = made(
        SHIPPED_CATALOGUE, timeout=cap, time_scale=scale, workspace="local" if local else "acme"
    )
    deadline = given_settings.deadline_sec(timeout)

    assert 0 < deadline <= (cap or 864_000)
    if not local:
        assert deadline == min(timeout, cap or timeout)
    elif cap is None:
        assert deadline >= min(timeout, 5), "a container starts in unscaled time"


def test_a_hop_counts_as_held_in_the_local_workspaces_own_time() -> None:
    assert made(SHIPPED_CATALOGUE).held_after_sec == 1
    assert made(SHIPPED_CATALOGUE, workspace="local", time_scale=0.001).held_after_sec == 0.075
    assert made(SHIPPED_CATALOGUE, workspace="local", time_scale=1).held_after_sec == 1
