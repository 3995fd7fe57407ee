from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.catalogue import Catalogue, load
from pytest_modal_bench.run.preparation import Briefer

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = """
[resources]
lora = { id = "test-benchmark" }
[apps.one]
url = "https://one.modal.run"
[apps.two]
url = "https://two.modal.run"
[[endpoints]]
path = "/a"
app = "one"
category = "A"
[[endpoints]]
path = "/b"
app = "two"
category = "A"
payload = { lora_id = "{lora}" }
"""


class Settings:
    max_cost = None
    cold = "observe"


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    path = tmp_path / "endpoints.toml"
    path.write_text(CATALOGUE)
    return load(path, environ={})


def nothing_to_lend() -> Any:
    raise AssertionError("nothing is to be measured")


def briefer() -> Briefer:
    settings: Any = Settings()
    said: list[str] = []
    return Briefer(settings, lend=nothing_to_lend, say=said.append)


def test_at_the_beginning_nothing_has_been_called(catalogue: Catalogue) -> None:
    told = briefer().brief(catalogue, catalogue.endpoints, [])

    assert told == {"lora": "test-benchmark", "called_pools": (), "begun_pools": (), "probed": {}}


def test_a_worker_that_comes_later_is_told_which_pools_were_begun(catalogue: Catalogue) -> None:
    told = briefer().brief(catalogue, catalogue.endpoints, ["endpoints.toml::test_endpoint[a]"])

    assert told["called_pools"] == told["begun_pools"] == ("https://one.modal.run",)


def test_a_lora_without_a_probe_is_taken_to_exist_and_nobody_is_asked(catalogue: Catalogue) -> None:
    brief = briefer()
    brief.brief(catalogue, catalogue.endpoints, [])

    assert brief.lora_known is None
