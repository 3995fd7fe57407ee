"""What an answer says of a job: that it goes on, has failed or is done, and the fields that the next request needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
from msgspec import UNSET

from pytest_modal_bench.answers import accepted_work, reported_failures
from pytest_modal_bench.answers.json_results import MESSAGES, get, plain
from pytest_modal_bench.catalogue import jobs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_modal_bench.model import Poll

_ACCEPTED = 202
_LONGEST_FIELD = 4096
_MOST_NAMES = 12
_LONGEST_QUOTE = 100
_EXCEPTION = "exception_message"
_NO_TEXT = frozenset("\0\ufffd")
"""Where one of these is, bytes that are no text were decoded."""


class State(NamedTuple):
    """What became of a job, as an answer has it."""

    name: Literal["pending", "failed", "done"]
    words: str = ""
    """What the server says of its failure. They may hold several lines, and secrets."""


_PENDING, _DONE = State("pending"), State("done")


def state(said: object, status: int | None, poll: Poll, ordered: Collection[str] = ()) -> State:
    """Return what an answer of a `status` from 200 to 299 says of a job.

    `said` is what it was decoded to, UNSET if it is no JSON and no short text. The catalogue's own words come before
    the usual ones. `ordered` are fields that the catalogue expects in the result.
    """
    failure = reported_failures.find(said, ordered)
    words = _in_full(failure.words, said) if failure is not None else ""
    match _listed(said, poll.failed), _listed(said, poll.pending):
        case str(where), _:
            value = f"`{where}` is {_text(get(said, where))}"
            return State("failed", f"{value}: {words}" if words and words not in value else value)
        case _, str():
            return _PENDING
    goes_on = True if status == _ACCEPTED else accepted_work.goes_on(said)
    if failure is not None and not (goes_on and _is_mere_message(failure)):
        return State("failed", words or f"`{failure.where}` says so, and nothing gives a reason")
    if goes_on is not None:
        return _PENDING if goes_on else _DONE
    # An empty object says that there is nothing yet, as ComfyUI's history does; a bare id, that there is more to come.
    waits = said == {} or (accepted_work.is_accepted_only(said, ordered) and not _leads_on(said, poll))
    return _PENDING if waits else _DONE


def field(said: object, path: str) -> str | None:
    """Return the text or number at a dotted `path`, as text; None: there is none that can be asked with."""
    value = get(said, path)
    text = None if isinstance(value, bool) else _text(value)
    return text if text and text.strip() and len(text) <= _LONGEST_FIELD else None


def bare_id(said: object) -> str | None:
    """Return the id of a job that is all that an answer says, as text; None: it says something else."""
    if isinstance(said, int) and not isinstance(said, bool):
        return str(said)
    return said.strip() if isinstance(said, str) and accepted_work.is_accepted_only(said) else None


def lack(said: object, path: str) -> str:
    """Say what there is in the place of a `path` that has no text and no number to ask with."""
    value = get(said, path)
    if value is UNSET:
        return f"has no `{path}`: {_described(said)}"
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return f"has a field `{path}` that is {'too long' if str(value).strip() else 'empty'}"
    return f"has a field `{path}` that is {_described(value)}"


def _listed(said: object, wanted: Mapping[str, Collection[str]]) -> str | None:
    """Return the path whose value is one of those that the catalogue lists; upper and lower case are the same."""
    for path, values in wanted.items():
        text = _text(get(said, path))
        if text is not None and text.strip().lower() in {value.strip().lower() for value in values}:
            return path
    return None


def _leads_on(said: object, poll: Poll) -> bool:
    """Whether the answer names all that the catalogue needs of it to fetch the result."""
    if poll.result is None:
        return False
    fields = jobs.fields(poll.result)
    return bool(fields) and all(field(said, path) is not None for path in fields)


def _is_mere_message(failure: reported_failures.Failure) -> bool:
    """Whether all that sounds like a failure is a message, which a job that goes on may well have."""
    return plain(failure.where.rpartition(".")[2]) in MESSAGES


def _in_full(words: str, said: object) -> str:
    """The words of a failure, and the exception behind it: ComfyUI keeps it in a list of what has happened."""
    waiting = [said]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
            message = each.get(_EXCEPTION)
            if isinstance(message, str) and message.strip() and message not in words:
                return f"{words}: {message}" if words else message
    return words


def _text(value: object) -> str | None:
    """A value as a text: numbers and `true` as JSON writes them; None: it is none of these."""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode() if isinstance(value, int | float) else None


def _described(value: object) -> str:
    if isinstance(value, dict):
        names = list(value)
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"an object with {', '.join(names[:_MOST_NAMES])}{more}" if names else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str) and _NO_TEXT & set(value):
        return "neither JSON nor text"
    if isinstance(value, str):
        return f"the text {value[:_LONGEST_QUOTE]!r}" if value.strip() else "nothing"
    return "no JSON" if value is UNSET else msgspec.json.encode(value).decode()
