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
_FINE = ("ok", "success", "200", "201", "202")
"""What a status says of a request that was taken."""
_FLAGS = ("queued", "accepted", "pending", "running")
_TEXTS = ("message", "msg", "detail", "info")
_LONGEST_STATUS = 40
_DEEPEST = 6


def is_accepted_only(value: object, ordered: Collection[str] = ()) -> bool:
    """Whether a decoded answer names work that goes on elsewhere, and holds nothing that came of it.

    `ordered` are the fields that the catalogue asks for: a plain `id` among them is what was asked for, but no job's.
    """
    return _names_work(value, frozenset(ordered), 0)


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
