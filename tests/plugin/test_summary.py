from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from report_runs import result, run

from pytest_modal_bench.catalogue import Catalogue, ResourcePaths
from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.plugin.summary import say_where, summarise


class Terminal:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.config = SimpleNamespace(invocation_params=SimpleNamespace(dir=Path("/project")))

    def write_sep(self, _: str, title: str) -> None:
        self.lines.append(title)

    def write(self, text: str, **_: Any) -> None:
        self.lines.append(text)

    def write_line(self, line: str, **_: Any) -> None:
        self.lines.append(line)


def catalogue(*categories: str) -> Catalogue:
    endpoints = tuple(
        Endpoint(
            id=f"e{number}",
            name="E",
            path="/",
            app="app",
            url="",
            pool="",
            category=category,
            needs=("image",),
        )
        for number, category in enumerate(categories)
    )
    return Catalogue(
        path=Path("endpoints.toml"),
        workspace=None,
        environment=None,
        apps={},
        endpoints=endpoints,
        resources=ResourcePaths(),
    )


def said(*args: Any) -> list[str]:
    terminal = Terminal()
    summarise(terminal, *args)  # type: ignore[arg-type]
    return terminal.lines


def test_where_nothing_is_selected_it_says_what_there_is() -> None:
    lines = said(None, catalogue("Video", "Face Consistency", "Flux"), {})
    assert lines[-2:] == [
        "a test that does not ask for `endpoint` has no place in a benchmark, and is left out",
        "there are, for -k: video, face-consistency, flux",
    ]


def test_where_categories_are_few_it_says_ids_too() -> None:
    assert said(None, catalogue("Video"), {})[-1] == "there are, for -k: video, e0"


def test_a_missing_resource_is_explained_if_an_endpoint_was_skipped_for_it() -> None:
    skipped = run([result("E0", status="skipped", skipped_reason="Missing: test image")])
    missing = {"image": "no such file", "video": "no such file"}
    lines = said(skipped, catalogue("Video"), missing)
    assert "test image: no such file" in lines
    assert "test video: no such file" not in lines
    assert lines[-1] == "nothing was measured: Missing: test image (1)"


def test_reports_are_named_as_short_as_they_are_and_those_not_written_with_the_reason() -> None:
    terminal: Any = Terminal()
    there, gone = Path("/project/run.md"), Path("/elsewhere/run.json")
    say_where(terminal, [there, gone], {gone: "/elsewhere: read-only"})
    assert terminal.lines == ["report not written: /elsewhere: read-only", "report: run.md"]
