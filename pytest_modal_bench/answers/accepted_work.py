"""Tells an answer that only says that work was accepted from one that holds the work's result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pytest_modal_bench.answers.json_results import ENVELOPES, holds_result, is_something, plain

if TYPE_CHECKING:
    from collections.abc import Collection

    Role = Literal["pending", "job", "envelope", "beside", "result"]

# Modal's ids (`fc-` is a function call's), UUIDs, and ids of 24 to 32 hexadecimal digits.
_ID = re.compile(
    r"(?:[a-z]{2,5}[-_](?=[A-Za-z]*\d)[0-9A-Za-z]{8,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,32})",
    re.IGNORECASE,
)
_MODAL_ID = re.compile(r"fc-\w{2,64}")
_JOBS = frozenset(
    f"{noun}{end}"
    for noun in (
        "call",
        "functioncall",
        "job",
        "task",
        "run",
        "prediction",
        "execution",
        "prompt",
        "queue",
        "work",
    )
    for end in ("id", "ids", "uuid", "token", "handle")
)
_IDS = frozenset(("id", "uuid", "requestid", "name", "token", "handle", "ref", "reference"))
_BESIDE = frozenset(
    (
        *(
            "status",
            "state",
            "jobstatus",
            "taskstatus",
            "phase",
            "statuscode",
            "code",
            "ok",
            "success",
            "accepted",
        ),
        *(
            "queued",
            "message",
            "msg",
            "detail",
            "info",
            "type",
            "object",
            "kind",
            "model",
            "version",
            "priority",
        ),
        *(
            "position",
            "queueposition",
            "queuesize",
            "queuelength",
            "number",
            "eta",
            "etasec",
            "progress",
            "percent",
        ),
        *(
            "estimatedtime",
            "waittime",
            "createdat",
            "submittedat",
            "startedat",
            "updatedat",
            "queuedat",
            "timestamp",
        ),
        *("time", "date", "createat", "created", "url", "urls", "links", "href", "statusurl", "responseurl"),
        *(
            "resulturl",
            "cancelurl",
            "pollurl",
            "pollingurl",
            "streamurl",
            "location",
            "webhook",
            "logs",
            "metrics",
        ),
        *(
            "error",
            "errors",
            "nodeerrors",
            "warnings",
            "input",
            "params",
            "parameters",
            "prompt",
            "seed",
            "meta",
        ),
        *("metadata", "requestid", "traceid", "completedat", "finishedat", "expiresat", "retryafter", "ttl"),
    )
)
_STATUS = frozenset(
    ("status", "state", "jobstatus", "jobstate", "taskstatus", "taskstate", "phase", "statusstr")
)
_PENDING = frozenset(
    (
        *(
            "queued",
            "enqueued",
            "pending",
            "running",
            "inprogress",
            "inqueue",
            "processing",
            "starting",
            "started",
        ),
        *(
            "submitted",
            "accepted",
            "scheduled",
            "waiting",
            "notready",
            "notstarted",
            "created",
            "initializing",
        ),
        *("preparing", "booting", "dispatched", "received", "executing", "working", "incomplete"),
    )
)
_PENDING_START = re.compile(r"(?:in_|job_|task_|state_)*(?:queue|progress|pending|running)", re.IGNORECASE)
_PENDING_MESSAGE = re.compile(
    r"\b(?:queued|enqueued|accepted|submitted|in progress|in the background)\b", re.IGNORECASE
)
_POLLED = frozenset(
    (
        *("retry", "retrying", "deferred", "delayed", "active", "paused", "throttled", "new", "queuing"),
        *("loading", "warmingup", "generating", "rendering", "ongoing", "unfinished", "inprocess", "busy"),
    )
)
"""What jobs that go on say as well when they are asked for; in other answers these words mean something else."""
_OVER = frozenset(
    f"{be}{word}" for be in ("", "is") for word in ("done", "ready", "finished", "completed", "complete")
)
_STILL = re.compile(
    r"\b(?:still|pending|processing|running|waiting|try again"
    r"|not (?:yet )?(?:ready|done|finished|complete|available))\b",
    re.IGNORECASE,
)
_TAKEN = ("ok", "200", "201", "202")
"""What a status says of the question alone, and not of the job."""
_ACCEPTED_CODE = 202
_FINE = ("ok", "success", "200", "201", "202")
"""What a status says of a request that was taken."""
_FLAGS = ("queued", "accepted", "pending", "running")
_TEXTS = ("message", "msg", "detail", "info")
_SUCCESS = "success"
_LONGEST_STATUS = 40
_DEEPEST = 6


def is_accepted_only(value: object, ordered: Collection[str] = ()) -> bool:
    """Whether a decoded answer names work that goes on elsewhere, and holds nothing that came of it.

    `ordered` are the fields that the catalogue asks for: a plain `id` among them is what was asked for, but no job's.
    """
    return _names_work(value, frozenset(ordered), 0)


def goes_on(value: object) -> bool | None:
    """Whether the answer to the question for a job says that the job goes on; None: it says neither this nor that.

    A status decides: what else there is may be a result so far.
    """
    return _goes_on(value, 0)


def _goes_on(value: object, depth: int) -> bool | None:
    if isinstance(value, str):
        return True if _is_pending_when_asked(value) else None
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    said = [_status_says(plain(name), held) for name, held in value.items()]
    if True in said or False in said:
        return True in said
    wrapped = [held for name, held in value.items() if plain(name) in ENVELOPES]
    inner = [
        _goes_on(each, depth + 1)
        for held in wrapped
        for each in (held if isinstance(held, list) else [held])
        if isinstance(each, dict)
    ]
    if True in inner or False in inner:
        return True in inner
    if any(plain(name) in _STATUS and plain(str(held)) == _SUCCESS for name, held in value.items()):
        return False
    texts = [held for name, held in value.items() if plain(name) in _TEXTS and isinstance(held, str)]
    waits = any(_PENDING_MESSAGE.search(text) or _STILL.search(text) for text in texts)
    return True if waits and not holds_result(value) else None


def _status_says(name: str, held: object) -> bool | None:
    """Whether a field says that a job goes on (True) or is over (False); None: neither."""
    if name in (*_STATUS, "statuscode", "code") and held == _ACCEPTED_CODE:
        return True
    if name in _STATUS and isinstance(held, str):
        if _is_pending_when_asked(held):
            return True
        return None if plain(held) in (*_TAKEN, _SUCCESS, "") else False
    if name in _FLAGS and held is True:
        return True
    return held is False if name in _OVER and isinstance(held, bool) else None


def _is_pending_when_asked(status: str) -> bool:
    return _is_pending(status) or plain(status) in _POLLED


def _names_work(value: object, ordered: frozenset[str], depth: int) -> bool:
    if isinstance(value, str):
        return bool(_ID.fullmatch(value.strip()) or _MODAL_ID.fullmatch(value.strip()))
    if depth > _DEEPEST:
        return False
    if isinstance(value, list):
        return bool(value) and all(_names_work(item, frozenset(), depth + 1) for item in value)
    return isinstance(value, dict) and _is_ticket(value, ordered, depth)


def _is_ticket(value: dict[str, object], ordered: frozenset[str], depth: int) -> bool:
    filled = {name: held for name, held in value.items() if is_something(held)}
    roles = {name: _role(name, held, ordered) for name, held in filled.items()}
    if "result" in roles.values():
        # More than a ticket; but of a job that still goes on nothing is a result that is not called one.
        named = any(plain(name) in _JOBS or plain(name) in _IDS for name in filled)
        return named and "pending" in roles.values() and not holds_result(value)
    inner = [held for name, held in filled.items() if roles[name] == "envelope"]
    if inner:
        return all(_names_work(each, frozenset(), depth + 1) for each in inner)
    return bool({"pending", "job"} & set(roles.values()))


def _role(written: str, held: object, ordered: frozenset[str]) -> Role:
    """What a field that holds something is for."""
    name = plain(written)
    role: Role = "beside" if name in _BESIDE else "result"
    if name in _STATUS and isinstance(held, str):
        role = "pending" if _is_pending(held) else "beside" if plain(held) in _FINE else "result"
    elif (name in _FLAGS and held is True) or (
        name in _TEXTS and isinstance(held, str) and _PENDING_MESSAGE.search(held)
    ):
        role = "pending"
    elif name in _JOBS or (isinstance(held, str) and _MODAL_ID.fullmatch(held.strip())):
        role = "job"
    elif name in _IDS:
        role = "job" if name in ("id", "uuid") and written not in ordered else "beside"
    elif name in ENVELOPES and isinstance(held, dict | list | str):
        role = "envelope"
    return role


def _is_pending(status: str) -> bool:
    return len(status) <= _LONGEST_STATUS and (
        plain(status) in _PENDING or bool(_PENDING_START.match(status.strip().replace(" ", "_")))
    )
