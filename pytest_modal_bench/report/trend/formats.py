"""The formats of a trend, by the suffix of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report.trend import html, markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.report.trend.points import Trend
    from pytest_modal_bench.report.trend.reading import Folder

FORMATS: dict[str, Callable[[Folder, Sequence[Trend]], str]] = {".html": html.render, ".md": markdown.render}
