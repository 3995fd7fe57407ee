from __future__ import annotations

from typing import TYPE_CHECKING, Any

from report_runs import result, run, sample

from pytest_modal_bench.gate.baselines import History
from pytest_modal_bench.model import Endpoint, Resource
from pytest_modal_bench.plugin.outlook import outlook
from pytest_modal_bench.report.json import render
from pytest_modal_bench.run.inputs import payload_sha256

if TYPE_CHECKING:
    from pathlib import Path

FLUX = Endpoint(
    id="flux",
    name="Flux",
    path="/flux",
    app="app",
    url="http://127.0.0.1:9",
    pool="pool",
    category="Flux",
    payload={"image": "{image}"},
    needs=("image",),
)
PORTRAIT, LANDSCAPE = (Resource(data, "image/png", "image.png") for data in (b"portrait", b"landscape"))
TOO_FEW = "too little to compare flux with: fewer than "


def history(folder: Path, *, runs: int = 3, **fields: Any) -> History:
    """Return that of runs which sent the portrait."""
    folder.mkdir()
    for day in range(1, runs + 1):
        known = {"samples": [sample()], "payload_sha256": payload_sha256(FLUX, {"image": PORTRAIT})}
        text = render(run([result(**known | fields)], timestamp=f"2026-01-{day:02}T12:00:00Z"))
        (folder / f"{day:02}.json").write_text(text)
    return History.load(folder)


def said(of: History | None, simulated: str | None = None, **found: Resource) -> list[str]:
    return [*outlook(of, [FLUX], found, simulated)]


def test_without_a_history_there_is_nothing_to_say() -> None:
    assert said(None) == []


def test_enough_runs_of_the_same_request_need_no_word_and_too_few_are_named(tmp_path: Path) -> None:
    assert said(history(tmp_path / "many", runs=12), image=PORTRAIT) == []

    (line,) = said(history(tmp_path / "few", runs=1), image=PORTRAIT)
    assert line.startswith(TOO_FEW)


def test_earlier_runs_that_were_sent_something_else_are_none_to_compare_with(tmp_path: Path) -> None:
    (line,) = said(history(tmp_path / "history"), image=LANDSCAPE)

    assert line.startswith("nothing to compare flux with: 3 earlier runs had ")
    assert "payload" in line


def test_of_what_is_not_known_to_be_sent_no_other_request_is_told_apart(tmp_path: Path) -> None:
    (line,) = said(history(tmp_path / "history"))

    assert line.startswith(TOO_FEW)


def test_simulated_runs_are_compared_with_their_like_alone(tmp_path: Path) -> None:
    (line,) = said(history(tmp_path / "history"), "times are simulated", image=PORTRAIT)

    assert line.startswith("nothing to compare flux with: ")


def test_where_no_earlier_run_counts_only_that_is_said(tmp_path: Path) -> None:
    empty = history(tmp_path / "history", runs=0)

    assert (
        said(empty, image=PORTRAIT)
        == empty.notes
        == [f"no history yet: {tmp_path / 'history'} holds no report of an earlier run"]
    )
