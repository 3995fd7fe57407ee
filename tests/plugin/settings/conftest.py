from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from resolved_settings import NOWHERE

if TYPE_CHECKING:
    from project import Project


@pytest.fixture
def one(project: Project) -> Project:
    """A project with one catalogue."""
    project.catalogue(NOWHERE, "/ok")
    return project
