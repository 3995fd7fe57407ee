from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from controller_parts import NOWHERE, Parts
from execnet import dumps, loads
from msgspec import convert
from project import ROOT

from pytest_modal_bench.local.launch import LaunchError
from pytest_modal_bench.model import Resource
from pytest_modal_bench.plugin.controller import equipment

if TYPE_CHECKING:
    from project import Project

PORTRAIT, MASK = (ROOT / "fixtures" / name for name in ("portrait.png", "mask.png"))
IMAGE = f'[resources]\nimage = "{PORTRAIT}"'
LOCAL_URL = "http://127.0.0.1:19"


class Closing:
    """Is an observer as far as its end goes."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def workspace(**given: Any) -> Any:
    """Return what stands in for a local workspace, which would be a process of its own."""
    known = {
        "urls": {"app0": LOCAL_URL},
        "resources": {"image": PORTRAIT.read_bytes(), "video": b"no video", "mask": None},
        "control": None,
        "simulated": "times are simulated",
        "close": lambda: None,
    }
    return SimpleNamespace(**known | given)


def opened(project: Project, *args: str, more: str = "", measures: bool = True) -> Parts:
    project.catalogue(NOWHERE, "/a", more=more)
    parts = Parts(project, *args, measures=measures)
    parts.equipment.open()
    return parts


def test_what_measures_has_the_test_resources_that_there_are(project: Project) -> None:
    parts = opened(project, more=f'{IMAGE}\nvideo = "gone.mp4"')

    assert {*parts.equipment.found} == {"image"}
    assert parts.measurer is not None
    assert parts.measurer.found == parts.equipment.found
    assert (parts.record.workspace, parts.record.simulated) == ("acme", None)


def test_a_limit_has_a_ledger_that_all_processes_of_the_run_share_and_without_one_nothing_is_made(
    project: Project,
) -> None:
    without = opened(project)
    assert without.equipment.ledger is None
    assert not without.shared.exists()

    limited = opened(project, "--modal-bench-max-cost=1")
    assert limited.equipment.ledger is not None
    assert limited.equipment.ledger.path.parent == limited.shared
    assert limited.measurer is not None
    assert limited.measurer.spending.ledger is limited.equipment.ledger


def test_the_local_workspace_says_where_it_is_called_and_which_test_resources_there_are(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    monkeypatch.setattr(
        equipment, "launch", lambda *_, **__: workspace(close=lambda: closed.append("workspace"))
    )
    parts = opened(project, "--modal-bench-workspace=local", more=f'[resources]\nmask = "{MASK}"')

    assert [each.url for each in parts.collection.endpoints.values()] == [LOCAL_URL]
    assert {*parts.equipment.found} == {"image"}, "it has no mask"
    assert [note.partition(":")[0] for note in parts.notes()] == ["test video"]
    assert (parts.record.workspace, parts.record.simulated) == ("local", "times are simulated")
    assert parts.measurer is not None
    assert parts.measurer.simulated == "times are simulated"

    assert closed == []
    parts.config._ensure_unconfigure()  # noqa: SLF001 - the session ends
    assert closed == ["workspace"]


def test_what_cannot_be_opened_is_a_mistake_of_who_called_pytest(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise LaunchError("no such scenario")

    monkeypatch.setattr(equipment, "launch", refuse)
    with pytest.raises(pytest.UsageError, match="no such scenario"):
        opened(project, "--modal-bench-workspace=local")
    with pytest.raises(pytest.UsageError, match=r"apps\.app0: function: missing"):
        opened(project, "--modal-bench-cold=force", "--modal-bench-environment=dev")


def test_what_crosses_to_a_worker_is_of_built_in_types_and_has_the_files_in_it(project: Project) -> None:
    parts = opened(project, "--modal-bench-max-cost=1", more=IMAGE, measures=False)
    crossed = loads(dumps(parts.equipment.crossing()))

    assert crossed["urls"] == {"app0": NOWHERE}
    assert convert(crossed["found"], dict[str, Resource]) == parts.equipment.found
    assert crossed["found"]["image"]["data"] == PORTRAIT.read_bytes()
    assert parts.equipment.ledger is not None
    assert crossed["ledger"] == str(parts.equipment.ledger.path)
    assert (crossed["credentials"], crossed["base"], crossed["simulated"]) == (None, None, None)


def test_who_measures_lends_the_measurer_that_there_is(project: Project) -> None:
    parts = opened(project)
    assert parts.measurer is not None
    observer: Any = Closing()
    parts.measurer.observer = observer
    with parts.equipment.lend() as lent:
        assert lent is parts.measurer

    assert not observer.closed


def test_a_controller_of_workers_makes_one_for_the_occasion_and_closes_it(project: Project) -> None:
    parts = opened(project, "--modal-bench-max-cost=1", more=IMAGE, measures=False)
    observer: Any = Closing()

    def use() -> None:
        with parts.equipment.lend() as lent:
            assert lent.found == parts.equipment.found
            assert lent.spending.ledger is parts.equipment.ledger
            lent.observer = observer
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert observer.closed == 1


def test_what_is_called_in_turn_is_called_by_a_measurer_beside_it(project: Project) -> None:
    file = project.catalogue("https://acme{environment_suffix}--app0.modal.run", "/a")
    parts = Parts(project, "--modal-bench-against=staging")
    parts.equipment.open()

    assert parts.measurer is not None
    assert parts.measurer.base is not None
    assert parts.measurer.counterparts["a"].url == "https://acme-staging--app0.modal.run"
    assert parts.equipment.crossing()["base"]["urls"] == {"app0": "https://acme-staging--app0.modal.run"}
    assert file.exists()
