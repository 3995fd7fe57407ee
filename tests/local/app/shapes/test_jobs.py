from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from pytest_modal_bench.local.app import codec
from pytest_modal_bench.local.app.shapes import jobs as module
from pytest_modal_bench.local.workspace import shape_faults as faults
from pytest_modal_bench.local.workspace.faults import AnyFault, Blank, Html

if TYPE_CHECKING:
    from shape_apps import ShapeApp

SMALL = {"prompt": "a lake", "width": 32, "height": 32, "seed": 1}
ASKS = 200


async def ask(client: httpx.AsyncClient, path: str) -> list[httpx.Response]:
    """Ask until the job is neither 202 nor queued nor running; all answers."""
    answers = []
    for _ in range(ASKS):
        answers.append(await client.get(path))
        status = answers[-1].json().get("status") if answers[-1].content.startswith(b"{") else None
        if answers[-1].status_code != 202 and status not in {"queued", "running"}:
            return answers
        await asyncio.sleep(0.01)
    return answers


def submit(
    jobs: ShapeApp, path: str, result: str, fault: AnyFault | None = None
) -> tuple[httpx.Response, Any]:
    """Submit a job and ask for it; `result` is filled with the answer's id, or with its location if it is empty."""

    async def scene(client: httpx.AsyncClient) -> tuple[httpx.Response, list[httpx.Response]]:
        accepted = await client.post(path, json=SMALL)
        told = accepted.json()
        name = told.get("call_id") or told.get("id") or told.get("task", {}).get("id")
        return accepted, await ask(client, result.format(name) or accepted.headers["Location"])

    faults_ = {} if fault is None else {path.replace("/", "_"): fault}
    accepted, answers = jobs.play(scene, **faults_)
    return accepted, answers


def size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def test_modals_own_pattern_answers_202_until_the_image_is_there(jobs: ShapeApp) -> None:
    accepted, (*waiting, done) = submit(jobs, "/submit", "/result/{}")

    assert (accepted.status_code, accepted.json()["call_id"][:5]) == (202, "fc-01")
    assert {answer.status_code for answer in waiting} <= {202}
    assert (done.status_code, done.headers["content-type"], size(done.content)) == (
        200,
        "image/png",
        (32, 32),
    )


def test_a_job_can_be_at_its_location(jobs: ShapeApp) -> None:
    accepted, (*_, done) = submit(jobs, "/videos", "")

    assert accepted.status_code == 202
    assert accepted.headers["Location"].startswith("/videos/fc-01")
    assert len(codec.read_video(done.content, "answer")) == 17


def test_a_prediction_has_a_status_and_ends_with_an_address(jobs: ShapeApp) -> None:
    async def scene(client: httpx.AsyncClient) -> tuple[Any, Any, bytes]:
        accepted = (await client.post("/predictions", json=SMALL)).json()
        done = (await ask(client, f"/predictions/{accepted['id']}"))[-1].json()
        return accepted, done, (await client.get(done["output"][0])).content

    accepted, done, data = jobs.play(scene)
    assert (accepted["status"], accepted["output"]) == ("queued", None)
    assert (done["status"], done["error"]) == ("succeeded", None)
    assert done["output"][0].startswith("http://shapes.example/files/")
    assert size(data) == (32, 32)


def test_the_image_of_a_task_has_an_address_of_its_own(jobs: ShapeApp) -> None:
    async def scene(client: httpx.AsyncClient) -> tuple[int, Any, bytes]:
        task = (await client.post("/tasks", json=SMALL)).json()["task"]["id"]
        early = await client.get(f"/tasks/{task}/image")
        done = (await ask(client, f"/tasks/{task}"))[-1].json()
        return early.status_code, done, (await client.get(f"/tasks/{task}/image")).content

    early, done, data = jobs.play(scene)
    assert early == 409
    assert done["status"] == "succeeded"
    assert size(data) == (32, 32)


@pytest.mark.parametrize(
    "path", ["/result/fc-01", "/videos/fc-01", "/predictions/x", "/tasks/x", "/tasks/x/image"]
)
def test_an_unknown_job_is_a_404(jobs: ShapeApp, path: str) -> None:
    assert jobs.play(lambda client: client.get(path)).status_code == 404


def test_the_oldest_of_too_many_jobs_is_forgotten(jobs: ShapeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 2)

    async def scene(client: httpx.AsyncClient) -> list[int]:
        ids = [(await client.post("/submit", json=SMALL)).json()["call_id"] for _ in range(3)]
        return [(await ask(client, f"/result/{each}"))[-1].status_code for each in ids]

    assert jobs.play(scene) == [404, 200, 200]


WAYS = [
    ("/submit", "/result/{}"),
    ("/videos", ""),
    ("/predictions", "/predictions/{}"),
    ("/tasks", "/tasks/{}"),
]


@pytest.mark.parametrize(("path", "result"), WAYS)
@pytest.mark.parametrize(("fault", "status"), [(faults.Expired(), 404), (faults.AskingFails(), 500)])
def test_asking_can_fail(jobs: ShapeApp, path: str, result: str, fault: AnyFault, status: int) -> None:
    accepted, (answer,) = submit(jobs, path, result, fault)

    assert accepted.is_success
    assert answer.status_code == status


def test_a_job_can_stay_in_the_queue(jobs: ShapeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ASKS", 20)

    _, bare = submit(jobs, "/submit", "/result/{}", faults.Stuck())
    _, told = submit(jobs, "/predictions", "/predictions/{}", faults.Stuck())

    assert [answer.status_code for answer in bare] == [202] * 20
    assert [answer.json()["status"] for answer in told] == ["queued"] * 20


@pytest.mark.parametrize(("path", "result"), WAYS[2:])
def test_a_job_can_fail_in_any_word(jobs: ShapeApp, path: str, result: str) -> None:
    _, (*_, last) = submit(jobs, path, result, faults.JobFails(word="TIMED_OUT", message="no GPU"))

    assert last.status_code == 200
    assert (last.json()["status"], last.json()["error"], last.json()["output"]) == (
        "TIMED_OUT",
        "no GPU",
        None,
    )


def test_an_answer_can_lack_what_leads_to_the_job(jobs: ShapeApp) -> None:
    def accepted(path: str) -> httpx.Response:
        answer = jobs.post(path, SMALL, faults.NoId())
        assert answer.is_success
        return answer

    assert accepted("/submit").json() == {"call_id": None}
    assert "Location" not in accepted("/videos").headers
    assert accepted("/predictions").json()["id"] is None
    assert accepted("/tasks").json()["task"]["id"] is None


def test_a_result_can_be_null_or_black_or_html(jobs: ShapeApp) -> None:
    def done(fault: AnyFault) -> httpx.Response:
        _, (*_, last) = submit(jobs, "/submit", "/result/{}", fault)
        assert isinstance(last, httpx.Response)
        return last

    assert done(faults.NullResult()).content == b"null"
    assert done(Html()).headers["content-type"] == "text/html; charset=utf-8"
    with Image.open(io.BytesIO(done(Blank()).content)) as image:
        assert (image.size, image.convert("L").getextrema()) == ((32, 32), (0, 0))


def test_an_address_can_be_dead(jobs: ShapeApp) -> None:
    async def scene(client: httpx.AsyncClient) -> int:
        job = (await client.post("/predictions", json=SMALL)).json()["id"]
        done = (await ask(client, f"/predictions/{job}"))[-1].json()
        return (await client.get(done["output"][0])).status_code

    assert jobs.play(scene, _predictions=faults.DeadUrl()) == 404
