"""Values that no traceback shows: texts whose `repr` is `***`, and exceptions without the frames that held them."""

from __future__ import annotations

import functools
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MASK = "***"

_PACKAGE = __name__.partition(".")[0]
_PLACES = 3


class Secret(str):
    """A text whose `repr` says nothing. It is sent and compared as the text that it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Say nothing."""
        return MASK

    def strip(self, chars: str | None = None, /) -> Secret:
        """Return it without blanks around it; still a secret."""
        return Secret(super().strip(chars))


class Environment(Mapping[str, str]):
    """This process's environment variables. Their values are secrets, and its `repr` says nothing of them."""

    def __getitem__(self, name: str) -> Secret:
        """Return a variable's value. Raises KeyError."""
        if name not in os.environ:
            raise KeyError(name)
        return Secret(os.environ[name])

    def __iter__(self) -> Iterator[str]:
        """Yield the variables' names."""
        return iter(os.environ)

    def __len__(self) -> int:
        """Return how many variables there are."""
        return len(os.environ)

    def __repr__(self) -> str:
        """Say nothing."""
        return f"{type(self).__name__}({MASK})"


ENVIRONMENT = Environment()


def sealed(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that works with secrets: what it raises carries none of the frames below it.

    A traceback of pytest's shows each frame's variables (`--showlocals`), those of libraries included. The exception
    itself stays the same object, without what it came from; where an unexpected one was raised becomes a note.
    `repr` of the function's own arguments must say nothing secret.
    """

    @functools.wraps(function)
    def without_frames(*args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            _strip(error)
            raise

    return without_frames


def _strip(error: BaseException) -> None:
    if isinstance(error, Exception) and not type(error).__module__.startswith(_PACKAGE):
        steps = traceback.extract_tb(error.__traceback__)[-_PLACES:]
        places = (f"{Path(step.filename).name}:{step.lineno} in {step.name}" for step in steps)
        error.add_note(f"raised at {', '.join(places)} (frames left out: they may hold secrets)")
    error.__cause__ = error.__context__ = None
    error.__traceback__ = None
