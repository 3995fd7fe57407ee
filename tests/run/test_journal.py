from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, run, sample

from pytest_modal_bench.model import Summary
from pytest_modal_bench.run.journal import Journal, JournalError, beside, is_journal, read

if TYPE_CHECKING:
    from pathlib import Path

BEGUN = run([result("A", status="not_run"), result("B", status="not_run")], finished=False)
DONE = result("A", samples=[sample("warm", 2.0)], verdict="PASS")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "reports" / "run.journal")


def test_it_holds_the_run_as_it_began_and_what_was_finished(journal: Journal) -> None:
    journal.begin(BEGUN)
    journal.add(DONE)

    known = read(journal.path.read_bytes())
    assert [(each.id, each.status) for each in known.results] == [("a", "success"), ("b", "not_run")]
    assert known.results[0] == DONE
    assert known.summary == Summary.of(known.results)
    assert (known.finished, known.verdict) == (False, None), "it says nothing of the whole"


def test_the_last_word_on_an_endpoint_counts(journal: Journal) -> None:
    journal.begin(BEGUN)
    journal.add(DONE)
    journal.add(result("A", verdict="FAIL", reasons=["too dark"]))
    assert read(journal.path.read_bytes()).results[0].verdict == "FAIL"


def test_a_line_is_one_write_of_its_own_size(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.begin(BEGUN)
    written: list[int] = []
    write = os.write

    def write_and_count(to: int, data: bytes) -> int:
        written.append(len(data))
        return write(to, data)

    monkeypatch.setattr(os, "write", write_and_count)
    journal.add(DONE)
    journal.add(DONE)
    assert len(written) == 2
    assert written[0] == written[1], "it does not grow with what came before"


@given(st.data())
def test_cut_anywhere_it_holds_all_that_was_written_whole(data: st.DataObject) -> None:
    lines = [
        b'{"journal":1,"run":%b}' % _json(BEGUN),
        *(b'{"result":%b}' % _json(each) for each in (DONE, DONE)),
    ]
    content = b"\n".join(lines) + b"\n"
    cut = data.draw(st.integers(len(lines[0]) + 1, len(content)))
    whole = content[:cut].count(b"\n") - 1
    assert read(content[:cut]).summary.successful == min(whole, 1)


def _json(value: object) -> bytes:
    import msgspec

    return msgspec.json.encode(value)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}\n", b'{"journal":1}\n', b'{"journal":99,"run":null}\n', b"\xff\n"]
)
def test_what_is_no_journal_is_said_in_one_line(content: bytes) -> None:
    with pytest.raises(JournalError, match="not a journal") as raised:
        read(content)
    assert "\n" not in str(raised.value)


def test_a_lone_surrogate_breaks_nothing(journal: Journal) -> None:
    journal.begin(BEGUN)
    journal.add(result("A", status="failed", error="\ud800"))
    assert read(journal.path.read_bytes()).results[0].error == "?"


def test_once_all_is_in_the_reports_it_goes_and_else_it_stays(journal: Journal, tmp_path: Path) -> None:
    journal.begin(BEGUN)
    journal.close(remove=False)
    assert journal.path.exists()
    other = Journal(tmp_path / "other.journal")
    other.begin(BEGUN)
    other.close(remove=True)
    assert not other.path.exists()


def test_it_never_takes_over_a_file_or_follows_a_link(journal: Journal, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("kept")
    journal.path.parent.mkdir()
    journal.path.symlink_to(target)
    with pytest.raises(OSError, match=r"exists|symbolic"):
        journal.begin(BEGUN)
    assert target.read_text() == "kept"


def test_it_lies_beside_the_first_report_under_a_name_of_its_own(tmp_path: Path) -> None:
    path = beside(tmp_path / "modal-bench-report.md", "2026-02-02T12:22:58+00:00", 4711)
    assert path == tmp_path / "modal-bench-report.20260202T122258-4711.journal"


def test_a_report_is_not_taken_for_a_journal(journal: Journal) -> None:
    journal.begin(BEGUN)
    assert is_journal(journal.path.read_bytes())
    assert not is_journal(b'{"schema": 1}')
