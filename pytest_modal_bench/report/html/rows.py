"""Rows that are made as a template asks for them: those of many endpoints at a time would take much memory."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class Rows(Collection[T]):
    """As many rows as `length` says, made anew each time that they are gone through."""

    def __init__(self, make: Callable[[], Iterator[T]], length: int) -> None:
        self._make = make
        self._length = length

    def __iter__(self) -> Iterator[T]:
        """Make the rows."""
        return self._make()

    def __len__(self) -> int:
        """Return how many there are."""
        return self._length

    def __contains__(self, row: object) -> bool:
        """Whether a row equals one of them."""
        return any(each == row for each in self)
