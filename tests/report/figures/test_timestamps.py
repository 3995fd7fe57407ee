from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.report.figures.timestamps import moment, shown

NOON = datetime(2026, 2, 2, 12, 22, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    "timestamp",
    ["2026-02-02T12:22:58Z", "2026-02-02T12:22:58", "2026-02-02T14:22:58+02:00", "2026-02-02T07:52:58-04:30"],
)
def test_a_moment_is_the_same_however_it_is_written(timestamp: str) -> None:
    assert moment(timestamp) == NOON
    assert shown(timestamp) == "2026-02-02 12:22:58 UTC"


@pytest.mark.parametrize(
    "timestamp",
    ["", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"],
)
def test_what_is_no_moment_is_none(timestamp: str) -> None:
    assert moment(timestamp) is None


def test_what_cannot_be_read_is_shown_as_text_that_does_nothing() -> None:
    assert shown("| <b>now</b> |") == "&#124; &lt;b>now&lt;/b> &#124;"


@given(st.datetimes(timezones=st.just(UTC)))
def test_any_moment_is_read_back(when: datetime) -> None:
    assert moment(when.isoformat()) == when


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    assert "\n" not in shown(text)
