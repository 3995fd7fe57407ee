from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import FakeClient, answer
from msgspec import convert, structs

from pytest_modal_bench.catalogue import Catalogue, load
from pytest_modal_bench.cost.ledger import Ledger
from pytest_modal_bench.model import Budget
from pytest_modal_bench.run import inputs
from pytest_modal_bench.run.handover import Preparation
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.run.preparation import Preparer
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_modal_bench.call.answer import Answer

CATALOGUE = """
[resources]
lora = {lora}
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
payload = {{ lora_id = "{{lora}}" }}
"""


A, B = "https://one.modal.run", "https://two.modal.run"
LORA, PROBED_LORA = '{ id = "test-benchmark" }', '{ id = "test-benchmark", probe = "/b" }'


def settings(**changed: Any) -> Settings:
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    known = {"cold": "observe", "rounds": 3, "reports": (), "budget": Budget()}
    return Settings(**unset | known | changed)


def of(tmp_path: Path, lora: str) -> Catalogue:
    path = tmp_path / "endpoints.toml"
    path.write_text(CATALOGUE.format(lora=lora))
    return load(path)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return of(tmp_path, LORA)


@pytest.fixture
def probed(tmp_path: Path) -> Catalogue:
    """A catalogue that names an endpoint for asking whether the LoRA exists."""
    return of(tmp_path, PROBED_LORA)


def nothing_to_lend() -> Any:
    raise AssertionError("nothing is to be measured")


def preparer(
    lend: Callable[[], AbstractContextManager[Measurer]] = nothing_to_lend, **changed: Any
) -> tuple[Preparer, list[str]]:
    """A preparer, and what it says."""
    lines: list[str] = []
    return Preparer(settings(**changed), lend=lend, say=lines.append), lines


def lending(
    *answers: Answer, ledger: Ledger | None = None, **changed: Any
) -> tuple[FakeClient, Callable[[], AbstractContextManager[Measurer]]]:
    """What lends a measurer to which `answers` are given, and the client that gives them."""
    client = FakeClient({"/b": answers})

    @contextmanager
    def lend() -> Iterator[Measurer]:
        measurer = Measurer(settings(**changed), ledger)
        measurer.client = client  # type: ignore[assignment]
        yield measurer
        measurer.close()

    return client, lend


def prepared(by: Preparer, catalogue: Catalogue, begun: Sequence[str] = ()) -> Preparation:
    return convert(by.prepare(catalogue, catalogue.endpoints, begun), Preparation)


def test_what_is_called_in_turn_has_pools_of_its_own_and_says_itself_whether_it_has_the_lora(
    catalogue: Catalogue,
) -> None:
    by, _ = preparer()
    begun = catalogue.endpoints[0].id
    known = convert(by.prepare(catalogue, catalogue.endpoints, [begun], catalogue), Preparation)

    assert known.base is not None
    assert known.base.called_pools == known.base.begun_pools == known.begun_pools
    assert (known.base.lora, known.base.probed, known.base.previews) == ("test-benchmark", {}, False)


def test_at_the_beginning_nothing_has_been_called(catalogue: Catalogue) -> None:
    by, lines = preparer()

    assert by.prepare(catalogue, catalogue.endpoints, []) == {
        "lora": "test-benchmark",
        "called_pools": (),
        "begun_pools": (),
        "previews": True,
        "base": None,
        "probed": {},
    }
    assert lines == []


def test_of_a_run_that_fills_no_page_nothing_is_shown(catalogue: Catalogue) -> None:
    by, _ = preparer()
    selected = catalogue.endpoints[:1] * (inputs.MOST_SHOWN + 1)

    assert by.prepare(catalogue, selected[1:], [])["previews"]
    assert not by.prepare(catalogue, selected, [])["previews"]


def test_a_worker_that_comes_later_knows_which_pools_were_begun(catalogue: Catalogue) -> None:
    by, _ = preparer()
    known = prepared(by, catalogue, ["a"])

    assert known.called_pools == known.begun_pools == (A,)


def test_a_lora_without_a_probe_is_taken_to_exist_and_nobody_is_asked(catalogue: Catalogue) -> None:
    by, _ = preparer()
    prepared(by, catalogue)

    assert by.lora_known is None


def test_a_lora_that_the_catalogue_does_not_name_is_missing(catalogue: Catalogue) -> None:
    by, _ = preparer()
    without = structs.replace(catalogue, resources=structs.replace(catalogue.resources, lora=None))

    assert prepared(by, without).lora is None
    assert by.lora_known is False


def test_a_lora_that_is_found_is_known_and_its_call_is_handed_on_once(probed: Catalogue) -> None:
    client, lend = lending(answer(elapsed=30.0))
    by, lines = preparer(lend)
    known = prepared(by, probed)

    assert (by.lora_known, known.lora, lines) == (True, "test-benchmark", [])
    assert [(name, each.start, each.elapsed_sec) for name, each in known.probed.items()] == [
        ("b", "cold", 30.0)
    ]
    assert (known.called_pools, known.begun_pools) == ((B,), ())

    later = prepared(by, probed, ["b"])
    assert (later.probed, later.called_pools, later.begun_pools) == ({}, (B,), (B,))
    assert client.called == ["/b"]


def test_where_no_cold_start_is_looked_for_the_call_is_a_first_one(probed: Catalogue) -> None:
    _, lend = lending(answer(), cold="off")
    by, _ = preparer(lend, cold="off")

    assert prepared(by, probed).probed["b"].start == "first"


def test_a_lora_that_is_not_there_is_missing(probed: Catalogue) -> None:
    _, lend = lending(answer(status=404))
    by, _ = preparer(lend)
    known = prepared(by, probed)

    assert (by.lora_known, known.lora) == (False, None)
    assert [each.http_status for each in known.probed.values()] == [404]


def test_an_answer_that_says_nothing_of_the_lora_leaves_it_unknown(probed: Catalogue) -> None:
    _, lend = lending(answer(status=500))
    by, _ = preparer(lend)
    known = prepared(by, probed)

    assert (by.lora_known, known.lora, list(known.probed)) == (None, "test-benchmark", ["b"])


def test_nobody_is_asked_where_no_endpoint_that_runs_needs_the_lora(probed: Catalogue) -> None:
    by, _ = preparer()
    by.prepare(probed, probed.endpoints[:1], [])

    assert by.lora_known is None


def test_a_limit_that_prevents_the_call_is_mentioned_and_the_lora_unknown(
    probed: Catalogue, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "ledger", 1.0)
    with ledger.call(None) as entry:
        entry.spent(1.0)
    client, lend = lending(answer(), ledger=ledger, max_cost=1.0)
    by, lines = preparer(lend, max_cost=1.0)
    known = prepared(by, probed)
    foreseen, stopped = lines

    assert foreseen.startswith("expected cost of 8 calls: unknown")
    assert stopped.startswith("the spending limit of $1.00 is reached: $1.00 spent")
    assert (by.lora_known, known.probed, known.called_pools, client.called) == (None, {}, (), [])


def test_what_the_calls_may_cost_is_said_once_and_only_where_there_is_a_limit(catalogue: Catalogue) -> None:
    _, lend = lending(max_cost=0.5)
    by, lines = preparer(lend, max_cost=0.5)
    for _ in range(2):
        prepared(by, catalogue)

    (line,) = lines
    assert line.endswith("limit: $0.5")
