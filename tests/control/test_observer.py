"""A process's access to the control plane: trouble costs evidence, and is noted once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.control.interface import Autoscaler, CallRecord, ControlError
from pytest_modal_bench.control.journal import Journal
from pytest_modal_bench.control.observer import Observer
from pytest_modal_bench.control.pool_observer import RECORDS, Before, NoPoolObserver
from pytest_modal_bench.model import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GONE = ControlError("the control plane is gone; check the network")
SECRET = ControlError("the control plane says no")
SETTINGS = Autoscaler(min_containers=1, max_containers=0, buffer_containers=0, scaledown_window=300)


class Plane:
    """A control plane with one function, which can go away."""

    server_url = "https://api.modal.example"
    environment = "main"

    def __init__(self) -> None:
        self.app, self.name = "flux", "web"
        self.there = {"ta-1"}
        self.settings = SETTINGS
        self.calls: list[list[CallRecord]] = []
        self.limits: list[int] = []
        self.asked = 0
        self.gone = self.closed = self.secretive = False

    def function(self, app: str, name: str) -> Any:
        if app != self.app:
            raise ControlError(f"{app} is not deployed")
        assert name == self.name
        return self

    def close(self) -> None:
        self.closed = True

    def rates(self) -> dict[str, str]:
        self._answer()
        if self.secretive:
            raise SECRET
        return {"cpu_hour_cost": "0.04716"}

    def gpu(self) -> str | None:
        self._answer()
        if self.secretive:
            raise SECRET
        return "L40S"

    def deployed(self) -> str | None:
        self._answer()
        return "v3, 2026-02-02T12:00:00+00:00"

    def count(self) -> int:
        self._answer()
        return len(self.there)

    def containers(self) -> frozenset[str]:
        self._answer()
        return frozenset(self.there)

    def own_containers(self) -> frozenset[str]:
        self._answer()
        return frozenset(self.there - {"ta-other"})

    def records(self, limit: int) -> list[CallRecord]:
        self._answer()
        assert limit > 0
        self.limits.append(limit)
        return self.calls.pop(0) if len(self.calls) > 1 else self.calls[0]

    def autoscaler(self) -> Autoscaler:
        self._answer()
        return self.settings

    def set_autoscaler(self, settings: Autoscaler) -> None:
        self._answer()
        given = {
            name: value
            for name in settings.__struct_fields__
            if (value := getattr(settings, name)) is not None
        }
        self.settings = Autoscaler(
            **{**{n: getattr(self.settings, n) for n in SETTINGS.__struct_fields__}, **given}
        )

    def stop(self, container: str) -> None:
        self._answer()
        self.there.discard(container)

    def _answer(self) -> None:
        self.asked += 1
        if self.gone:
            raise GONE


@pytest.fixture
def plane() -> Plane:
    return Plane()


def observing(connect: Callable[[], Any], tmp_path: Path) -> Observer:
    return Observer(connect, Journal(tmp_path / "journal"), patience_sec=lambda seconds: seconds / 100)


@pytest.fixture
def observer(plane: Plane, tmp_path: Path) -> Observer:
    return observing(lambda: plane, tmp_path)


def endpoint(app: str = "flux", function: str | None = "web") -> Endpoint:
    return Endpoint(
        id="flux", name="Flux", path="/flux", app=app, url="", pool="", category="Flux", function=function
    )


def test_nothing_is_connected_before_the_first_question(tmp_path: Path) -> None:
    def connect() -> Any:
        raise AssertionError("connected")

    observer = observing(connect, tmp_path)
    observer.of_pool(endpoint())
    assert isinstance(observer.of_pool(endpoint(function=None)), NoPoolObserver)
    observer.close()


def test_a_pool_is_looked_at_twice(observer: Observer) -> None:
    pool = observer.of_pool(endpoint())

    assert pool.before() == Before((1, 1), frozenset({"ta-1"}))
    assert pool.after() == frozenset({"ta-1"})
    assert observer.notes == []


def test_records_are_waited_for_a_little_and_once(observer: Observer, plane: Plane) -> None:
    record = CallRecord(call_id="fc-1", container="ta-1")
    plane.calls = [[], [record]]
    pool = observer.of_pool(endpoint())

    assert pool.records(["fc-1"]) == {"fc-1": record}
    assert pool.records(["fc-2"]) == {"fc-1": record}, "it does not come"
    asked = plane.asked
    assert pool.records(["fc-3"]) == {"fc-1": record}
    assert plane.asked == asked + 1, "whoever waited in vain waits no more"
    assert pool.records([]) is None, "no call says who it is"


def test_a_function_that_is_not_there_is_noted_once_and_not_asked_for_again(observer: Observer) -> None:
    pool = observer.of_pool(endpoint(app="other"))

    assert (pool.before(), pool.after()) == (None, None)
    assert observer.notes == ["other is not deployed"]
    assert observer.of_pool(endpoint()).after() == frozenset({"ta-1"}), "others are still asked about"


def test_a_control_plane_that_goes_away_is_noted_once_and_asked_no_more(
    observer: Observer, plane: Plane
) -> None:
    pool = observer.of_pool(endpoint())
    plane.gone = True

    assert (pool.before(), pool.after(), pool.records(["fc-1"])) == (None, None, None)
    assert observer.notes == [str(GONE)]
    assert plane.asked == 1


def test_one_that_can_not_be_connected_is_tried_once(tmp_path: Path) -> None:
    tries: list[None] = []

    def connect() -> Any:
        tries.append(None)
        raise GONE

    observer = observing(connect, tmp_path)
    assert observer.of_pool(endpoint()).before() is None
    with observer.forced(endpoint()) as zero, pytest.raises(ControlError, match="control plane is gone"):
        zero()

    assert (len(tries), observer.notes) == (1, [str(GONE)])


def test_prices_and_gpus_are_asked_for_once(observer: Observer, plane: Plane) -> None:
    for _ in range(2):
        assert observer.rates() == {"cpu_hour_cost": "0.04716"}
        assert observer.gpu(endpoint()) == "L40S"

    assert (plane.asked, observer.notes) == (2, [])


def test_which_deploy_it_is_is_asked_once_and_not_known_where_nobody_knows(
    observer: Observer, plane: Plane
) -> None:
    for _ in range(2):
        assert observer.deployed(endpoint()) == "v3, 2026-02-02T12:00:00+00:00"
        assert observer.deployed(endpoint(function=None)) is None
        assert observer.deployed(endpoint(app="other")) is None

    assert (plane.asked, observer.notes) == (1, ["other is not deployed"])


def test_the_gpu_of_a_function_that_is_not_named_or_not_there_is_not_known(
    observer: Observer, plane: Plane
) -> None:
    assert observer.gpu(endpoint(function=None)) is None
    assert observer.gpu(endpoint(app="other")) is None
    assert observer.gpu(endpoint(app="other")) is None
    assert (plane.asked, observer.notes) == (0, ["other is not deployed"])


def test_prices_that_are_refused_are_noted_once_and_cost_no_evidence(
    observer: Observer, plane: Plane
) -> None:
    plane.secretive = True
    for _ in range(2):
        assert (observer.rates(), observer.gpu(endpoint())) == (None, None)

    assert (plane.asked, observer.notes) == (2, [str(SECRET)])
    assert observer.of_pool(endpoint()).after() == frozenset({"ta-1"})


def test_nobody_is_asked_for_prices_once_the_control_plane_is_gone(observer: Observer, plane: Plane) -> None:
    plane.gone = True
    assert observer.of_pool(endpoint()).after() is None
    assert (observer.rates(), observer.gpu(endpoint())) == (None, None)

    assert (plane.asked, observer.notes) == (1, [str(GONE)])


def test_forcing_scales_to_zero_and_puts_the_settings_back(observer: Observer, plane: Plane) -> None:
    with observer.forced(endpoint()) as zero:
        zero()
        assert plane.there == set()
        assert plane.settings.min_containers == 0

    assert plane.settings == SETTINGS


def test_what_happens_meanwhile_passes_through_and_the_settings_are_put_back(
    observer: Observer, plane: Plane
) -> None:
    with pytest.raises(KeyboardInterrupt), observer.forced(endpoint()):
        raise KeyboardInterrupt

    assert plane.settings == SETTINGS


def test_settings_that_can_not_be_put_back_are_noted(observer: Observer, plane: Plane) -> None:
    with observer.forced(endpoint()):
        plane.gone = True

    (note,) = observer.notes
    assert "could not be put back" in note


def test_closing_lets_go_of_the_connection(observer: Observer, plane: Plane) -> None:
    observer.close()
    assert not plane.closed
    observer.connected()
    observer.close()
    assert plane.closed


def test_what_is_there_before_is_the_whole_apps_and_after_it_the_pools_own(
    observer: Observer, plane: Plane
) -> None:
    plane.there = {"ta-1", "ta-other"}
    pool = observer.of_pool(endpoint())
    before = pool.before()

    assert before is not None
    assert before.containers == frozenset({"ta-1", "ta-other"})
    assert pool.after() == frozenset({"ta-1"})


def test_questions_for_a_job_are_looked_at_beside_the_calls(observer: Observer, plane: Plane) -> None:
    plane.calls = [[CallRecord(call_id="fc-1")]]
    pool = observer.of_pool(endpoint())
    pool.records(["fc-1"])
    pool.records(["fc-1"], questions=40)

    assert plane.limits == [RECORDS, RECORDS + 40]
