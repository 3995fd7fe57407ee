from __future__ import annotations

import stat
from pathlib import Path

import pytest
from report_runs import HOSTILE, reference_run, result, run

from pytest_modal_bench.model.encoding import load
from pytest_modal_bench.report import benchmark_json, comment, gate_json, json, markdown
from pytest_modal_bench.report.html import page
from pytest_modal_bench.report.write import FORMATS, format_of, gate_beside, known, write


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


FORMAT_OF_NAME = {
    "report.md": markdown.render,
    "report.json": json.render,
    "report.html": page.render,
    "report.comment.md": comment.render,
    "report.benchmark.json": benchmark_json.render,
    "gate.json": gate_json.render,
    "v1.2.md": markdown.render,
    "a.comment.json": json.render,
    "a.benchmark.comment.md": comment.render,
    "comment.md": markdown.render,
}


@pytest.mark.parametrize("name", FORMAT_OF_NAME)
def test_each_suffix_has_its_format(tmp_path: Path, name: str) -> None:
    assert format_of(tmp_path / name) is not None
    write(reference_run(), [tmp_path / name])
    assert (tmp_path / name).read_text("utf-8") == FORMAT_OF_NAME[name](reference_run())
    assert files(tmp_path) == [name]


def test_the_known_suffixes_can_be_told() -> None:
    assert known() == ".md, .json, .html, .comment.md or .benchmark.json"
    assert all(format_of(Path(f"report{suffix}")) is FORMATS[suffix] for suffix in FORMATS)


def test_the_gates_file_stands_beside_the_first_report() -> None:
    assert gate_beside([Path("a/report.md"), Path("b/report.json")]) == Path("a/gate.json")


def test_parent_directories_are_made(tmp_path: Path) -> None:
    write(run(), [tmp_path / "a" / "b" / "report.md"])
    assert files(tmp_path) == ["a/b/report.md"]


def test_an_older_report_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    write(run(), [path])
    assert load(path.read_text()) == run()


def test_others_may_read_a_report_as_they_may_any_new_file(tmp_path: Path) -> None:
    write(run(), [tmp_path / "report.md"])
    (tmp_path / "any").touch()
    assert stat.S_IMODE((tmp_path / "report.md").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "any").stat().st_mode
    )


@pytest.mark.parametrize(
    "name", ["report.xml", "report", "report.md.gz", ".md", "report.comment", "report.MD"]
)
def test_an_unknown_suffix_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"known are \.md, \.json"):
        write(run(), [tmp_path / "report.md", tmp_path / name])
    assert files(tmp_path) == []


def test_a_failure_leaves_the_older_report_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.md"
    path.write_text("old")

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write(run(), [path])
    assert files(tmp_path) == ["report.md"]
    assert path.read_text() == "old"


def test_a_directory_in_the_way_is_an_os_error_without_leftovers(tmp_path: Path) -> None:
    (tmp_path / "report.md" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"report\.md"):
        write(run(), [tmp_path / "report.md"])
    assert files(tmp_path) == []


def test_hostile_text_is_always_encodable(tmp_path: Path) -> None:
    failed = [result(status="failed", error=text[:5000], warm_time_sec=1.0) for text in HOSTILE]
    write(run(failed), [tmp_path / f"report{suffix}" for suffix in FORMATS])
    assert len(load((tmp_path / "report.json").read_bytes()).results) == len(HOSTILE)
