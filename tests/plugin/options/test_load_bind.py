from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project


@pytest.mark.parametrize(
    "address", ["5557", "10.0.0.5", "10.0.0.5:0", "10.0.0.5:70000", ":5557", "host:port"]
)
def test_what_is_no_address_is_one_line(project: Project, address: str) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")

    assert project.usage_error("--modal-bench", f"--modal-bench-load-bind={address}") == (
        f"--modal-bench-load-bind: expected HOST:PORT, such as 10.0.0.5:5557, got {address!r}"
    )
