from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

SERIAL = """\
endpoints.toml::test_endpoint[e0] PASSED                                 [ 25%]
endpoints.toml::test_endpoint[fail1] FAILED                              [ 50%]
endpoints.toml::test_endpoint[generate[large]] PASSED                    [ 75%]
endpoints.toml::test_endpoint[e2] PASS"""

SPREAD = (
    "endpoints.toml::test_endpoint[e0] \n"
    "endpoints.toml::test_endpoint[fail1] \n"
    "[gw0] [ 25%] PASSED endpoints.toml::test_endpoint[e0] \n"
    "[gw11] [100%] FAILED endpoints.toml::test_endpoint[fail1] \n"
    "[gw1] [ 50%] PASSED endpoints.toml::test_endpoint[generate[large]] \n"
    "[gw1] [ 75%] PASSED endpoints.toml::test_endpoint[e2"
)

SUMMARY = "\nFAILED endpoints.toml::test_endpoint[e9] - /e9: HTTP 500\n"


BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("kills")


@pytest.fixture
def growth(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "speed"))
    return importlib.import_module("growth")


@pytest.mark.parametrize("output", [SERIAL, SPREAD], ids=["alone", "spread"])
def test_an_endpoint_has_finished_when_its_outcome_is_written_whole(kills: Any, output: str) -> None:
    assert kills.finished(output) == {"e0", "fail1", "generate[large]"}
    assert kills.finished(SUMMARY) == set()


def test_a_report_knows_what_is_not_not_run(kills: Any) -> None:
    results = [{"id": "a", "status": "failed"}, {"id": "b", "status": "not_run"}]

    assert kills.in_report(json.dumps({"results": results}).encode()) == {"a"}


def journal(*results: tuple[str, str]) -> bytes:
    lines: list[dict[str, Any]] = [{"journal": 1, "run": {"results": [{"id": "z", "status": "not_run"}]}}]
    lines += [{"result": {"id": name, "status": status}} for name, status in results]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def test_a_journal_counts_as_far_as_it_was_written(kills: Any) -> None:
    content = journal(("a", "success"), ("b", "not_run"), ("c", "failed"))

    assert kills.in_journal(content) == {"a", "c"}
    assert kills.in_journal(content[:-1]) == {"a"}
    assert kills.in_journal(content[:20]) == kills.in_journal(b"") == set()


@pytest.mark.parametrize(
    "content", [b"{}\n", b"12\n", b"nonsense\n", journal() + b"{}\n", journal() + b"{\n{}\n"]
)
def test_what_is_no_journal_is_refused(kills: Any, content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any kind
        kills.in_journal(content)


def test_losses_are_counted_by_signal_and_mode(kills: Any) -> None:
    trials = [
        kills.Trial("serial", kills.signal.SIGKILL, finished=7, lost=["a", "b"]),
        kills.Trial("serial", kills.signal.SIGKILL, finished=3, killed=False),
    ]

    assert [each.good for each in trials] == [False, True]
    assert "| SIGKILL | serial | 2 | 1 | 10 | 2 | 0 | 0 |" in kills.table(trials)


def measured(growth: Any, size: int, who: str, seconds: float, mib: float) -> Any:
    used = importlib.import_module("apart").Usage(seconds, 0.0, mib)
    return growth.Measured(size, who, used, collecting_sec=seconds / 10)


def test_ours_is_held_against_plain_size_by_size(growth: Any) -> None:
    runs = [
        measured(growth, size, who, seconds * size, 50.0)
        for size in (1000, 100)
        for who, seconds in (("ours", 0.02), ("plain", 0.01), ("ours", 0.02), ("plain", 0.01))
    ]

    found = {each.key: each for each in growth.compared(runs)}

    assert found["growth-time-1000"].ours == [20.0, 20.0]
    assert found["growth-time-1000"].ratio("plain").median == pytest.approx(2.0)
    assert not found["growth-time-1000"].met
    assert found["growth-memory-100"].met


def test_growth_is_linear_where_one_more_endpoint_takes_the_same_in_every_size(growth: Any) -> None:
    runs = [
        measured(growth, size, who, 1.0 + 0.01 * size**power, 40.0 + 0.001 * size)
        for size in (100, 1000, 10_000)
        for who, power in (("ours", 1.5), ("plain", 1.0))
    ]

    found = {each.key: each for each in growth.linear(runs)}

    assert found["growth-linear-time"].peers == {"plain": [pytest.approx(1.0)]}
    assert found["growth-linear-time"].ours == [pytest.approx(10**0.5)]
    assert not found["growth-linear-time"].met
    assert found["growth-linear-memory"].ours == [pytest.approx(1.0)]
    assert found["growth-linear-memory"].met


def test_the_server_of_growth_answers_whatever_way_requests_are_cut(growth: Any) -> None:
    written: list[bytes] = []

    class Transport:
        write = staticmethod(written.append)

    connection = growth.Answering()
    connection.connection_made(Transport())
    request = b"POST /e1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
    other = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    for piece in (request[:30], request[30:-2], request[-2:] + other, request):
        connection.data_received(piece)

    assert [answer.split(b"\r\n")[0] for answer in written] == [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 404 Not Found",
        b"HTTP/1.1 200 OK",
    ]
    assert (growth.Answering.calls, growth.Answering.others) == (2, 1)
