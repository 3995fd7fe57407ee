from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from resolved_settings import NOWHERE, settings

from pytest_modal_bench.plugin.settings.checks import check_loads, check_places
from pytest_modal_bench.plugin.settings.session_inputs import catalogue

if TYPE_CHECKING:
    from project import Project


@pytest.mark.parametrize(
    "option", ["--modal-bench-report=file/a.md", "--modal-bench-save-outputs=file/answers"]
)
def test_what_lies_below_a_file_cannot_be_written(one: Project, option: str) -> None:
    (one.pytester.path / "file").touch()
    check_places(settings(one))

    with pytest.raises(pytest.UsageError) as caught:
        check_places(settings(one, option))

    assert "can't be written: " in str(caught.value)
    assert f"name another with {option.partition('=')[0]}=" in str(caught.value)


def test_a_load_of_the_catalogues_that_is_none_names_its_endpoint(project: Project) -> None:
    project.catalogue(NOWHERE, "/ok", more='[defaults]\nload = "much"')
    config = project.pytester.parseconfig()

    with pytest.raises(pytest.UsageError) as caught:
        check_loads(settings(project), catalogue(config))

    assert str(caught.value).startswith("endpoints.toml: /ok: load: ")
