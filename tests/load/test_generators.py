from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import measure_server
import psutil
import pytest
from load_server import endpoint, good, means, script, serving
from PIL import Image

from pytest_modal_bench.cost.ledger import Ledger
from pytest_modal_bench.load import generators
from pytest_modal_bench.load.spec import parse
from pytest_modal_bench.model import Expect, LoadCall, Poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from load_server import LoadServer

    from pytest_modal_bench.model import Load

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("prepared_programs")]


@pytest.fixture(autouse=True)
def _nothing_lives_on() -> Iterator[None]:
    yield
    assert engines() == []


def engines(parent: int | None = None) -> list[psutil.Process]:
    """Return the processes of a load, with what they have started."""
    found = psutil.Process(parent).children(recursive=True)
    return [
        each for each in found if any("load.engine" in word or "decoding" in word for word in cmdline(each))
    ]


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def workers() -> list[psutil.Process]:
    return sorted(
        (each for each in engines() if "pytest_modal_bench.load.engine.worker" in cmdline(each)),
        key=lambda each: each.pid,
    )


def in_background(action: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread


def after(server: LoadServer, came: int, action: Callable[[], object]) -> threading.Thread:
    """Do something once so many calls have come."""

    def act() -> None:
        server.wait_for(came)
        action()

    return in_background(act)


def kill_workers(which: slice = slice(None)) -> None:
    for worker in workers()[which]:
        worker.kill()


def kill_keeper() -> None:
    (keeper,) = (each for each in engines() if "pytest_modal_bench.load.engine.master" in cmdline(each))
    keeper.kill()


def calls(load: Load, step: int = 0) -> tuple[LoadCall, ...]:
    return load.steps[step].calls


def test_users_call_one_call_after_the_other_and_each_call_comes_back() -> None:
    with serving(seconds=0.05) as server:
        load = generators.run(endpoint(server), parse("users=3 duration=2"), means(processes=2))
    (step,) = load.steps
    assert step.n == step.answered == len(server.came) == server.answered
    assert server.most_at_once == step.concurrency_max == 3
    assert {call.generator for call in step.calls} == {0, 1}
    assert all(call.began_sec < 3.0 and call.meant_sec == call.began_sec for call in step.calls)
    assert load.processes == 2
    assert load.stopped is None
    assert (load.engine or "").startswith("Locust ")


def test_this_process_is_not_patched() -> None:
    assert not {"locust", "gevent"} & set(sys.modules)


def test_calls_at_a_rate_begin_by_their_schedule_whether_or_not_others_have_ended() -> None:
    with serving(seconds=1.0) as server:
        load = generators.run(endpoint(server), parse("rate=10 duration=2"), means(processes=2))
    assert sorted(call.meant_sec for call in calls(load)) == [number / 10 for number in range(20)]
    assert len(server.came) == 20
    assert server.most_at_once >= 8
    assert all(call.began_sec >= call.meant_sec for call in calls(load))
    assert {call.generator for call in calls(load)} == {0, 1}


def test_a_burst_begins_all_at_once() -> None:
    with serving(seconds=5.0) as server:  # so long that a busy machine has begun them all by then
        load = generators.run(endpoint(server), parse("burst=20"), means())
    assert [call.meant_sec for call in calls(load)] == [0.0] * 20
    assert server.most_at_once == 20


def test_users_of_a_ramp_come_one_after_the_other() -> None:
    with serving(seconds=0.1) as server:
        load = generators.run(endpoint(server), parse("ramp=4 duration=4"), means())
    beside = [
        sum(other.began_sec <= call.began_sec < other.began_sec + other.elapsed_sec for other in calls(load))
        for call in calls(load)
    ]
    assert beside[0] == 1
    assert max(beside) == 4
    assert load.steps[0].n == len(server.came)


def test_one_step_follows_the_other() -> None:
    with serving() as server:
        load = generators.run(endpoint(server), parse("users=1,2 duration=0.5", "burst=3"), means())
    assert [(step.kind, step.value) for step in load.steps] == [("users", 1), ("users", 2), ("burst", 3)]
    assert sum(step.n for step in load.steps) == len(server.came)


def test_endpoints_of_a_mix_are_called_by_their_weights() -> None:
    with serving(seconds=0.01) as server:
        often, seldom = endpoint(server, id="often"), endpoint(server, id="seldom", path="/seldom")
        loads = generators.run_mix([(often, 3.0), (seldom, 1.0)], parse("users=4 duration=2"), means())
    often_n, seldom_n = loads["often"].steps[0].n, loads["seldom"].steps[0].n
    assert often_n + seldom_n == len(server.came)
    assert 1.5 < often_n / seldom_n < 6


def test_a_share_of_the_answers_is_decoded_by_a_process_of_its_own_and_what_is_none_fails(
    tmp_path: Path,
) -> None:
    Image.effect_noise((64, 64), 80).save(tmp_path / "noise.png")
    image = (tmp_path / "noise.png").read_bytes()
    with serving(lambda _: measure_server.answer(image, content_type="image/png"), seconds=0.05) as server:
        expected = endpoint(server, expect=Expect(kind="image", width=64))
        fine = generators.run(expected, parse("users=2 duration=3"), means(processes=2))
        wrong = generators.run(
            endpoint(server, expect=Expect(kind="image", width=32)),
            parse("users=2 duration=2"),
            means(processes=2),
        )
    assert 2 <= fine.steps[0].checked <= fine.steps[0].n
    assert fine.steps[0].answered == fine.steps[0].n
    assert wrong.steps[0].errors.get("invalid_output", 0) >= 1
    assert any("width" in (call.error or "") or "64" in (call.error or "") for call in calls(wrong))


def test_times_of_streams_are_read_of_each_call() -> None:
    def stream(_: measure_server.Received) -> bytes:
        events = b"".join(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n' for _ in range(5))
        end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        return measure_server.answer(events + end, content_type="text/event-stream")

    with serving(stream, seconds=0.02) as server:
        load = generators.run(endpoint(server, stream="openai"), parse("users=2 duration=1"), means())
    assert load.steps[0].n == load.steps[0].checked == len(server.came)
    assert all(call.ttft_sec is not None and call.ttft_sec >= 0.02 for call in calls(load))


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    certificate, key = tmp_path / "loopback.pem", tmp_path / "loopback.key"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=loopback"
    )
    subject = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *subject], check=True, capture_output=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_calls_are_made_over_tls_and_each_ends_at_its_deadline(tls: ssl.SSLContext) -> None:
    with serving(seconds=0.02, tls=tls) as server:
        load = generators.run(endpoint(server), parse("users=3 duration=1"), means())
        server.seconds = 60.0
        late = generators.run(endpoint(server, timeout=1.0), parse("burst=4"), means())
    assert server.url.startswith("https://")
    assert load.steps[0].n == load.steps[0].answered > 3
    assert late.steps[0].errors == {"timeout": 4}
    assert all(1.0 <= call.elapsed_sec < 5.0 for call in calls(late))


def test_answers_too_large_for_memory_are_checked_before_the_next_call() -> None:
    large = measure_server.answer(b'"' + b"x" * (5 << 20) + b'"', content_type="application/json")
    with serving(lambda _: large) as server:
        load = generators.run(endpoint(server), parse("users=2 duration=2"), means(processes=2))
    assert load.steps[0].n == load.steps[0].answered == len(server.came)
    assert load.steps[0].checked >= 2


def test_a_job_is_one_call() -> None:
    def job(received: measure_server.Received) -> bytes:
        if received.method == "POST":
            return measure_server.answer(
                b'{"id": "j1"}', status="202 Accepted", content_type="application/json"
            )
        return good(received)

    with serving(job) as server:
        polled = endpoint(server, poll=Poll(path="/result/{id}", every=0.1))
        load = generators.run(polled, parse("users=2 duration=1"), means())
    assert load.steps[0].n * 2 == len(server.came)
    assert load.steps[0].answered == load.steps[0].n


def test_failed_calls_are_told_with_their_causes_and_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_TOKEN", "hush-hush-0815")

    def refuse(received: measure_server.Received) -> bytes:
        return measure_server.answer(
            received.headers["x-token"].encode(), status="500 Oops", content_type="text/plain"
        )

    with serving(refuse) as server:
        load = generators.run(
            endpoint(server, headers={"X-Token": "{env:BENCH_TOKEN}"}), parse("users=2 duration=1"), means()
        )
    (step,) = load.steps
    assert step.answered == 0
    assert step.errors == {"application": step.n}
    assert len(server.came) == step.n
    assert {call.error for call in step.calls} == {"HTTP 500: [redacted]"}
    # Whoever failed waits a little before the next try.
    assert step.n < 40


def test_what_a_header_lacks_is_told_before_any_call() -> None:
    with serving() as server, pytest.raises(generators.LoadError, match="BENCH_MISSING is not set"):
        generators.run(
            endpoint(server, headers={"X-Token": "{env:BENCH_MISSING}"}), parse("users=2"), means()
        )
    assert server.came == []


def test_ctrl_c_cuts_off_what_is_under_way_and_counts_it() -> None:
    with serving(seconds=30.0) as server:
        interrupting = after(server, 4, lambda: os.kill(os.getpid(), signal.SIGINT))
        began = time.monotonic()
        with pytest.raises(generators.Interrupted) as interrupted:
            generators.run(endpoint(server), parse("users=4,8 duration=60"), means())
        interrupting.join()
    (step,) = interrupted.value.load.steps
    assert (step.n, step.under_way, len(server.came)) == (0, 4, 4)
    assert "interrupted" in (interrupted.value.load.stopped or "")
    assert time.monotonic() - began < 50


def test_a_killed_process_is_told_its_calls_are_not_invented_and_the_others_go_on() -> None:
    said: list[str] = []
    with serving(seconds=0.05) as server:
        came_at_kill: list[int] = []

        def kill() -> None:
            server.wait_for(80)  # so that it has told of some
            workers()[0].kill()
            came_at_kill.append(len(server.came))
            server.most_at_once = 0

        killing = in_background(kill)
        load = generators.run(
            endpoint(server), parse("users=4 duration=8"), means(processes=2, say=said.append)
        )
        killing.join()
    (step,) = load.steps
    lost = len(server.came) - step.n
    # It had two users; it tells of calls five times a second.
    assert 0 <= lost <= 2 * 0.5 / 0.05
    assert len({call.generator for call in calls(load)}) == 2
    assert any("is gone" in note and "1 left" in note for note in load.notes)
    assert any("is gone" in line for line in said)
    # Its users are taken over.
    assert server.most_at_once == 4
    assert step.n > came_at_kill[0] + 20
    assert load.stopped is None


def test_the_schedule_of_a_killed_process_is_taken_over() -> None:
    with serving() as server:
        killing = after(server, 10, lambda: kill_workers(slice(1)))
        load = generators.run(endpoint(server), parse("rate=20 duration=8"), means(processes=2))
        killing.join()
    late = [call for call in calls(load) if call.meant_sec >= 7.0]
    assert len(late) == 20
    assert len({call.generator for call in late}) == 1
    assert len({call.meant_sec for call in calls(load)}) == load.steps[0].n <= 160
    short = f"{load.steps[0].n} of the 160 calls of its schedule are known"
    assert any(short in note for note in load.notes) == (load.steps[0].n < 160)


def test_a_load_without_any_process_left_ends_and_says_so() -> None:
    with serving(seconds=0.02) as server:
        killing = after(server, 10, kill_workers)
        load = generators.run(endpoint(server), parse("users=2 duration=60"), means(processes=2))
        killing.join()
    assert "no process is left" in (load.stopped or "")
    assert len(load.notes) >= 2


def test_a_load_whose_keeper_is_killed_keeps_what_was_told() -> None:
    with serving(seconds=0.05) as server:
        killing = after(server, 40, kill_keeper)
        load = generators.run(endpoint(server), parse("users=2 duration=60"), means())
        killing.join()
    assert "the process that keeps the load ended" in (load.stopped or "")
    assert 1 <= load.steps[0].n <= len(server.came)


def test_a_load_on_a_server_that_dies_ends_long_before_its_time() -> None:
    began = time.monotonic()
    with serving(seconds=0.02) as server:
        dying = threading.Event()

        def stop() -> None:
            server.wait_for(20)
            dying.set()

        in_background(stop)
        load_of: list[Load] = []
        running = in_background(
            lambda: load_of.append(generators.run(endpoint(server), parse("users=4 duration=100"), means()))
        )
        dying.wait(60)
    running.join()
    (load,) = load_of
    assert "nobody answered" in (load.stopped or "")
    assert load.steps[0].answered >= 10
    assert set(load.steps[0].errors) <= {"refused", "connection_lost"}
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("spec", ["users=4 duration=60", "rate=20 duration=60"])
def test_what_a_load_costs_passes_its_limit_by_no_more_than_the_calls_under_way(
    spec: str, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "ledger", 0.40)
    priced = measure_server.answer(b"{}", content_type="application/json", x_cost_usd="0.01")
    with serving(lambda _: priced, seconds=0.02) as server:
        load = generators.run(endpoint(server), parse(spec), means(ledger))
    assert "the spending limit is reached" in (load.stopped or "")
    under_way = load.steps[0].under_way
    assert 0.30 <= ledger.spent <= 0.40 + 0.01 * max(under_way, 4)
    assert ledger.spent == pytest.approx(0.01 * load.steps[0].n, abs=1e-6)
    assert len(server.came) <= load.steps[0].n + under_way


def test_no_call_is_made_where_the_limit_is_reached_already(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", 0.40)
    with ledger.call(None) as entry:
        entry.spent(0.40)
    with serving() as server:
        load = generators.run(endpoint(server), parse("users=4"), means(ledger))
    assert server.came == []
    assert load.steps == ()
    assert "the spending limit of $0.40 is reached" in (load.stopped or "")


def test_nothing_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    with serving(seconds=0.05) as server:
        path = script(server, "users=4 duration=60", tmp_path / "run.py")
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}
        run = subprocess.Popen([sys.executable, str(path)], env=environ)
        server.wait_for(10)
        started = engines(run.pid)
        assert len(started) >= 3
        run.kill()
        run.wait()
        gone, alive = psutil.wait_procs(started, 10)
        assert (len(gone), alive) == (len(started), [])
        came = len(server.came)
        time.sleep(0.5)
        assert len(server.came) == came


def test_processes_that_are_started_by_hand_take_part_as_those_of_this_machine_do() -> None:
    started: list[subprocess.Popen[bytes]] = []

    def say(line: str) -> None:
        if (where := re.search(r"HOST:(\d+)", line)) is not None:
            command = [sys.executable, "-m", "pytest_modal_bench", "load-worker", "--processes", "1"]
            started.extend(
                subprocess.Popen([*command, "--master", f"127.0.0.1:{where[1]}"]) for _ in range(2)
            )

    with serving(seconds=0.05) as server:
        load = generators.run(
            endpoint(server),
            parse("users=4 duration=2", "rate=10 duration=2"),
            means(processes=0, remote=2, say=say),
        )
        codes = [each.wait(60) for each in started]
    assert codes == [0, 0]
    assert sum(step.n for step in load.steps) == len(server.came)
    assert load.steps[1].n == 20
    assert load.notes == ()
    assert {call.generator for step in load.steps for call in step.calls} == {0, 1}
    assert load.processes == 2


def test_a_process_started_by_hand_that_is_told_to_end_tells_of_its_calls_first() -> None:
    started: list[subprocess.Popen[bytes]] = []

    def say(line: str) -> None:
        if (where := re.search(r"HOST:(\d+)", line)) is not None:
            command = [sys.executable, "-m", "pytest_modal_bench", "load-worker", "--processes", "1"]
            started.append(subprocess.Popen([*command, "--master", f"127.0.0.1:{where[1]}"]))

    with serving(seconds=0.1) as server:
        ending = after(server, 20, lambda: started[0].send_signal(signal.SIGTERM))
        load = generators.run(
            endpoint(server), parse("users=4 duration=6"), means(processes=1, remote=1, say=say)
        )
        ending.join()
        started[0].wait(60)
    assert len(server.came) == load.steps[0].n + load.steps[0].under_way
    assert load.steps[0].under_way <= 2
    assert any("is gone" in note for note in load.notes)


def test_a_process_started_by_hand_whose_run_is_gone_ends_within_seconds_and_says_so() -> None:
    started: list[subprocess.Popen[str]] = []

    def say(line: str) -> None:
        if (where := re.search(r"HOST:(\d+)", line)) is not None:
            command = [sys.executable, "-m", "pytest_modal_bench", "load-worker", "--processes", "1"]
            started.append(
                subprocess.Popen(
                    [*command, "--master", f"127.0.0.1:{where[1]}"], stderr=subprocess.PIPE, text=True
                )
            )

    with serving(seconds=0.05) as server:
        killing = after(server, 20, kill_keeper)
        load = generators.run(
            endpoint(server), parse("users=2 duration=60"), means(processes=0, remote=1, say=say)
        )
        killing.join()
        _, said = started[0].communicate(timeout=40)
    assert "the process that keeps the load ended" in (load.stopped or "")
    assert started[0].returncode == 1
    assert "the run is gone" in said


def test_a_process_started_by_hand_refuses_what_is_no_address() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_modal_bench", "load-worker", "--master", "nowhere"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "'nowhere' is not HOST:PORT" in done.stderr
