from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.catalogue import CatalogueError, load
from pytest_modal_bench.model import Budget, Endpoint, HistoryStart, Level, Quarantine

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
{top}
[apps.shop]
url = "https://shop.modal.run"
[[endpoints]]
path = "/film"
app = "shop"
category = "Video"
{film}
[[endpoints]]
path = "/image"
app = "shop"
category = "Image"
"""


def endpoints(tmp_path: Path, top: str = "", film: str = "") -> dict[str, Endpoint]:
    path = tmp_path / "endpoints.toml"
    path.write_text(BASE.format(top=top, film=film))
    return {endpoint.path: endpoint for endpoint in load(path).endpoints}


def error(tmp_path: Path, **given: Any) -> str:
    with pytest.raises(CatalogueError) as caught:
        endpoints(tmp_path, **given)
    return str(caught.value).removeprefix("endpoints.toml: ")


def test_without_any_nothing_is_limited(tmp_path: Path) -> None:
    film = endpoints(tmp_path)["/film"]

    assert (film.budget, film.quarantine, film.history) == (Budget(), None, None)


def test_the_most_specific_wins_metric_by_metric(tmp_path: Path) -> None:
    top = """
[budget]
max_warm = { warn = 4, fail = 5 }
min_success = 1
max_cost = 0.01
[budget.category."Video"]
max_warm = 60
max_cold = { warn = 100 }
"""
    found = endpoints(tmp_path, top, "budget = { max_cost = 0.1 }")

    assert found["/image"].budget == Budget(
        max_warm=Level(warn=4, fail=5), min_success=Level(fail=1), max_cost=Level(fail=0.01)
    )
    assert found["/film"].budget == Budget(
        max_warm=Level(fail=60), max_cold=Level(warn=100), min_success=Level(fail=1), max_cost=Level(fail=0.1)
    )


OF_STREAMS = (
    "max_ttft = 1\nmax_itl = { warn = 0.1, fail = 0.2 }\nmin_tokens_per_sec = { warn = 40, fail = 20 }"
)
WHOLE = Budget(
    max_ttft=Level(fail=1), max_itl=Level(warn=0.1, fail=0.2), min_tokens_per_sec=Level(warn=40, fail=20)
)


@pytest.mark.parametrize(
    "top",
    [
        f"[budget]\n{OF_STREAMS}",
        f'[budget.category."Video"]\n{OF_STREAMS}',
        (
            "[defaults]\nbudget = { max_ttft = 1, max_itl = { warn = 0.1, fail = 0.2 }, "
            "min_tokens_per_sec = { warn = 40, fail = 20 } }"
        ),
    ],
)
def test_what_holds_for_many_endpoints_holds_for_streams_alone_where_it_is_about_them(
    tmp_path: Path, top: str
) -> None:
    assert endpoints(tmp_path, top, 'stream = "openai"')["/film"].budget == WHOLE
    assert endpoints(tmp_path, top)["/film"].budget == Budget()


def test_pieces_of_a_file_are_no_tokens_and_have_no_budget_of_them(tmp_path: Path) -> None:
    found = endpoints(tmp_path, f"[budget]\n{OF_STREAMS}", 'stream = "bytes"')["/film"]

    assert found.budget == Budget(max_ttft=Level(fail=1), max_itl=Level(warn=0.1, fail=0.2))


def test_an_endpoints_own_budget_holds_whatever_its_answer_is(tmp_path: Path) -> None:
    film = "budget = { max_ttft = 2 }"

    assert endpoints(tmp_path, film=film)["/film"].budget == Budget(max_ttft=Level(fail=2))
    assert endpoints(tmp_path, f"[budget]\n{OF_STREAMS}", film)["/film"].budget == Budget(
        max_ttft=Level(fail=2)
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"top": "[budget]\nmax_worm = 5"}, "budget: max_worm: unknown field; did you mean max_warm?"),
        ({"top": "[budget]\nmax_warm = 0"}, "budget: max_warm: expected a number above 0"),
        (
            {"top": "[budget]\nmax_warm = true"},
            "budget: max_warm: expected a number, or { warn = …, fail = … }",
        ),
        ({"top": "[budget]\nmax_warm = {}"}, "budget: max_warm: expected warn, fail or both"),
        (
            {"top": "[budget]\nmax_warm = { warn = 5, fail = 4 }"},
            "budget: max_warm: warn comes before fail: it is the milder of the two",
        ),
        (
            {"top": "[budget]\nmin_success = { warn = 0.5, fail = 0.9 }"},
            "budget: min_success: warn comes before fail: it is the milder of the two",
        ),
        (
            {"top": "[budget]\nmin_tokens_per_sec = { warn = 20, fail = 40 }"},
            "budget: min_tokens_per_sec: warn comes before fail: it is the milder of the two",
        ),
        (
            {"top": "[budget]\nmin_tokens_per_sec = 0"},
            "budget: min_tokens_per_sec: expected a number above 0",
        ),
        ({"top": "[budget]\nmax_ttft = -1"}, "budget: max_ttft: expected a number above 0"),
        (
            {"top": "[budget]\nmax_itl = 'fast'"},
            "budget: max_itl: expected a number, or { warn = …, fail = … }",
        ),
        ({"top": "[budget]\nmax_p95 = 0"}, "budget: max_p95: expected a number above 0"),
        ({"top": "[budget]\nmax_errors = 1"}, "budget: max_errors: expected a share from 0 to below 1"),
        ({"top": "[budget]\nmin_success = 1.5"}, "budget: min_success: expected a share above 0 and up to 1"),
        (
            {"top": '[budget.category."Vidio"]\nmax_warm = 5'},
            "budget: category.Vidio: no endpoint is of it; did you mean Video?",
        ),
        (
            {"top": "[budget]\ncategory = 5"},
            'budget: category: expected tables, such as [budget.category."Video"]',
        ),
        ({"film": "budget = 5"}, "/film: budget: expected a table, such as { max_warm = 5 }"),
        ({"film": "quarantine = { reason = 'flaky' }"}, "/film: quarantine.until: missing field"),
        (
            {"film": "quarantine = { reason = '', until = '2026-12-31' }"},
            "/film: quarantine.reason: is empty",
        ),
        (
            {"film": "quarantine = { reason = 'flaky', until = 'soon' }"},
            "/film: quarantine.until: expected a day such as 2026-12-31",
        ),
        ({"film": "history = '2026-12-01'"}, "/film: history: expected a table, got a string"),
        ({"film": "history = { since = 2026-12-01 }"}, "/film: history.reason: missing field"),
        ({"film": "history = { reason = 'new model' }"}, "/film: history.since: missing field"),
        (
            {"film": "history = { since = 2026-12-01, raeson = 'new model' }"},
            "/film: history.raeson: unknown field; did you mean reason?",
        ),
        (
            {"film": "history = { since = 2026-12-01, reason = ' ' }"},
            '/film: history.reason: expected one line that says what was changed, such as "new model"',
        ),
        *(
            (
                {"top": f"[history]\nsince = {since}\nreason = 'new model'"},
                "history: since: expected a day such as 2026-12-01, or a time such as 2026-12-01T14:30:00Z",
            )
            for since in ("'soon'", "12:30:00", "20261201", "''")
        ),
        (
            {"top": "[history.category.'Vidio']\nsince = 2026-12-01\nreason = 'x'"},
            "history: category.Vidio: no endpoint is of it; did you mean Video?",
        ),
        (
            {"top": "[history]\ncategory = 5"},
            'history: category: expected tables, such as [history.category."Video"]',
        ),
    ],
)
def test_what_can_not_be_used_is_named(tmp_path: Path, given: dict[str, str], said: str) -> None:
    assert error(tmp_path, **given).startswith(said)


@pytest.mark.parametrize("until", ["'2026-12-31'", "2026-12-31"])
def test_a_quarantine_has_a_reason_and_a_last_day(tmp_path: Path, until: str) -> None:
    film = endpoints(tmp_path, film=f"quarantine = {{ reason = 'flaky driver', until = {until} }}")["/film"]

    assert film.quarantine == Quarantine(reason="flaky driver", until="2026-12-31")


@pytest.mark.parametrize(
    ("since", "known"),
    [
        ("2026-12-01", "2026-12-01"),
        ("'2026-12-01'", "2026-12-01"),
        ("2026-12-01T14:30:00Z", "2026-12-01T14:30:00Z"),
        ("2026-12-01T14:30:00", "2026-12-01T14:30:00Z"),
        ("'2026-12-01 16:30:00+02:00'", "2026-12-01T14:30:00Z"),
    ],
)
def test_a_history_begins_on_a_day_or_at_a_time_in_utc(tmp_path: Path, since: str, known: str) -> None:
    film = endpoints(tmp_path, film=f"history = {{ since = {since}, reason = 'new model' }}")["/film"]

    assert film.history == HistoryStart(since=known, reason="new model")


def test_what_was_changed_for_all_was_changed_for_each_so_the_latest_begin_counts(tmp_path: Path) -> None:
    top = """
[history]
since = 2026-10-01
reason = "new region"
[history.category."Video"]
since = 2026-12-01
reason = "new GPU"
"""
    found = endpoints(tmp_path, top, "history = { since = 2026-11-01, reason = 'new model' }")
    own = endpoints(tmp_path, top, "history = { since = 2026-12-01T00:00:01Z, reason = 'new model' }")

    assert found["/image"].history == HistoryStart(since="2026-10-01", reason="new region")
    assert found["/film"].history == HistoryStart(since="2026-12-01", reason="new GPU")
    assert own["/film"].history == HistoryStart(since="2026-12-01T00:00:01Z", reason="new model")


def test_a_case_and_the_defaults_may_say_where_a_history_begins(tmp_path: Path) -> None:
    top = "[defaults]\nhistory = { since = 2026-10-01, reason = 'new region' }"
    film = "cases.large = { history = { since = 2026-12-01, reason = 'larger' } }"
    path = tmp_path / "endpoints.toml"
    path.write_text(BASE.format(top=top, film=film))
    begins = {endpoint.id: endpoint.history for endpoint in load(path).endpoints}

    assert {id_: begin and begin.reason for id_, begin in begins.items()} == {
        "film": "new region",
        "film[large]": "larger",
        "image": "new region",
    }
