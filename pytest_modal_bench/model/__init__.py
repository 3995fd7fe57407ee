"""The schema of what is measured: Endpoint, Sample, EndpointResult, Run, and nothing else.

A `Run` is exactly what the JSON report holds. Everywhere `None` (JSON `null`) means unknown, never zero.
Units are in the names: `_sec` seconds, `_usd` US dollars, `_bytes` bytes, `_kb` kibibytes (1024 bytes).
"""

from pytest_modal_bench.model.endpoint import (
    Budget,
    Endpoint,
    Expect,
    HistoryStart,
    Level,
    Need,
    Poll,
    Quarantine,
    Resource,
    StreamForm,
)
from pytest_modal_bench.model.load import Knee, Load, LoadCall, LoadMoment, LoadStep, StepKind
from pytest_modal_bench.model.preview import Preview
from pytest_modal_bench.model.result import (
    WORST_FIRST,
    Check,
    EndpointResult,
    OutcomeOfTest,
    Status,
    TestEnd,
    Verdict,
)
from pytest_modal_bench.model.run import SCHEMA, Run, Summary
from pytest_modal_bench.model.sample import (
    Cause,
    CostBasis,
    Decoded,
    Job,
    Media,
    MediaKind,
    Phases,
    Provider,
    Sample,
    Start,
    Streamed,
)

__all__ = [
    "SCHEMA",
    "WORST_FIRST",
    "Budget",
    "Cause",
    "Check",
    "CostBasis",
    "Decoded",
    "Endpoint",
    "EndpointResult",
    "Expect",
    "HistoryStart",
    "Job",
    "Knee",
    "Level",
    "Load",
    "LoadCall",
    "LoadMoment",
    "LoadStep",
    "Media",
    "MediaKind",
    "Need",
    "OutcomeOfTest",
    "Phases",
    "Poll",
    "Preview",
    "Provider",
    "Quarantine",
    "Resource",
    "Run",
    "Sample",
    "Start",
    "Status",
    "StepKind",
    "StreamForm",
    "Streamed",
    "Summary",
    "TestEnd",
    "Verdict",
]
