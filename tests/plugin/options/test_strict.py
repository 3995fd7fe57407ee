from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service

STRICT = "--modal-bench-strict"
QUICK = ("--modal-bench", "--modal-bench-quick")


def test_what_is_beyond_doubt_passes(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    result = project.run(*QUICK, STRICT)

    result.assert_outcomes(passed=1)
    assert result.ret == 0


def test_a_skipped_endpoint_fails(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok", "/swap", payloads={"/swap": '{ image = "{image:base64}" }'})
    lenient = project.run(*QUICK)
    lenient.assert_outcomes(passed=1, skipped=1)
    assert lenient.ret == 0

    strict = project.run(*QUICK, STRICT)
    strict.assert_outcomes(passed=1, failed=1)
    assert strict.ret == 1
    strict.stdout.fnmatch_lines(["*strict: Missing: test image*"])
    assert project.statuses() == {"/ok": "success", "/swap": "skipped"}, "what it did"
    assert [each["verdict"] for each in project.report()["results"]] == ["PASS", "FAIL"]
    assert "/swap" not in service.calls


def test_an_unverified_cold_start_fails(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.run("--modal-bench").assert_outcomes(passed=1)

    strict = project.run("--modal-bench", STRICT)
    strict.assert_outcomes(failed=1)
    strict.stdout.fnmatch_lines(
        ["*strict: cold start unverified: nothing proves that it met a new container*"]
    )
    (measured,) = project.report()["results"]
    assert (measured["status"], measured["verdict"]) == ("success", "FAIL")
    assert measured["warm_time_sec"] is not None, "what was measured is kept"


def test_an_answer_that_nobody_can_look_into_fails_unless_any_would_do(
    project: Project, service: Service
) -> None:
    service.answers["/ok"] = (200, b"%PDF-1.7\n%%EOF\n")
    payloads = {"/ok": '{ prompt = "a lake" }'}
    file = project.catalogue(service.url, "/ok", payloads=payloads)
    lenient = project.run(*QUICK)
    lenient.assert_outcomes(passed=1)
    line = "answer not checked: PDF is known by its beginning, and not looked into"
    (measured,) = project.report()["results"]
    assert (measured["verdict"], measured["notes"]) == ("PASS", [line])

    strict = project.run(*QUICK, STRICT)
    strict.assert_outcomes(failed=1)
    strict.stdout.fnmatch_lines([f"*strict: {line}*"])

    file.write_text(file.read_text() + '\nexpect = { kind = "any" }')
    project.run(*QUICK, STRICT).assert_outcomes(passed=1)


def test_an_answer_that_looks_cached_fails(project: Project, service: Service) -> None:
    service.answers["/ok"] = (200, b'{"url": "the same"}')
    project.catalogue(service.url, "/ok")
    project.run(*QUICK).assert_outcomes(passed=1)
    assert "✅ cached?" in (project.pytester.path / "modal-bench-report.md").read_text()

    strict = project.run(*QUICK, STRICT)
    strict.assert_outcomes(failed=1)
    strict.stdout.fnmatch_lines(["*strict: cached: 4 answers of 4 with the same bytes*"])


def test_a_catalogue_that_does_not_fit_the_app_fails(project: Project, service: Service) -> None:
    service.answers["/openapi.json"] = (200, json.dumps({"paths": {"/other": {}}}).encode())
    project.catalogue(service.url, "/ok")
    project.run(*QUICK).assert_outcomes(passed=1)
    assert project.report()["results"][0]["misfits"] == ["the app's /openapi.json knows no POST /ok"]

    strict = project.run(*QUICK, STRICT)
    strict.assert_outcomes(failed=1)
    strict.stdout.fnmatch_lines(["*strict: the app's /openapi.json knows no POST /ok*"])


def test_what_a_limit_kept_from_being_called_fails(project: Project, service: Service) -> None:
    service.headers["/ok1"] = {"X-Cost-USD": "1"}
    project.catalogue(service.url, "/ok1", "/ok2")
    project.run(*QUICK, "--modal-bench-max-cost=1").assert_outcomes(passed=1, skipped=1)

    strict = project.run(*QUICK, "--modal-bench-max-cost=1", STRICT)
    strict.assert_outcomes(failed=2)
    strict.stdout.fnmatch_lines(["*strict: warm inconclusive: the spending limit of $1.00 is reached*"])


def test_the_environment_may_ask_for_it_and_workers_hear_it(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answers["/ok1"] = (200, b'{"url": "the same"}')
    project.catalogue(service.url, "/ok1", "/ok2", apps=2)
    monkeypatch.setenv("MODAL_BENCH_STRICT", "true")
    result = project.run("--modal-bench", "-n2")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*strict: cold start unverified*; cached: *"])
