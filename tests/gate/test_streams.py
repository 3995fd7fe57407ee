from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from report_runs import sample, streamed

from pytest_modal_bench.gate.streams import why_unknown

if TYPE_CHECKING:
    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import Sample


def calls(**fields: Any) -> list[Sample]:
    return [sample(stream=streamed(**fields)), sample("warm", 9.0, ok=False, stream=streamed())]


@pytest.mark.parametrize(
    ("name", "samples", "why"),
    [
        ("ttft", [], "no warm call counts"),
        ("ttft", [sample(ok=False)], "no warm call counts"),
        ("ttft", [sample()], "its answer is no stream"),
        ("ttft", calls(), "when its outputs arrived is not known"),
        ("itl", calls(chunks=1), "no call had a second output"),
        ("itl", calls(chunks=2), "when its outputs arrived is not known"),
        ("tokens_per_sec", calls(output_tokens=None), "the server sends no usage, so tokens are not known"),
        ("tokens_per_sec", calls(output_tokens=1), "no call had a second token"),
        ("tokens_per_sec", calls(output_tokens=2), "its outputs arrived all at once"),
    ],
)
def test_the_reason_is_what_the_calls_that_were_answered_lack(
    name: Name, samples: list[Sample], why: str
) -> None:
    assert why_unknown(name, samples).startswith(why)
