from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from job_server import JobServer, said
from measure_answers import TIMEOUT, FakeClient, answer, endpoint, failure
from measure_server import answer as answer_of
from msgspec import to_builtins
from report_runs import sample

from pytest_modal_bench.call.causes import explain
from pytest_modal_bench.call.spool import SpoolError
from pytest_modal_bench.control.interface import CallRecord
from pytest_modal_bench.control.pool_observer import Before
from pytest_modal_bench.cost.ledger import Ledger
from pytest_modal_bench.cost.prices import table
from pytest_modal_bench.cost.pricing import Pricing
from pytest_modal_bench.model import Budget, Expect, Level, Poll
from pytest_modal_bench.run.handover import Preparation
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import Endpoint, EndpointResult, Sample

FINE = [answer()]
DOWN = failure("HTTP 404: modal-http: invalid function call", "not_deployed", status=404)


def settings(**given: Any) -> Settings:
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    asked = {"workspace": "acme", "rounds": 2, "cold": "observe", "cold_rounds": 1, "time_scale": 0.01}
    unset["budget"] = Budget()
    return Settings(**unset | asked | given)


class Process:
    """A process that measures, with a client that gives the answers it is made with."""

    def __init__(
        self, answers: Mapping[str, Sequence[Answer]], ledger: Ledger | None = None, **fields: Any
    ) -> None:
        self.client = FakeClient(dict(answers))
        self.measurer = Measurer(settings(**fields), ledger)
        self.measurer.client = self.client  # type: ignore[assignment]

    def prepare(
        self,
        *,
        lora: str | None = None,
        called: Sequence[str] = (),
        begun: Sequence[str] = (),
        probed: Mapping[str, Sample] | None = None,
    ) -> None:
        preparation = Preparation(
            lora=lora, called_pools=tuple(called), begun_pools=tuple(begun), probed=dict(probed or {})
        )
        self.measurer.prepare(to_builtins(preparation))

    def measure(self, path: str = "/flux", **fields: Any) -> EndpointResult:
        return self.measurer.measure(endpoint(path, **fields))

    @property
    def called(self) -> list[str]:
        return [path for path in self.client.called if path != "/openapi.json"]


class Observer:
    """A control plane with no container, whatever is asked; it forces what it is asked to.

    `seconds`: what its record of the call `fc-<n>` says that the call ran, the n-th of them.
    """

    notes: tuple[str, ...] = ()

    def __init__(
        self,
        gpu: str | None = None,
        rates: Mapping[str, str] | None = None,
        *,
        seconds: Sequence[float] = (),
        containers: int = 0,
    ) -> None:
        self.forced_endpoints: list[str] = []
        self.zeros = 0
        self.asked_rates = 0
        self._gpu = gpu
        self._rates = rates
        self._seconds = seconds
        self._containers = containers

    def of_pool(self, of: Endpoint) -> Observer:
        del of
        return self

    def before(self) -> Before:
        return Before((self._containers,) * 2, frozenset())

    def after(self) -> frozenset[str]:
        return frozenset({f"ta-{self.zeros}"})

    def records(self, call_ids: Sequence[str], *, questions: int = 0) -> dict[str, CallRecord]:
        del call_ids, questions
        return {
            f"fc-{number}": CallRecord(call_id=f"fc-{number}", execution_sec=seconds)
            for number, seconds in enumerate(self._seconds)
        }

    @contextmanager
    def forced(self, of: Endpoint) -> Iterator[Callable[[], None]]:
        self.forced_endpoints.append(of.id)

        def zero() -> None:
            self.zeros += 1

        yield zero

    def gpu(self, of: Endpoint) -> str | None:
        del of
        return self._gpu

    def deployed(self, of: Endpoint) -> str | None:
        return f"v3 of {of.deployed_app}"

    def rates(self) -> Mapping[str, str] | None:
        self.asked_rates += 1
        return self._rates

    def close(self) -> None:
        """There is nothing that is open."""


def starts(result: EndpointResult) -> list[str]:
    return [each.start for each in result.samples]


# --- One endpoint ---


def test_a_result_is_what_its_calls_add_up_to() -> None:
    process = Process({"/flux": [answer(elapsed=9.0), answer(elapsed=2.0), answer(elapsed=4.0)]})
    result = process.measure()

    assert (result.status, result.cold_time_sec, result.warm_time_sec) == ("success", 9.0, 3.0)
    assert (result.error, result.cause, result.meaning, result.remedy) == (None, None, None, None)
    assert result.media is not None
    assert result.media.kind == "text"


def test_the_last_answer_is_shown_also_after_a_second_measurement_that_shows_nothing() -> None:
    answers = [answer(b"one"), answer(b"two"), answer(b"three"), answer(b"four"), DOWN]
    process = Process({"/flux": answers}, rounds=3)
    result = process.measure()
    both = process.measurer.together(endpoint(), result, process.measurer.measure_again(endpoint()))

    assert [preview.text for preview in result.previews] == ["four"]
    assert result.previews[0].started_at == result.samples[-1].started_at
    assert both.previews == result.previews


def test_where_too_much_is_measured_nothing_is_shown() -> None:
    process = Process({"/flux": FINE})
    process.measurer.previews = False

    assert process.measure().previews == []


def test_a_result_says_which_deploy_answered_as_far_as_anyone_knows() -> None:
    process = Process({"/flux": FINE})
    assert process.measure().deployed is None
    process.measurer.observer = Observer()  # type: ignore[assignment]
    assert process.measure().deployed == "v3 of ryla-flux"


def test_a_failure_says_what_it_means_and_what_to_try() -> None:
    result = Process({"/flux": [failure("HTTP 500: boom", "application", status=500)]}).measure()
    explanation = explain("application", app="ryla-flux")

    assert (result.status, result.error, result.cause) == ("failed", "HTTP 500: boom", "application")
    assert (result.meaning, result.remedy) == (explanation.meaning, explanation.remedy)
    assert "ryla-flux" in (result.remedy or "")


def test_what_to_try_names_the_app_as_modal_does() -> None:
    process = Process({"/flux": [failure("HTTP 500: boom", "application", status=500)]})
    result = process.measure(app="mine", modal_app="ryla-media")

    assert result.app == "mine"
    assert "`modal app logs ryla-media`" in (result.remedy or "")
    process = Process({"/flux": [DOWN], "/wan": FINE})
    process.measure(app="mine", modal_app="ryla-media")
    assert "ryla-media" in (process.measure("/wan", app="mine", modal_app="ryla-media").remedy or "")


def test_an_answer_that_is_not_what_it_should_be_is_a_failure_and_explained() -> None:
    process = Process({"/flux": [answer(b"<html><body>oops")]})
    result = process.measure()

    assert (result.status, result.cause) == ("failed", "invalid_output")
    assert (result.meaning, result.remedy) == tuple(
        getattr(explain("invalid_output", app="ryla-flux"), name) for name in ("meaning", "remedy")
    )
    assert process.called == ["/flux"], "the first failure ends it"


def test_a_request_that_cannot_be_built_fails_without_a_call() -> None:
    process = Process({"/flux": FINE})
    result = process.measure(headers={"Modal-Key": "{env:NOT_SET_ANYWHERE}"})

    assert (result.status, result.cause) == ("failed", None)
    assert result.error == "the environment variable NOT_SET_ANYWHERE is not set"
    assert process.client.called == []


def test_also_where_a_container_is_up_before_the_first_call() -> None:
    process = Process({"/flux": FINE})
    process.measurer.observer = Observer(containers=1)  # type: ignore[assignment]
    result = process.measure(headers={"Modal-Key": "{env:NOT_SET_ANYWHERE}"})

    assert (result.status, result.cause) == ("failed", None)
    assert result.error == "the environment variable NOT_SET_ANYWHERE is not set"
    assert process.client.called == []


def test_a_result_has_no_verdict_and_no_checks_yet() -> None:
    result = Process({"/flux": FINE}).measure()

    assert (result.verdict, result.reasons, result.checks, result.tests) == (None, [], [], [])


class Spooling(FakeClient):
    """A client that has no room for the answer of its call number `full`."""

    def __init__(self, answers: dict[str, Sequence[Answer]], full: int) -> None:
        super().__init__(answers)
        self._left = full

    def call(self, request: Request, *, deadline_sec: float, fresh: bool, arrivals: bool = False) -> Answer:
        answered = super().call(request, deadline_sec=deadline_sec, fresh=fresh, arrivals=arrivals)
        self._left -= not request.url.endswith("/openapi.json")
        if self._left == 0:
            raise SpoolError("no room for an answer")
        return answered


def spooling(answers: Mapping[str, Sequence[Answer]], *, full: int, **fields: Any) -> Process:
    process = Process(answers, **fields)
    process.client = Spooling(dict(answers), full)
    process.measurer.client = process.client  # type: ignore[assignment]
    return process


def test_what_was_measured_before_this_machine_ran_out_of_room_is_kept() -> None:
    result = spooling({"/flux": [answer(elapsed=9.0), answer(elapsed=2.0)]}, full=3).measure()

    assert (result.status, result.error, result.cause) == ("failed", "no room for an answer", None)
    assert (starts(result), result.cold_time_sec, result.warm_time_sec) == (["cold", "warm"], 9.0, 2.0)
    assert (result.payload_sha256 is not None, result.media is not None) == (True, True)


def test_trouble_of_this_machine_is_not_explained_by_an_endpoints_failure_before() -> None:
    process = spooling({"/flux": [answer(), answer(status=500), answer()]}, full=3, cold="off", rounds=3)
    result = process.measure(budget=Budget(min_success=Level(fail=0.9)))

    assert [each.ok for each in result.samples] == [True, False]
    assert (result.status, result.error, result.cause) == ("failed", "no room for an answer", None)
    assert (result.meaning, result.remedy) == (None, None)


def test_a_pool_with_trouble_of_this_machine_is_still_called() -> None:
    process = spooling({"/flux": FINE, "/wan": FINE}, full=1)

    assert [process.measure(path).status for path in ("/flux", "/wan")] == ["failed", "success"]


def test_equal_answers_to_new_seeds_look_like_a_cache() -> None:
    result = Process({"/flux": [answer(b'{"url": "x"}')]}).measure()

    assert result.status == "success"
    assert result.cached == "3 answers of 3 with the same bytes, though each had a new seed"
    different = Process({"/flux": [answer(f'{{"url": {n}}}'.encode()) for n in range(3)]}).measure()
    assert different.cached is None


def test_what_the_app_says_of_itself_is_held_against_the_catalogue() -> None:
    described: dict[str, Any] = {"paths": {"/flux": {"post": {}}}}
    process = Process(
        {"/openapi.json": [answer(json.dumps(described).encode())], "/flux": FINE, "/other": FINE}
    )

    assert process.measure().misfits == []
    assert process.measure("/other").misfits == [
        "the app's /openapi.json knows no POST /other: it has POST /flux"
    ]
    assert process.client.called.count("/openapi.json") == 1


def test_what_is_noticed_of_an_answer_stands_in_the_notes() -> None:
    result = Process({"/flux": [answer(content_type="image/png")]}).measure()

    assert result.notes == ["declared image/png, is text"]


def test_answers_are_kept_where_that_was_asked_for(tmp_path: Path) -> None:
    Process({"/flux": FINE}, save_outputs=tmp_path / "outputs").measure()

    assert (tmp_path / "outputs" / "flux.txt").read_bytes() == b"fine"


def test_calls_have_a_price_by_the_provider_before_the_catalogue() -> None:
    process = Process({"/flux": [answer(x_execution_time_sec="2")]})
    result = process.measure(gpu="L40S")
    assert result.cost_usd == pytest.approx(2 * table().gpu["L40S"])
    assert result.cost_basis == "estimated"

    process = Process({"/flux": [answer(x_execution_time_sec="2")], "/wan": FINE})
    process.measurer.observer = observer = Observer("H100", {"gpu_hour_cost_h100": "36"})  # type: ignore[assignment]
    result = process.measure(gpu="L40S")
    process.measure("/wan")
    assert result.cost_usd == pytest.approx(0.02)
    assert observer.asked_rates == 1
    assert process.measurer.spending.longest_usd(endpoint(timeout=100.0)) == pytest.approx(1.0)


def test_a_measured_cost_is_not_estimated() -> None:
    result = Process({"/flux": [answer(x_cost_usd="0.25")]}).measure(gpu="L40S")

    assert (result.cost_usd, result.cost_basis) == (0.25, "measured")


def counted_prices(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """The samples that are priced from now on."""
    priced: list[Sample] = []
    price = Pricing.price

    def counting(self: Pricing, of: Sample) -> Sample:
        priced.append(of)
        return price(self, of)

    monkeypatch.setattr(Pricing, "price", counting)
    return priced


def called(number: int) -> Answer:
    return answer(modal_function_call_id=f"fc-{number}")


def test_a_sample_is_priced_once_by_the_providers_record_and_the_ledger_has_that_price(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    priced = counted_prices(monkeypatch)
    ledger = Ledger(tmp_path / "ledger", 1.0)
    process = Process({"/flux": [called(number) for number in range(5)]}, ledger)
    process.measurer.observer = Observer("H100", {"gpu_hour_cost_h100": "36"}, seconds=(5, 1, 2, 3, 4))  # type: ignore[assignment]
    result = process.measure()

    assert [each.cost_usd for each in result.samples] == pytest.approx([0.05, 0.01, 0.02])
    assert {each.cost_source for each in result.samples} == {
        "the provider's seconds at live rates of the GPU alone"
    }
    assert [result.cold_cost_usd, result.cost_usd] == pytest.approx([0.05, 0.015])
    assert ledger.spent == pytest.approx(0.08, rel=0.01)
    assert len(priced) == 3

    both = process.measurer.together(endpoint(), result, process.measurer.measure_again(endpoint()))
    assert [each.cost_usd for each in both.samples] == pytest.approx([0.05, 0.01, 0.02, 0.03, 0.04])
    assert both.cost_usd == pytest.approx(0.025)
    assert ledger.spent == pytest.approx(0.15, rel=0.01)
    assert len(priced) == 5


def test_the_call_that_asked_for_the_lora_is_not_priced_again(monkeypatch: pytest.MonkeyPatch) -> None:
    priced = counted_prices(monkeypatch)
    process = Process({"/lora": [answer(x_execution_time_sec="2")]})
    asked = sample("cold", 30.0, http_status=200, cost_usd=0.5, cost_basis="estimated")
    result = probed(process, asked, gpu="L40S")

    assert (result.samples[0].cost_usd, result.cold_cost_usd) == (0.5, 0.5)
    assert len(priced) == 3


# --- Measured again ---


def test_a_second_measurement_is_warm_and_both_are_one_result() -> None:
    answers = [answer(elapsed=seconds) for seconds in (9.0, 2.0, 4.0, 6.0, 8.0)]
    process = Process({"/flux": answers})
    first, again = process.measure(), process.measurer.measure_again(endpoint())
    both = process.measurer.together(endpoint(), first, again)

    assert starts(again) == ["warm", "warm"]
    assert starts(both) == ["cold", "warm", "warm", "warm", "warm"]
    assert (both.cold_time_sec, both.warm_time_sec, both.cold_asked) == (9.0, 5.0, True)


def test_a_second_measurement_forces_the_cold_starts_that_the_first_one_forced() -> None:
    process, observer = forcing(
        {"/flux": [of(1, 1), of(1, 2), of(1, 3), of(2, 1), of(2, 2), of(2, 3)], "/wan": [of(1, 4)]}
    )
    process.measure()
    process.measure("/wan")
    again = process.measurer.measure_again(endpoint())
    assert starts(again) == ["cold", "warm", "warm"]
    assert observer.zeros == 2

    process.client.answers["/wan"] = [of(2, 5)]
    assert starts(process.measurer.measure_again(endpoint("/wan"))) == ["first", "warm", "warm"], (
        "the second container had answered the pool's other endpoint alone"
    )
    assert observer.forced_endpoints == ["flux", "flux", "wan"], "whose containers were ended to have another"


# --- A pool ---


def test_what_hits_the_whole_pool_skips_its_other_endpoints_and_no_other_pool() -> None:
    process = Process({"/flux": [DOWN], "/wan": FINE, "/sdxl": FINE})
    process.measure()
    skipped = process.measure("/wan")
    explanation = explain("not_deployed", app="ryla-flux")

    assert (skipped.status, skipped.cause, skipped.samples) == ("failed", "not_deployed", [])
    assert skipped.error == (
        "Not called: the app is not deployed (as flux was told: HTTP 404: modal-http: invalid function call)"
    )
    assert (skipped.meaning, skipped.remedy) == (explanation.meaning, explanation.remedy)
    assert process.measure("/sdxl", pool="another").status == "success"
    assert process.called == ["/flux", *["/sdxl"] * 3]


def test_the_endpoint_that_found_out_may_ask_again() -> None:
    process = Process({"/flux": [DOWN, answer()]})

    assert [process.measure().status for _ in range(2)] == ["failed", "success"]


def test_a_failure_of_one_endpoints_own_skips_no_other() -> None:
    process = Process({"/flux": [answer(status=500)], "/wan": FINE})
    process.measure()

    assert process.measure("/wan").status == "success"


@pytest.mark.parametrize("lives", [True, False])
def test_a_pool_whose_first_call_times_out_is_looked_at_once(lives: bool) -> None:
    process = Process(
        {
            "/flux": [TIMEOUT],
            "/wan": FINE,
            "/sdxl": [TIMEOUT],
            "/openapi.json": [answer(status=404) if lives else TIMEOUT],
        }
    )
    first = process.measure(timeout=20.0)
    assert (first.status, first.cause) == ("failed", "timeout")
    assert process.client.called == ["/flux", "/openapi.json"]
    assert process.client.deadlines == [20.0, 5.0], "a share of what a call may take"

    others = [process.measure(path) for path in ("/wan", "/sdxl")]
    if lives:
        assert [each.status for each in others] == ["success", "failed"]
        assert others[1].error == "Timeout"
    else:
        assert process.called == ["/flux"]
        assert {each.error for each in others} == {
            "Not called: nothing in its pool has answered yet (as flux was told: Timeout)"
        }
        assert {each.cause for each in others} == {"timeout"}
    assert process.client.called.count("/openapi.json") == 1


def test_a_link_that_leads_nowhere_fails_its_endpoint_and_says_nothing_of_the_pool() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        link = f"http://127.0.0.1:{listening.getsockname()[1]}/made.png"
    given = replace(answer(json.dumps({"image": link}).encode()), here="http://127.0.0.1:9/flux")
    process = Process({"/flux": [given], "/wan": FINE})
    result = process.measure(expect=Expect(at="image"))

    assert (result.status, result.cause) == ("failed", "refused")
    assert (result.error or "").startswith("image: not fetched: ")
    assert process.measure("/wan").status == "success"


def test_a_timeout_in_a_pool_that_has_answered_is_the_endpoints_own() -> None:
    process = Process({"/flux": FINE, "/wan": [TIMEOUT], "/sdxl": FINE})

    assert [process.measure(path).status for path in ("/flux", "/wan", "/sdxl")] == [
        "success",
        "failed",
        "success",
    ]


# --- A limit ---


def test_a_limit_ends_the_run_and_keeps_what_there_is(tmp_path: Path) -> None:
    costly = [answer(x_cost_usd="0.4")]
    ledger = Ledger(tmp_path / "ledger", 1.0)
    process = Process({"/flux": costly, "/wan": costly}, ledger)
    begun, other = process.measure(), process.measure("/wan")
    reason = "the spending limit of $1.00 is reached: $0.80 spent, and the next call is expected to cost"

    assert (begun.status, starts(begun), begun.warm_time_sec) == ("success", ["cold", "warm"], 1.0)
    assert begun.warm_inconclusive == f"{reason} $0.40"
    assert (begun.cost_usd, begun.cost_basis) == (0.4, "measured")
    # Of an endpoint that was never called nothing is expected, and so the last call may pass the limit.
    assert (other.status, starts(other)) == ("success", ["first"])
    assert ledger.spent == pytest.approx(1.2)
    never = process.measure("/wan", pool="another")
    assert (never.status, never.samples, never.error) == ("not_run", [], None)
    assert (never.skipped_reason or "").startswith("the spending limit of $1.00 is reached: $1.20 spent")
    assert len(process.called) == 3


def test_calls_of_unknown_cost_do_not_count_and_are_mentioned(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 1.0)
    process = Process({"/flux": FINE, "/wan": [answer(x_cost_usd="2")], "/sdxl": FINE}, ledger)

    assert process.measure().status == "success"
    assert (ledger.spent, ledger.unknown_calls) == (0.0, 4), "the app's description is asked for, too"
    process.measure("/wan")
    assert process.measure("/sdxl").skipped_reason == (
        "the spending limit of $1.00 is reached: $2.00 spent, beside 4 calls of unknown cost, and the next call is"
        " expected to cost an unknown amount"
    )


def test_estimates_count(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 100.0)
    Process({"/flux": [answer(x_execution_time_sec="2")]}, ledger).measure(gpu="L40S")

    assert ledger.spent == pytest.approx(6 * table().gpu["L40S"], rel=0.01)


def test_without_a_limit_nobody_keeps_a_ledger() -> None:
    assert Process({"/flux": [answer(x_cost_usd="999")]}).measure().status == "success"


# --- Cold starts ---


def test_a_pools_first_call_is_its_cold_start() -> None:
    process = Process({"/flux": FINE, "/wan": FINE, "/sdxl": FINE})

    assert starts(process.measure()) == ["cold", "warm", "warm"]
    assert starts(process.measure("/wan")) == ["first", "warm", "warm"]
    assert starts(process.measure("/sdxl", pool="another")) == ["cold", "warm", "warm"]
    assert starts(process.measure()) == ["warm", "warm"], "it has answered before"


@pytest.mark.parametrize(
    ("cold", "expected"), [(None, "cold"), (True, "cold"), (False, "first")], ids=["unsaid", "yes", "no"]
)
def test_an_endpoint_can_leave_an_observed_cold_start(cold: bool | None, expected: str) -> None:
    assert starts(Process({"/flux": FINE}).measure(cold=cold))[0] == expected


def test_asking_for_a_cold_start_wakes_no_pool_that_is_awake() -> None:
    process = Process({"/flux": FINE, "/wan": FINE})
    process.measure()

    assert starts(process.measure("/wan", cold=True))[0] == "first"


def test_a_pool_that_was_called_before_has_no_cold_start_to_observe() -> None:
    process = Process({"/flux": FINE})
    process.prepare(called=["http://127.0.0.1:9"])

    assert starts(process.measure()) == ["first", "warm", "warm"]


def test_off_calls_nothing_cold() -> None:
    assert starts(Process({"/flux": FINE}, cold="off").measure()) == ["first", "warm", "warm"]


def forcing(answers: Mapping[str, Sequence[Answer]], **fields: Any) -> tuple[Process, Observer]:
    process, observer = Process(answers, cold="force", **fields), Observer()
    process.measurer.observer = observer  # type: ignore[assignment]
    return process, observer


def of(container: int, request: int) -> Answer:
    return answer(x_modal_bench_container=f"ta-{container}", x_modal_bench_request=str(request))


def test_the_first_of_a_pool_gets_its_forced_cold_starts() -> None:
    process, observer = forcing(
        {"/flux": [of(1, 1), of(2, 1), of(2, 2), of(2, 3)], "/wan": [of(2, 4), of(2, 5), of(2, 6)]},
        cold_rounds=2,
    )
    first, other = process.measure(), process.measure("/wan")

    assert starts(first) == ["cold", "cold", "warm", "warm"]
    assert first.cold_verified is True
    assert starts(other) == ["first", "warm", "warm"]
    assert (observer.forced_endpoints, observer.zeros) == (["flux"], 2)


def test_an_endpoint_that_asks_gets_its_own_and_one_that_does_not_want_any_leaves_them_to_the_next() -> None:
    process, observer = forcing({path: [of(0, 1)] for path in ("/a", "/b", "/c", "/d")})
    process.client.answers |= {
        "/a": [of(1, 7), of(1, 8), of(1, 9)],
        "/b": [of(2, 1), of(2, 2), of(2, 3)],
        "/c": [of(2, 4), of(2, 5), of(2, 6)],
        "/d": [of(3, 1), of(3, 2), of(3, 3)],
    }
    wanted = {"/a": False, "/b": None, "/c": None, "/d": True}
    begun = [starts(process.measure(path, cold=cold))[0] for path, cold in wanted.items()]

    assert begun == ["first", "cold", "first", "cold"]
    assert observer.forced_endpoints == ["b", "d"]


def test_a_pool_that_was_begun_elsewhere_has_had_its_forced_cold_starts() -> None:
    process, observer = forcing(
        {"/flux": [of(1, 2), of(1, 3), of(1, 4)], "/wan": [of(2, 1), of(2, 2), of(2, 3)]}
    )
    process.prepare(called=["http://127.0.0.1:9"], begun=["http://127.0.0.1:9"])

    assert starts(process.measure())[0] == "first"
    assert starts(process.measure("/wan", cold=True))[0] == "cold"
    assert observer.forced_endpoints == ["wan"]


# --- The call that asked for the LoRA ---


def lora(**fields: Any) -> Endpoint:
    return endpoint("/lora", payload={"lora_id": "{lora}"}, needs=("lora",), **fields)


def probed(process: Process, given: Sample, **fields: Any) -> EndpointResult:
    process.prepare(lora="known", called=["http://127.0.0.1:9"], probed={"lora": given})
    return process.measurer.measure(lora(**fields))


def test_the_call_that_asked_for_the_lora_is_its_endpoints_first_sample() -> None:
    process = Process({"/lora": FINE})
    result = probed(process, sample("cold", 30.0, http_status=200))

    assert starts(result) == ["cold", "first", "warm", "warm"]
    assert (result.cold_time_sec, result.cold_verified) == (30.0, False)
    assert starts(process.measurer.measure(lora())) == ["warm", "warm"], "it is taken once"


def test_a_lora_that_is_missing_fails_its_endpoint_without_another_call() -> None:
    process = Process({"/lora": FINE})
    asked = sample("cold", ok=False, http_status=500, error="HTTP 500: boom", cause="application")
    result = probed(process, asked)

    assert (result.status, result.error, process.client.called) == ("failed", "HTTP 500: boom", [])


def test_where_cold_starts_are_forced_it_counts_as_one_if_that_is_proven() -> None:
    process, observer = forcing({"/lora": [of(1, 2), of(1, 3), of(1, 4)]})
    proven = sample(
        "cold", 30.0, http_status=200, container="ta-1", container_request=1, proof="first request of ta-1"
    )
    result = probed(process, proven)

    assert starts(result) == ["cold", "first", "warm", "warm"]
    assert (result.cold_time_sec, result.cold_verified) == (30.0, True)
    assert observer.forced_endpoints == []


def test_more_cold_starts_than_that_are_forced() -> None:
    process, observer = forcing({"/lora": [of(2, 1), of(2, 2), of(2, 3)]}, cold_rounds=2)
    proven = sample("cold", 30.0, http_status=200, container="ta-1", proof="first request of ta-1")

    assert starts(probed(process, proven)) == ["cold", "cold", "warm", "warm"]
    assert observer.zeros == 1


def test_where_cold_starts_are_forced_no_guess_is_one() -> None:
    process, observer = forcing({"/lora": [of(1, 1), of(1, 2), of(1, 3)]})
    result = probed(process, sample("cold", 30.0, http_status=200))
    guess, forced, *_ = result.samples

    assert (guess.start, guess.asked, guess.dropped) == (
        "first",
        "cold",
        "nothing proved that it met a new container",
    )
    assert (forced.start, forced.proof) == ("cold", "no container before, first request of container ta-1")
    assert result.cold_time_sec == 1.0
    assert observer.zeros == 1


# --- What is there ---


def test_what_is_missing_is_named() -> None:
    process = Process({})
    assert process.measurer.missing(lora()) == "Missing: LoRA file"

    process.prepare(lora="known")
    assert process.measurer.missing(lora()) is None


def test_closing_closes_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process({})
    closed: list[str] = []
    process.measurer.observer = Observer()  # type: ignore[assignment]
    monkeypatch.setattr(FakeClient, "close", lambda _: closed.append("client"))
    monkeypatch.setattr(Observer, "close", lambda _: closed.append("observer"))
    process.measurer.close()

    assert closed == ["client", "observer"]


# --- What a failure and a limit leave behind ---


def test_after_an_answer_that_there_is_no_such_route_the_app_is_asked_for_the_one_that_is() -> None:
    described = json.dumps({"paths": {"/v1/flux": {"post": {}}}}).encode()
    process = Process({"/flux": [answer(status=404)], "/openapi.json": [answer(described)]})
    result = process.measure()

    assert result.status == "failed"
    assert result.misfits == [
        "the app's /openapi.json knows no POST /flux: POST /v1/flux is there: did you mean /v1/flux?"
    ]


@pytest.mark.parametrize("said", [DOWN, TIMEOUT, answer(status=500)])
def test_after_any_other_failure_it_is_not_asked_what_it_has(said: Answer) -> None:
    process = Process({"/flux": [said]})
    assert process.measure().misfits == []


def test_calls_that_time_out_count_as_their_seconds_at_their_price(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 5 * table().gpu["H100"])
    process = Process({f"/e{n}": [TIMEOUT] for n in range(20)}, ledger)
    results = [process.measure(f"/e{n}", gpu="H100", pool=f"pool-{n}") for n in range(20)]

    assert [result.status for result in results].count("failed") <= 6
    assert all(result.cost_usd is None for result in results), "what they cost is not known all the same"
    assert ledger.unknown_calls == 0
    assert ledger.spent <= 6 * table().gpu["H100"] + 0.01


def test_a_request_that_cannot_be_built_is_no_call_in_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 1.0)
    result = Process({}, ledger).measure(headers={"X-Key": "{env:MODAL_BENCH_NOT_SET}"})

    assert result.status == "failed"
    assert (ledger.spent, ledger.unknown_calls) == (0.0, 0)


class CutOff(BaseException):
    """Ends a test from outside."""


def test_what_was_measured_before_it_was_cut_off_is_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 1.0)
    process = Process({"/flux": FINE}, ledger, rounds=300)
    real = process.client.call

    def call(request: Request, *, deadline_sec: float, fresh: bool, arrivals: bool = False) -> Answer:
        if len(process.client.called) == 100:
            raise CutOff
        return real(request, deadline_sec=deadline_sec, fresh=fresh, arrivals=arrivals)

    process.client.call = call  # type: ignore[method-assign]
    with pytest.raises(CutOff):
        process.measure(gpu="L40S")
    result = process.measurer.cut_off("cut off: Timeout >64.0s")

    assert result is not None
    assert (result.status, result.error, len(result.samples)) == ("failed", "cut off: Timeout >64.0s", 100)
    assert result.warm_time_sec == 1.0
    assert ledger.unknown_calls == 0, "the call that was cut off counts as its seconds"
    assert process.measurer.cut_off("again") is None


def test_where_nothing_goes_on_nothing_is_cut_off() -> None:
    process = Process({"/flux": FINE})
    process.measure()
    assert process.measurer.cut_off("cut off") is None


@pytest.mark.parametrize(
    ("level", "status"),
    [(Level(warn=0.9), "success"), (Level(warn=1.0), "success"), (Level(fail=1.0, warn=0.9), "failed")],
)
def test_a_share_that_only_warns_is_measured_to_the_end(level: Level, status: str) -> None:
    answers = [answer(), answer(), answer(status=500), answer()]
    process = Process({"/flux": answers}, rounds=4)
    result = process.measure(budget=Budget(min_success=level))

    assert result.status == status
    assert (len(result.samples) == 5) == (status == "success")


# --- Jobs ---

ACCEPTED = said({"call_id": "fc-1"}, "202 Accepted")
PENDING = said({"status": "running"}, "202 Accepted")


def measured_job(
    server: JobServer, ledger: Ledger | None = None, *, timeout: float = 30.0, **fields: Any
) -> EndpointResult:
    measurer = Measurer(settings(rounds=1, **fields), ledger)
    job = endpoint(
        "/submit",
        url=server.url,
        pool=server.url,
        gpu="L40S",
        timeout=timeout,
        poll=Poll(path="/result/{call_id}", every=0.1),
    )
    try:
        return measurer.measure(job)
    finally:
        measurer.close()


def test_a_jobs_time_is_that_from_its_submit_to_its_result() -> None:
    with JobServer(
        ACCEPTED, [PENDING, said({"result": "x"}), PENDING, PENDING, said({"result": "y"})]
    ) as server:
        result = measured_job(server)
    first, warm = result.samples

    assert (result.status, result.error) == ("success", None)
    assert (server.submits, len(server.questions) - 1) == (2, 5), "the last one is for /openapi.json"
    assert first.job is not None
    assert warm.job is not None
    assert (first.job.asked, warm.job.asked) == (2, 3)
    assert result.warm_time_sec == warm.elapsed_sec >= 0.3
    assert warm.media is not None
    assert warm.media.kind == "json"


def test_the_local_workspaces_seconds_between_questions_are_scaled() -> None:
    with JobServer(ACCEPTED, [PENDING, PENDING, said({"result": "x"})]) as server:
        result = measured_job(server, workspace="local", time_scale=0.0001, quick=False)
    sample = result.samples[0]
    assert sample.job is not None
    assert (sample.job.asked, sample.ok) == (3, True)
    assert sample.job.resolution_sec is not None
    assert sample.job.resolution_sec < sample.elapsed_sec


def test_the_last_answer_of_a_job_is_judged_as_any_other() -> None:
    with JobServer(ACCEPTED, [PENDING, answer_of(b"<html><body>oops", content_type="text/html")]) as server:
        result = measured_job(server)
    (sample,) = result.samples
    assert (result.status, result.cause, server.submits) == ("failed", "invalid_output", 1)
    assert sample.job is not None
    assert "an HTML page, not a result" in (result.error or "")


def test_a_jobs_whole_time_counts_under_a_limit(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 1.0)
    with JobServer(ACCEPTED, [PENDING]) as server:
        result = measured_job(server, ledger, timeout=0.6)
    (sample,) = result.samples
    assert (sample.cause, server.submits) == ("timeout", 1)
    assert sample.elapsed_sec >= 0.6
    per_second = table().gpu["L40S"]
    assert ledger.spent >= 0.6 * per_second
    assert ledger.unknown_calls == 0


def test_a_pool_whose_job_does_not_end_has_answered() -> None:
    with JobServer(ACCEPTED, [PENDING, lambda connection: connection.hold()]) as server:
        measurer = Measurer(settings(rounds=1))
        given: dict[str, Any] = {"url": server.url, "pool": server.url, "timeout": 0.4}
        measurer.measure(endpoint("/submit", poll=Poll(path="/r/{call_id}", every=0.05), **given))
        other = measurer.measure(endpoint("/other", method="POST", **given))
        measurer.close()
    assert not (other.error or "").startswith("Not called")
