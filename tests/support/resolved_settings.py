"""What the options come to with which a project's pytest is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.plugin.settings.resolution import resolve

if TYPE_CHECKING:
    from project import Project

    from pytest_modal_bench.run.settings import Settings

NOWHERE = "http://127.0.0.1:9"


def settings(project: Project, *args: str) -> Settings:
    return resolve(project.pytester.parseconfig(*args))


def error(project: Project, *args: str) -> str:
    with pytest.raises(pytest.UsageError) as caught:
        settings(project, *args)
    text = str(caught.value)
    assert text.isprintable(), "not one line"
    return text
