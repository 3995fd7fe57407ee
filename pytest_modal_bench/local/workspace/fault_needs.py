"""Which faults an endpoint can have: a silent picture or a black job makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.local.workspace import shape_faults as shapes
from pytest_modal_bench.local.workspace.faults import Blank, Bomb, Echo, Still, TruncateMedia, WrongSize

if TYPE_CHECKING:
    from pytest_modal_bench.local.workspace.apps import Endpoint, Kind
    from pytest_modal_bench.local.workspace.faults import AnyFault

_NEEDS: dict[type[AnyFault], frozenset[Kind]] = {
    Blank: frozenset({"picture", "sound"}),
    WrongSize: frozenset({"picture"}),
    TruncateMedia: frozenset({"picture", "sound", "file"}),
    Bomb: frozenset({"picture"}),
    shapes.StreamError: frozenset({"text"}),
    shapes.Unfinished: frozenset({"text"}),
    shapes.CutEvent: frozenset({"text"}),
    shapes.Reset: frozenset({"stream"}),
    shapes.Dies: frozenset({"stream"}),
    shapes.NoOutput: frozenset({"stream"}),
    shapes.Unstreamed: frozenset({"text"}),
    shapes.Stall: frozenset({"stream"}),
    shapes.WrongText: frozenset({"text"}),
    shapes.FewTokens: frozenset({"text"}),
    shapes.WrongRate: frozenset({"sound"}),
    shapes.Stuck: frozenset({"job"}),
    shapes.JobFails: frozenset({"status job"}),
    shapes.NoId: frozenset({"job"}),
    shapes.Expired: frozenset({"job"}),
    shapes.AskingFails: frozenset({"job"}),
    shapes.NullResult: frozenset({"job"}),
    shapes.CutBase64: frozenset({"embedded"}),
    shapes.EmptyList: frozenset({"list"}),
    shapes.Fewer: frozenset({"list"}),
    shapes.HtmlInside: frozenset({"embedded"}),
    shapes.DeadUrl: frozenset({"links"}),
    shapes.NullImage: frozenset({"list"}),
    shapes.BadCrc: frozenset({"file"}),
    shapes.EmptyArchive: frozenset({"file"}),
}
"""What a fault needs one of; every endpoint can have the others."""


def reason_against(fault: AnyFault, endpoint: Endpoint) -> str | None:
    """Why an endpoint cannot have a fault; None: it can."""
    needed = _NEEDS.get(type(fault), frozenset())
    if needed and not needed & endpoint.kinds:
        return f"answers no {' or '.join(sorted(needed))}"
    needs_frames = isinstance(fault, Still) or (isinstance(fault, Blank) and fault.frames is not None)
    if needs_frames and not endpoint.is_animated:
        return "answers a still picture as it is"
    if isinstance(fault, Echo) and not endpoint.takes_media:
        return "takes no image or video that it could echo"
    return None
