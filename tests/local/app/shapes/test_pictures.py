from __future__ import annotations

import base64
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from pytest_modal_bench.local.workspace import shape_faults as faults
from pytest_modal_bench.local.workspace.faults import AnyFault, Blank, TruncateMedia, WrongSize

if TYPE_CHECKING:
    import httpx
    from shape_apps import ShapeApp

ASKED = {"prompt": "a lake", "width": 32, "height": 32, "seed": 1, "n": 2, "batch_size": 2}
URI = "data:image/png;base64,"
ROUTES = {
    "/generate": "images",
    "/sdapi/v1/txt2img": "images",
    "/data-uris": "output",
    "/v1/images/generations": "data",
}
EMBEDDED = ["/generate", "/sdapi/v1/txt2img", "/data-uris"]


def texts(images: ShapeApp, path: str, fault: AnyFault | None = None) -> list[str]:
    """What stands for each image in the JSON."""
    answer = images.post(path, ASKED, fault)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    listed = answer.json()[ROUTES[path]]
    return [each if isinstance(each, str) else each.get("data") or each["url"] for each in listed]


def picture(text: str) -> Image.Image:
    with Image.open(io.BytesIO(base64.b64decode(text.removeprefix(URI), validate=True))) as image:
        image.load()
        return image


@pytest.mark.parametrize("path", EMBEDDED)
def test_each_image_is_another_and_of_the_size_that_was_asked_for(images: ShapeApp, path: str) -> None:
    said = texts(images, path)

    assert [picture(text).size for text in said] == [(32, 32), (32, 32)]
    assert len(set(said)) == 2
    assert said == texts(images, path)
    assert all(text.startswith(URI) == (path == "/data-uris") for text in said)


def fetched(images: ShapeApp, fault: AnyFault | None = None) -> list[httpx.Response]:
    async def scene(client: httpx.AsyncClient) -> list[httpx.Response]:
        answer = await client.post("/v1/images/generations", json=ASKED)
        links = [each["url"] for each in answer.json()["data"]]
        assert all(link.startswith("http://shapes.example/files/") for link in links)
        return [await client.get(link) for link in links]

    faults_ = {} if fault is None else {"_v1_images_generations": fault}
    answers: list[httpx.Response] = images.play(scene, **faults_)
    return answers


def test_addresses_lead_to_the_images(images: ShapeApp) -> None:
    one, other = fetched(images)

    assert one.headers["content-type"] == "image/png"
    assert one.content != other.content
    assert picture(base64.b64encode(one.content).decode()).size == (32, 32)


def test_addresses_can_lead_nowhere(images: ShapeApp) -> None:
    assert [answer.status_code for answer in fetched(images, faults.DeadUrl())] == [404, 404]


@pytest.mark.parametrize("path", ROUTES)
def test_a_list_can_be_empty_short_or_null(images: ShapeApp, path: str) -> None:
    assert texts(images, path, faults.EmptyList()) == []
    assert len(texts(images, path, faults.Fewer())) == 1
    answer = images.post(path, ASKED, faults.NullImage(message="no memory"))
    assert answer.status_code == 200
    assert (answer.json()[ROUTES[path]], answer.json()["error"]) == (None, "no memory")


@pytest.mark.parametrize("path", EMBEDDED)
def test_images_can_be_black_small_cut_or_html(images: ShapeApp, path: str) -> None:
    black, small = (picture(texts(images, path, fault)[0]) for fault in (Blank(), WrongSize()))

    assert (black.size, black.convert("L").getextrema()) == ((32, 32), (0, 0))
    assert small.size == (16, 16)
    with pytest.raises(OSError, match=r"truncated|cannot identify|broken"):
        picture(texts(images, path, TruncateMedia())[0])
    with pytest.raises(ValueError, match=r"base64|padding|characters"):
        picture(texts(images, path, faults.CutBase64())[0])
    html = texts(images, path, faults.HtmlInside())[0].removeprefix(URI)
    assert base64.b64decode(html).startswith(b"<!DOCTYPE html>")


def archive(images: ShapeApp, fault: AnyFault | None = None) -> Any:
    answer = images.post("/bundle", ASKED, fault)
    assert answer.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_a_bundle_holds_the_images(images: ShapeApp) -> None:
    with archive(images) as bundle:
        assert bundle.testzip() is None
        assert bundle.namelist() == ["0.png", "1.png"]
        assert bundle.read("0.png").startswith(b"\x89PNG")


def test_a_bundle_can_be_corrupt_cut_or_empty(images: ShapeApp) -> None:
    with archive(images, faults.BadCrc()) as corrupt, archive(images, faults.EmptyArchive()) as empty:
        assert corrupt.testzip() == "0.png"
        assert empty.namelist() == []
    with pytest.raises(zipfile.BadZipFile):
        archive(images, TruncateMedia())


def test_what_is_asked_for_wrongly_is_refused(images: ShapeApp) -> None:
    for path in [*ROUTES, "/bundle"]:
        assert images.post(path, {}).status_code == 422
        assert images.post(path, ASKED | {"width": 10**6}).status_code == 422
