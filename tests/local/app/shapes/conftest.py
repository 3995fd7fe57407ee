from __future__ import annotations

import pytest
from shape_apps import ShapeApp


@pytest.fixture
def chat() -> ShapeApp:
    return ShapeApp("chat")


@pytest.fixture
def speech() -> ShapeApp:
    return ShapeApp("speech")


@pytest.fixture
def jobs() -> ShapeApp:
    return ShapeApp("jobs")


@pytest.fixture
def images() -> ShapeApp:
    return ShapeApp("images")
