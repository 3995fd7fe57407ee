from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from report_runs import result, sample

from pytest_modal_bench.model import Budget, Endpoint
from pytest_modal_bench.model.encoding import load
from pytest_modal_bench.report import json as json_report
from pytest_modal_bench.report.write import FORMATS
from pytest_modal_bench.run.journal import read
from pytest_modal_bench.run.record import RunRecord
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_modal_bench.model import Run


def endpoints(count: int) -> list[Endpoint]:
    return [
        Endpoint(id=f"e{n}", name=f"E{n}", path=f"/e{n}", app="app", url="", pool="", category="Images")
        for n in range(count)
    ]


def recording(directory: Path, **given: Any) -> RunRecord:
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    known = {"reports": (directory / "run.json",), "rounds": 3, "cold": "observe", "cold_rounds": 1}
    known["catalogue"] = directory / "endpoints.toml"
    return RunRecord(
        Settings(
            **unset | known | {"budget": Budget(), "quick": False, "auto": False, "strict": False} | given
        ),
        command="pytest --modal-bench",
    )


def finish(kept: RunRecord, endpoint_id: str) -> None:
    kept.results.keep(result(endpoint_id.upper(), samples=[sample("warm", 2.0)]))
    kept.results.end(endpoint_id, f"test[{endpoint_id}]", "passed")
    kept.changed(endpoint_id)


def journal_in(directory: Path) -> Run:
    (path,) = directory.glob("run.*.journal")
    return read(path.read_bytes())


def test_what_is_finished_is_in_the_journal_at_once(tmp_path: Path) -> None:
    kept = recording(tmp_path)
    kept.select(endpoints(3))
    finish(kept, "e1")
    assert [each.status for each in journal_in(tmp_path).results] == ["not_run", "success", "not_run"]


def test_a_run_that_ends_leaves_its_reports_and_no_journal(tmp_path: Path) -> None:
    kept = recording(tmp_path)
    kept.select(endpoints(1))
    finish(kept, "e0")
    run = kept.finish()

    assert (run.verdict, run.finished) == ("PASS", True)
    assert load((tmp_path / "run.json").read_bytes()) == run
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate.json", "run.json"]


def test_reports_are_rendered_as_often_as_costs_a_twentieth_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, renders = [0.0], []
    monkeypatch.setattr("pytest_modal_bench.run.record.time.monotonic", lambda: now[0])

    def slowly(run: Run) -> Iterable[bytes]:
        now[0] += 1.0
        renders.append(now[0])
        return json_report.pieces(run)

    monkeypatch.setitem(FORMATS, ".json", slowly)
    kept = recording(tmp_path)
    kept.select(endpoints(100))
    for number in range(100):
        now[0] += 2.0
        finish(kept, f"e{number}")

    assert len(renders) == pytest.approx(now[0] / 20, abs=2), "a second each, of about 200"


def test_a_short_run_renders_once_at_its_end(tmp_path: Path) -> None:
    kept = recording(tmp_path)
    kept.select(endpoints(2))
    finish(kept, "e0")
    assert not (tmp_path / "run.json").exists()
    kept.finish()
    assert (tmp_path / "run.json").exists()


def test_where_rendering_costs_nothing_every_endpoint_is_in_the_report_at_once(tmp_path: Path) -> None:
    kept = recording(tmp_path)
    kept.select(endpoints(2))
    kept._clock -= 1e6  # noqa: SLF001 - the run has lasted for days
    finish(kept, "e0")
    assert load((tmp_path / "run.json").read_bytes()).summary.successful == 1


def test_a_report_that_cannot_be_written_is_said_and_the_journal_stays(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    kept = recording(tmp_path)
    kept.select(endpoints(1))
    finish(kept, "e0")
    kept.finish()
    assert kept.unwritten is not None
    assert journal_in(tmp_path).summary.successful == 1


def test_a_directory_that_takes_no_journal_is_a_note_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = recording(tmp_path, reports=(tmp_path / "file" / "run.json",))
    kept.select(endpoints(1))
    finish(kept, "e0")
    assert any(note.startswith("no journal of this run: ") for note in kept.finish().notes)


def test_nothing_selected_leaves_nothing_behind(tmp_path: Path) -> None:
    recording(tmp_path).select([])
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_which_nothing_was_measured_is_an_error(tmp_path: Path) -> None:
    kept = recording(tmp_path)
    kept.select(endpoints(1))
    assert kept.finish().verdict == "ERROR"
