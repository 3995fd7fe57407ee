"""Where the next request for a job goes: the catalogue's path with what answers say put in, or their own address."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from pytest_modal_bench.answers import job_answers
from pytest_modal_bench.catalogue import jobs as templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.call.answer import Answer

_STEPS = (".", "..")


class TargetError(Exception):
    """The answers do not say what is needed; the message goes on from what answer it is that does not."""


class Read(NamedTuple):
    """An answer, and what it was decoded to."""

    said: object
    answer: Answer


class Target(NamedTuple):
    """Where a request goes."""

    address: str
    named_by: Answer | None
    """The answer that the address stood in, to which it may be relative; None: it is the catalogue's own."""


def by_location(submitted: Answer) -> Target:
    """Return the address in an answer's `Location`. Raises TargetError if it has none."""
    if submitted.location is None:
        raise TargetError("has no Location, and `poll` no path to ask at")
    return Target(submitted.location, submitted)


def filled_in(template: str, base_url: str, answers: Sequence[Read]) -> Target:
    """Fill in a `template` of the catalogue, each field from the first of the answers that has it.

    Where an answer is an id and nothing else, the only field of a template stands for it.
    A field at its beginning may be a whole address; any other is a part of a path, whatever stands in it. Raises
    TargetError for a field that no answer has, or that would lead out of the path.
    """
    paths = templates.fields(template)
    found = {path: _field(path, answers, alone=len(set(paths)) == 1) for path in paths}

    def part(path: str) -> str:
        text = found[path][0]
        if text in _STEPS:
            # Quoted or not, they are resolved before the request is sent.
            raise TargetError(f"has a field `{path}` that is `{text}`, which is no part of a path")
        return quote(text, safe="", errors="replace")

    if not template.startswith("{"):
        return Target(base_url.rstrip("/") + templates.fill(template, part), None)
    address, named_by = found[paths[0]]
    rest = template.removeprefix(f"{{{paths[0]}}}")
    return Target(address + templates.fill(rest, part), named_by)


def _field(path: str, answers: Sequence[Read], *, alone: bool) -> tuple[str, Answer]:
    for said, answer in answers:
        text = (job_answers.bare_id(said) if alone else None) or job_answers.field(said, path)
        if text is not None:
            return text, answer
    raise TargetError(job_answers.lack(answers[0].said, path))
