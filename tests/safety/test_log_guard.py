from __future__ import annotations

import logging
import threading
from contextlib import ExitStack

import pytest

from pytest_modal_bench.safety.log_guard import guard_for_good, guarding
from pytest_modal_bench.safety.redaction import Redactor


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_every_logger_in_every_thread_is_cleaned_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    def log() -> None:
        logging.getLogger("made.only.now").debug("header %r", b"s3cret-value")

    with guarding(Redactor(["s3cret-value"]).clean):
        thread = threading.Thread(target=log)
        thread.start()
        thread.join()
    assert [record.getMessage() for record in caplog.records] == ["header b'[redacted]'"]
    log()
    assert "s3cret-value" in caplog.text


def test_loggers_under_a_named_one_are_cleaned_and_others_are_not(caplog: pytest.LogCaptureFixture) -> None:
    with guarding(Redactor(["s3cret-value"]).clean, "guarded"):
        for name in ("guarded", "guarded.child.of", "guardedby", "other"):
            logging.getLogger(name).info("s3cret-value")
    cleaned = [record.name for record in caplog.records if record.getMessage() == "[redacted]"]
    assert cleaned == ["guarded", "guarded.child.of"]


def test_what_holds_no_secret_is_left_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    with guarding(Redactor(["s3cret-value"]).clean):
        try:
            int("x")
        except ValueError:
            logging.getLogger("a").exception("GET %s", "/path")
    (record,) = caplog.records
    assert (record.msg, record.args) == ("GET %s", ("/path",))
    assert record.exc_info is not None


def test_a_record_that_cannot_be_formatted_is_withheld(caplog: pytest.LogCaptureFixture) -> None:
    with guarding(Redactor(["s3cret-value"]).clean):
        logging.getLogger("a").info("%d %d", "s3cret-value")  # noqa: PLE1206 - the mistake
    assert "s3cret-value" not in caplog.text


def test_guards_may_end_in_any_order(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    first, second = ExitStack(), ExitStack()
    first.enter_context(guarding(Redactor(["s3cret-value"]).clean))
    second.enter_context(guarding(Redactor(["another-one"]).clean))
    first.close()
    logging.getLogger("a").info("another-one")
    second.close()
    assert "another-one" not in caplog.text
    assert logging.getLogRecordFactory() is before


def test_packed_headers_are_withheld_for_good(caplog: pytest.LogCaptureFixture) -> None:
    guard_for_good(Redactor(["for-good-value"]).clean, "test")
    guard_for_good(Redactor(["for-good-value"]).clean, "test")
    logging.getLogger("hpack.hpack").debug("Encoded header block to %s", b"\x41\x8a\x08")
    logging.getLogger("h2x").debug("for-good-value and more")
    assert [record.getMessage() for record in caplog.records] == [
        "[withheld: it may hold a secret]",
        "[redacted] and more",
    ]
