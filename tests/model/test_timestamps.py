from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.model.timestamps import moment

NOON = datetime(2026, 2, 2, 12, tzinfo=UTC)
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-02T12:00:00",
        "2026-02-02 12:00:00",
        "2026-02-02T12:00:00Z",
        "2026-02-02T12:00:00+00:00",
        "2026-02-02T14:00:00+02:00",
        "2026-02-02T01:30:00-10:30",
        "20260202T120000Z",
    ],
)
def test_it_is_in_utc_whatever_it_was_written_in(text: str) -> None:
    read = moment(text)

    assert read == NOON
    assert read.tzinfo is UTC


def test_a_day_begins_at_midnight() -> None:
    assert moment("2026-02-02") == datetime(2026, 2, 2, tzinfo=UTC)


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=offsets))  # noqa: DTZ001 - they get a zone
def test_any_moment_is_read_back_wherever_it_was_written(when: datetime) -> None:
    assert moment(when.isoformat()) == when


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-02-30",
        "2026-02-02T25:00:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_moment_or_one_that_utc_does_not_have_cannot_be_read(text: str) -> None:
    assert moment(text) is None


@given(st.text(st.characters()) | st.text("0123456789-:T+.Z WN"))
def test_no_text_is_an_error(text: str) -> None:
    read = moment(text)
    assert read is None or read.tzinfo is UTC
