from __future__ import annotations

import pytest

from pytest_modal_bench.local.containers.autoscaler import Autoscaler
from pytest_modal_bench.local.workspace.apps import MAX_CONTAINERS, App

DEPLOYED = Autoscaler.deployed(App(endpoints={}, enter=0))


def test_apps_are_deployed_to_scale_to_zero() -> None:
    expected = Autoscaler(min_containers=0, max_containers=3, buffer_containers=0, scaledown_window=300)
    assert expected == DEPLOYED


def test_only_what_is_changed_changes() -> None:
    changed = DEPLOYED.with_changes({"scaledown_window": 2})
    assert changed.scaledown_window == 2
    assert changed.max_containers == 3
    assert DEPLOYED.scaledown_window == 300


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scaledown_window": 1}, "between 2 and 3600"),
        ({"scaledown_window": 3601}, "between 2 and 3600"),
        ({"min_containers": 4}, "cannot be greater than `max_containers`"),
        ({"max_containers": 0, "min_containers": MAX_CONTAINERS + 1}, "at most 10 containers"),
        ({"buffer_containers": MAX_CONTAINERS + 1}, "at most 10 containers"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        DEPLOYED.with_changes(changes)


def test_zero_is_no_bound_but_the_machines() -> None:
    assert DEPLOYED.upper_bound == 3
    assert DEPLOYED.with_changes({"max_containers": 0}).upper_bound == MAX_CONTAINERS
    assert DEPLOYED.with_changes({"max_containers": 1000}).upper_bound == MAX_CONTAINERS


@pytest.mark.parametrize(
    ("least", "buffer", "busy", "wanted"),
    [(0, 0, 0, 0), (0, 0, 2, 2), (2, 0, 0, 2), (2, 0, 1, 2), (0, 1, 0, 0), (0, 1, 1, 2), (0, 2, 2, 3)],
)
def test_so_many_are_kept_up(least: int, buffer: int, busy: int, wanted: int) -> None:
    settings = DEPLOYED.with_changes({"min_containers": least, "buffer_containers": buffer})
    assert settings.wanted(busy) == wanted
