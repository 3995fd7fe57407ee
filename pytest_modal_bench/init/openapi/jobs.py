"""Which routes submit a job, and which others ask for it: told by the names of what they take and answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.init.openapi import media
from pytest_modal_bench.init.openapi.references import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.init.openapi.references import References
    from pytest_modal_bench.init.openapi.routes import Route

_JOBS = frozenset(
    {"job", "task", "call", "prediction", "request", "run", "generation", "operation", "poll", "queue"}
)
_STATES = frozenset({"status", "state", "progress", "poll"})
_RESULTS = frozenset({"result", "results", "output", "outputs", "download"})
_SUBMITTING = frozenset(
    {"submit", "enqueue", "spawn", "async", "queue", "schedule", "job", "jobs", "task", "tasks"}
)


class Asking(NamedTuple):
    """How a job is asked for."""

    path: str
    """The poll's path, as a catalogue writes it."""
    result: str | None
    """Where the result is, if that is another route."""
    answers: Route
    """The route whose answer is the result."""
    told: bool
    """Whether the document says so; else it is a guess, from the routes' names."""


def find(routes: Iterable[Route], references: References) -> tuple[dict[Route, Asking], set[Route]]:
    """Return how the job of each route that submits one is asked for, and the routes that do the asking."""
    known = list(routes)
    asking = [route for route in known if _asks(route)]
    submitting = [route for route in known if route.method == "POST" and not route.path_parameters]
    found: dict[Route, Asking] = {}
    used: set[Route] = set()
    for route in submitting:
        fields = _fields(route, references)
        fitting = [(each, name) for each in asking if (name := _field(route, each, fields)) is not None]
        guessed = [] if fitting else _likely(route, asking, submitting)
        if fitting or guessed:
            found[route] = _asking(fitting or guessed, told=bool(fitting))
            used.update(each for each, _ in fitting or guessed)
    return found, used


def _asks(route: Route) -> bool:
    """Whether a route may be one that asks for a job: a GET whose path takes one thing, a job's id."""
    if route.method != "GET" or len(route.path_parameters) != 1:
        return False
    own = {word.rstrip("s") for word in media.words(route.path)}
    return bool(own & (_JOBS | _STATES | {word.rstrip("s") for word in _RESULTS}))


def _fields(route: Route, references: References) -> list[str]:
    """The fields of what a route answers."""
    return [*table(references.plain(route.answers_json).get("properties"))]


def _likely(route: Route, asking: list[Route], submitting: list[Route]) -> list[tuple[Route, str]]:
    """The routes that may ask for the job of one whose answer is not described; the field is called as they call it.

    They lie below its own path; or it says that it only submits, and they take the same, and lie below no other's.
    """
    if table(route.answers_json).keys() - {"title", "type", "additionalProperties"}:
        return []
    own = [each for each in asking if _lies_below(each, route)]
    if not own and (route.accepted or _SUBMITTING.intersection(route.words)):
        own = [each for each in asking if not any(_lies_below(each, other) for other in submitting)]
    taken = {each.path_parameters[0] for each in own}
    return [(each, each.path_parameters[0]) for each in own] if len(taken) == 1 else []


def _lies_below(asking: Route, route: Route) -> bool:
    return asking.path.startswith(f"{route.path.rstrip('/')}/") and route.path.strip("/") != ""


def _field(route: Route, asking: Route, fields: list[str]) -> str | None:
    """The field of the submission's answer that the asking route takes; None: there is none."""
    wanted = asking.path_parameters[0]
    for name in fields:
        if _bare(name) == _bare(wanted):
            return name
    return (
        "id"
        if "id" in fields and (_lies_below(asking, route) or _bare(wanted) in {f"{job}id" for job in _JOBS})
        else None
    )


def _asking(fitting: list[tuple[Route, str]], *, told: bool) -> Asking:
    states = [each for each in fitting if _STATES.intersection(media.words(each[0].path))]
    results = [each for each in fitting if _RESULTS.intersection(media.words(each[0].path))]
    others = [each for each in fitting if each not in results]
    state = (states or others or results)[0]
    below = [each for each in others if each not in states and _lies_below(each[0], state[0])]
    result = (results or below or [state])[0]
    return Asking(
        path=_template(*state),
        result=_template(*result) if result != state else None,
        answers=result[0],
        told=told,
    )


def _template(route: Route, field: str) -> str:
    return route.path.replace(f"{{{route.path_parameters[0]}}}", f"{{{field}}}")


def _bare(name: str) -> str:
    return "".join(media.words(name))
