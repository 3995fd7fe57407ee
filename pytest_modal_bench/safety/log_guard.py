"""Log records, cleaned as they are made: of every logger, in every thread, before any handler sees them."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHHELD = "[withheld: it may hold a secret]"

# They log headers as HTTP/2 packs them, so that no text of a secret is there to be found.
_OPAQUE = ("hpack", "hyperframe", "h2")
_ALL = ("",)


class _Guard:
    def __init__(self, clean: Callable[[str], str], names: tuple[str, ...], *, opaque: bool) -> None:
        self._clean = clean
        self._names = names
        self._opaque = opaque

    def __repr__(self) -> str:
        return "<guard of log records>"

    def apply(self, record: logging.LogRecord) -> None:
        if self._opaque and _is_under(record.name, _OPAQUE):
            record.msg, record.args = WITHHELD, ()
        if not _is_under(record.name, self._names):
            return
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - a record that can't be formatted: logging says so itself, with its arguments
            record.msg, record.args = WITHHELD, ()
            return
        cleaned = self._clean(text)
        if cleaned != text:
            record.msg, record.args = cleaned, ()
        if record.exc_info is not None and self._holds_secret(record.exc_info):
            record.exc_info = record.exc_text = None

    def _holds_secret(self, exc_info: Any) -> bool:
        text = logging.Formatter().formatException(exc_info)
        return self._clean(text) != text


_guards: list[_Guard] = []
_lock = threading.Lock()
_factory_before: Callable[..., logging.LogRecord] = logging.LogRecord


def _make_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _factory_before(*args, **kwargs)
    for guard in tuple(_guards):
        guard.apply(record)
    return record


def _add(guard: _Guard) -> None:
    global _factory_before  # noqa: PLW0603 - logging has one factory for the process
    with _lock:
        _guards.append(guard)
        if logging.getLogRecordFactory() is not _make_record:
            if len(_guards) == 1:
                _factory_before = logging.getLogRecordFactory()
            logging.setLogRecordFactory(_make_record)


def _remove(guard: _Guard) -> None:
    with _lock:
        _guards.remove(guard)
        # Somebody else's factory may have been put on top of ours; then ours stays, and changes nothing.
        if not _guards and logging.getLogRecordFactory() is _make_record:
            logging.setLogRecordFactory(_factory_before)


@contextmanager
def guarding(clean: Callable[[str], str], *loggers: str) -> Iterator[None]:
    """Clean what these loggers and those under them say meanwhile; none named: all.

    A traceback that holds a secret is dropped.
    """
    guard = _Guard(clean, loggers or _ALL, opaque=False)
    _add(guard)
    try:
        yield
    finally:
        _remove(guard)


_for_good: set[object] = set()


def guard_for_good(clean: Callable[[str], str], key: object) -> None:
    """Clean what all loggers say from now on: a connection's threads may outlive it. Once for each `key`.

    What is logged of HTTP/2 frames is withheld altogether.
    """
    with _lock:
        if key in _for_good:
            return
        _for_good.add(key)
    _add(_Guard(clean, _ALL, opaque=True))


def _is_under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(not prefix or name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)
