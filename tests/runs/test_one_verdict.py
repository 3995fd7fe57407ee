"""One verdict: exit code, JUnit, gate.json, report, comment and merge say the same, whatever it was that failed."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from prepared_interpreter import INTERPRETER

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project, Service

    from pytest_modal_bench.model import Status, Verdict

OWN = "def test_endpoint(measure_endpoint): measure_endpoint()\n"
"""What is collected without a test file, written down."""


class Way(NamedTuple):
    """A way in which the endpoint `/ok` may fail or not, and what must come of it; `/fine` passes beside it."""

    exit: int
    junit: str
    """What its test case in the JUnit file holds: the worst of its tests'."""
    status: Status
    verdict: Verdict
    reason: str
    tests: str = OWN
    args: tuple[str, ...] = ()
    catalogue: str = ""
    answers: tuple[int, ...] = ()
    """Statuses of its first answers; then 200."""
    needs: str | None = None
    """A module without which it can't be tried."""


WAYS = {
    "nothing": Way(0, "passed", "success", "PASS", ""),
    "answer": Way(1, "failure", "failed", "FAIL", "HTTP 500: boom", answers=(500,) * 9),
    "budget": Way(1, "failure", "success", "FAIL", "warm ", catalogue="budget = { max_warm = 0.000001 }"),
    "own check": Way(
        1,
        "failure",
        "success",
        "FAIL",
        "AssertionError: too dark",
        tests="def test_it(endpoint_result): assert endpoint_result.path != '/ok', 'too dark'\n",
    ),
    "own check in another test": Way(
        1,
        "failure",
        "success",
        "FAIL",
        "AssertionError: too dark",
        tests=OWN + "def test_it(endpoint_result): assert endpoint_result.path != '/ok', 'too dark'\n",
    ),
    "own check before it measures": Way(
        1,
        "failure",
        "failed",
        "FAIL",
        "AssertionError: no way",
        tests="def test_it(endpoint, measure_endpoint):\n"
        "    assert endpoint.path != '/ok', 'no way'\n"
        "    measure_endpoint()\n",
    ),
    "subtest": Way(
        1,
        "failure",
        "success",
        "FAIL",
        "AssertionError: too dark",
        tests="def test_it(endpoint_result, subtests):\n"
        "    with subtests.test('bright'):\n"
        "        assert endpoint_result.path != '/ok', 'too dark'\n"
        "    with subtests.test('large'):\n"
        "        assert endpoint_result.size_kb\n",
        needs="_pytest.subtests",
    ),
    "setup": Way(
        1,
        "error",
        "failed",
        "ERROR",
        "RuntimeError: broken",
        tests="import pytest\n@pytest.fixture\ndef mine(endpoint):\n    if endpoint.path == '/ok':\n"
        "        raise RuntimeError('broken')\ndef test_it(mine, endpoint_result): ...\n",
    ),
    "teardown": Way(
        1,
        "error",
        "success",
        "ERROR",
        "RuntimeError: broken",
        tests="import pytest\n@pytest.fixture\ndef mine(endpoint):\n    yield\n    if endpoint.path == '/ok':\n"
        "        raise RuntimeError('broken')\ndef test_it(mine, endpoint_result): ...\n",
    ),
    "xfail": Way(
        0,
        "skipped",
        "failed",
        "WARN",
        "expected to fail: known",
        tests="import pytest\n@pytest.mark.xfail(reason='known')\n" + OWN,
        answers=(500,) * 9,
    ),
    # To pytest, what is raised in a fixture is an error, the gate's failure in `endpoint_result` too.
    "xfail of one test, not of the other": Way(
        1,
        "error",
        "failed",
        "FAIL",
        "HTTP 500: boom",
        tests="import pytest\n@pytest.mark.xfail(reason='known')\n"
        + OWN
        + "def test_it(endpoint_result): ...\n",
        answers=(500,) * 9,
    ),
    "xfail that passes": Way(
        0, "passed", "success", "PASS", "", tests="import pytest\n@pytest.mark.xfail(reason='known')\n" + OWN
    ),
    "xfail that passes, strict": Way(
        1,
        "failure",
        "success",
        "FAIL",
        "[XPASS(strict)]",
        tests="import pytest\n"
        "def test_it(request, endpoint, measure_endpoint):\n"
        "    if endpoint.path == '/ok':\n"
        "        request.applymarker(pytest.mark.xfail(reason='known', strict=True))\n"
        "    measure_endpoint()\n",
    ),
    "rerun of an answer": Way(
        0, "passed", "success", "PASS", "", args=("--reruns=2",), answers=(500,), needs="pytest_rerunfailures"
    ),
    "rerun of an own check": Way(
        0,
        "passed",
        "success",
        "PASS",
        "",
        tests="import pathlib\n"
        "def test_it(endpoint, endpoint_result):\n"
        "    seen = pathlib.Path('seen-' + endpoint.id)\n"
        "    if not seen.exists():\n"
        "        seen.touch()\n"
        "        assert not 'too dark'\n",
        args=("--reruns=2",),
        needs="pytest_rerunfailures",
    ),
    "rerun in vain": Way(
        1,
        "failure",
        "failed",
        "FAIL",
        "HTTP 500: boom",
        args=("--reruns=1",),
        answers=(500,) * 9,
        needs="pytest_rerunfailures",
    ),
    "quarantine": Way(
        0,
        "skipped",
        "failed",
        "WARN",
        "in quarantine until 2999-01-01: flaky",
        catalogue='quarantine = { reason = "flaky", until = "2999-01-01" }',
        answers=(500,) * 9,
    ),
    "own check in quarantine": Way(
        0,
        "skipped",
        "success",
        "WARN",
        "in quarantine until 2999-01-01: flaky",
        tests="def test_it(endpoint_result): assert endpoint_result.path != '/ok', 'too dark'\n",
        catalogue='quarantine = { reason = "flaky", until = "2999-01-01" }',
    ),
    "quarantine that is over": Way(
        1,
        "failure",
        "success",
        "FAIL",
        "its quarantine ended on 2001-01-01 (flaky)",
        catalogue='quarantine = { reason = "flaky", until = "2001-01-01" }',
    ),
    "skip": Way(
        0,
        "skipped",
        "skipped",
        "SKIP",
        "Missing: LoRA file",
        catalogue='payload = { lora = "{lora}" }',
    ),
    "skip, strict": Way(
        1,
        "failure",
        "skipped",
        "FAIL",
        "strict: Missing: LoRA file",
        catalogue='payload = { lora = "{lora}" }',
        args=("--modal-bench-strict", "--modal-bench-quick"),
    ),
}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "spread"])
@pytest.mark.parametrize("name", WAYS)
def test_all_say_the_same(
    project: Project, service: Service, name: str, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    way = WAYS[name]
    if way.needs is not None:
        pytest.importorskip(way.needs)
    if way.needs == "pytest_rerunfailures":
        plugins = os.environ["PYTEST_ADDOPTS"].replace("-p no:rerunfailures", "")
        monkeypatch.setenv("PYTEST_ADDOPTS", plugins)
    service.statuses["/ok"] = list(way.answers)
    described = {} if "payload" not in way.catalogue else {"/ok": way.catalogue.partition("= ")[2]}
    file = project.catalogue(service.url, "/ok", "/fine", apps=2, payloads=described)
    if way.catalogue and not described:
        file.write_text(file.read_text().replace('path = "/ok"', f'path = "/ok"\n{way.catalogue}'))
    project.pytester.makepyfile(test_mine=way.tests)

    ran = project.run(
        "--modal-bench",
        "--modal-bench-rounds=1",
        "--junit-xml=junit.xml",
        "--modal-bench-report=run.json",
        "--modal-bench-report=run.md",
        "--modal-bench-report=run.comment.md",
        *way.args,
        *workers,
    )

    directory = project.pytester.path
    (ours,) = [each for each in project.report("run.json")["results"] if each["path"] == "/ok"]
    gate = project.report("gate.json")
    (judged,) = [each for each in gate["endpoints"] if each["path"] == "/ok"]
    seen = {
        "exit code": ran.ret,
        "JUnit": junit(directory),
        "status": ours["status"],
        "verdict": ours["verdict"],
        "gate.json": judged["verdict"],
        "run": (project.report("run.json")["verdict"], gate["verdict"]),
        "comment": next(
            row
            for row in (directory / "run.comment.md").read_text().splitlines()
            if row.startswith("| `ok` |")
        ),
        "merge": merged(directory),
    }
    assert seen["exit code"] == way.exit, seen
    assert seen["JUnit"] == (way.junit, {way.verdict}), seen
    assert (seen["status"], seen["verdict"], seen["gate.json"]) == (way.status, way.verdict, way.verdict), (
        seen
    )
    of_run = "PASS" if way.verdict == "SKIP" else way.verdict
    assert seen["run"] == (of_run, of_run), seen
    assert f" {way.verdict} " in f"{seen['comment']} ".replace(" (quarantined)", ""), seen
    assert seen["merge"] == (way.exit, of_run, way.verdict), seen
    if way.reason:
        assert any(reason.startswith(way.reason) for reason in judged["reasons"]), judged
    else:
        assert judged["reasons"] == []


_KINDS = ("failure", "error", "skipped", "passed")


def junit(directory: Path) -> tuple[str, set[str]]:
    """The worst that happened to the endpoint's test cases, and the verdicts that they name."""
    kinds, verdicts = {"passed"}, set()
    for case in ET.parse(directory / "junit.xml").iter("testcase"):  # noqa: S314 - pytest's own file
        if case.attrib["name"].endswith("[ok]") or "[ok] " in case.attrib["name"]:
            kinds |= {each.tag for each in case if each.tag in _KINDS}
            verdicts |= {
                each.attrib["value"] for each in case.iter("property") if each.attrib["name"] == "verdict"
            }
    return min(kinds, key=_KINDS.index), verdicts


def merged(directory: Path) -> tuple[int, str, str]:
    """What `merge` makes of the run alone: exit code, verdict of the run and of the endpoint."""
    code = INTERPRETER.command("merge", "run.json", "--report", "merged/run.json", cwd=directory)
    run: dict[str, Any] = json.loads((directory / "merged" / "run.json").read_text())
    (ours,) = [each for each in run["results"] if each["path"] == "/ok"]
    return code, run["verdict"], ours["verdict"]
