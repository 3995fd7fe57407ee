from __future__ import annotations

import json
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from measure_server import Received, Server, answer, answering
from openapi_documents import document, fields, post

from pytest_modal_bench.catalogue import load
from pytest_modal_bench.cli import main
from pytest_modal_bench.control.interface import WebFunction
from pytest_modal_bench.init import functions

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK = {"/work": post(fields({"prompt": {"type": "string"}}))}


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def app(paths: Any = None, **more: Any) -> Iterator[Server]:
    """An app that describes itself, and answers nothing else."""
    content = json.dumps(document(WORK if paths is None else paths, **more)).encode()

    def respond(received: Received) -> bytes:
        return answer(content) if received.path == "/openapi.json" else answer(status="404 Not Found")

    with Server(answering(respond)) as server:
        yield server
        asked = {f"{each.method} {each.path}" for each in server.received}
        assert asked <= {"GET /openapi.json", "GET /nothing/openapi.json", "GET /other.json"}


def problem(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["init", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert not Path("endpoints.toml").exists()
    *asked, said = captured.err.splitlines()
    assert all(each.startswith("asking ") for each in asked)
    return said


def test_it_writes_a_catalogue_and_says_what_is_next(capsys: pytest.CaptureFixture[str]) -> None:
    with app() as server:
        assert main(["init", server.url]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "endpoints.toml: 1 endpoint of 1 app"
    assert out[1].startswith("endpoints.toml:6: Fill in: ")
    assert out[-1] == "next: pytest --modal-bench --modal-bench-catalogue=endpoints.toml"
    catalogue = load(Path("endpoints.toml"))
    assert [(each.path, each.app, each.url) for each in catalogue.endpoints] == [
        ("/work", "trial", server.url)
    ]


def test_a_dry_run_prints_the_same_text_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with app() as server:
        assert main(["init", server.url, "--dry-run"]) == 0
        printed = capsys.readouterr().out
        assert not Path("endpoints.toml").exists()
        assert main(["init", server.url]) == 0
    assert Path("endpoints.toml").read_text() == printed


def test_a_file_that_is_there_is_not_written_over_and_nobody_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("endpoints.toml").write_text("mine")
    with app() as server:
        assert main(["init", server.url]) == 2
        assert server.received == []
        assert main(["init", server.url, "--output=sub/other.toml"]) == 0
    assert "is there already" in capsys.readouterr().err
    assert Path("endpoints.toml").read_text() == "mine"
    assert load(Path("sub/other.toml")).endpoints


def test_a_link_that_leads_nowhere_is_not_written_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("endpoints.toml").symlink_to(tmp_path / "elsewhere")
    with app() as server:
        assert main(["init", server.url]) == 2
    assert "endpoints.toml" in capsys.readouterr().err
    assert not Path("elsewhere").exists()


def test_several_apps_have_names_of_their_own() -> None:
    with (
        app() as one,
        app() as two,
        app(info={"title": "Zoë's app!"}) as three,
        app(info={"title": "FastAPI"}) as four,
    ):
        assert main(["init", one.url, two.url, three.url, four.url, f"{one.url}/"]) == 0
    names = [*load(Path("endpoints.toml")).apps]
    assert names[:3] == ["trial", "trial-2", "zo-s-app"]
    assert names[3].startswith("127-0-0-1-")
    assert len(names) == 4, "the same address twice is one app"


def test_another_host_that_an_app_names_is_not_believed() -> None:
    with app(servers=[{"url": "https://other.example"}]) as server:
        assert main(["init", server.url]) == 0
    text = Path("endpoints.toml").read_text()
    assert tomllib.loads(text)["apps"]["trial"]["url"] == server.url
    assert "# The app says that its routes are at https://other.example, another host: not believed" in text


def test_headers_are_sent_and_written_down_as_they_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INIT_TOKEN", "s3cret")
    with app() as server:
        assert main(["init", server.url, "--header", "X-Key: Bearer {env:INIT_TOKEN}"]) == 0
        assert server.received[0].headers["x-key"] == "Bearer s3cret"
    text = Path("endpoints.toml").read_text()
    assert "s3cret" not in text
    assert load(Path("endpoints.toml")).endpoints[0].headers == {"X-Key": "Bearer {env:INIT_TOKEN}"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("no colon", "--header: expected 'NAME: VALUE', such as 'Authorization: Bearer {env:TOKEN}'"),
        (
            "X: {env:INIT_UNSET}",
            "--header: X: the environment variable INIT_UNSET is not set; set it to the secret",
        ),
        (
            "Authorization: Bearer s3cret",
            "--header: Authorization: set a variable to the secret, and write {env:VARIABLE} for it",
        ),
        (
            "X-My-Token: s3cret",
            "--header: X-My-Token: set a variable to the secret, and write {env:VARIABLE} for it",
        ),
        ("a(b: c", "--header: headers: a(b: expected a header's name: letters, digits and '-'"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(
    capsys: pytest.CaptureFixture[str], header: str, expected: str
) -> None:
    assert problem(capsys, "http://127.0.0.1:9", "--header", header) == expected


def test_a_document_may_be_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with app() as server:
        for path in ("/other.json", "other.json"):
            said = problem(capsys, server.url, f"--openapi-path={path}")
            assert said == f"{server.url}/other.json: HTTP 404 Not Found"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "init wants base URLs of apps, such as https://acme--flux-web.modal.run; or --modal"),
        (("x.example",), "init: expected a URL that begins with https:// or http://"),
        (("http://127.0.0.1:9", "--openapi"), "--environment and --openapi go with --modal"),
        (("http://127.0.0.1:9", "--environment=dev"), "--environment and --openapi go with --modal"),
    ],
)
def test_wrong_usage_is_a_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    assert problem(capsys, *arguments) == expected


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_timeout_that_is_none_says_what_it_should_be(
    capsys: pytest.CaptureFixture[str], seconds: str
) -> None:
    with pytest.raises(SystemExit):
        main(["init", "http://127.0.0.1:9", f"--timeout={seconds}"])
    assert f"--timeout: expected seconds above 0 and up to 86400, got '{seconds}'" in capsys.readouterr().err


def test_an_app_that_is_not_there_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with app() as server:
        url = server.url
    assert problem(capsys, url).startswith(f"{url}/openapi.json: ")


def test_an_app_without_a_route_that_can_be_called_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with app({"/a/{x}": post()}) as server:
        said = problem(capsys, server.url)
    assert said == (
        "no route can be called as it is: POST /a/{x}: its path takes x, and the app gives no example of it"
    )


def test_one_app_that_fails_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with app() as good, app({}) as bad:
        assert problem(capsys, good.url, bad.url) == f"{bad.url}/openapi.json: describes no routes"


def test_it_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["init", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "any call starts a container" in said
    assert "no other route is called" in said


class TestModal:
    """With what Modal says of its functions."""

    @pytest.fixture
    def listed(self, monkeypatch: pytest.MonkeyPatch) -> list[WebFunction]:
        found: list[WebFunction] = []
        monkeypatch.setattr(functions, "listed", lambda *_: ("dev", found))
        return found

    def test_no_app_is_called_unless_it_is_asked_for(self, listed: list[WebFunction]) -> None:
        with app() as server:
            listed.append(
                WebFunction(app="flux", name="M.web", url=server.url, gpu="L4", scaledown_window=60)
            )
            assert main(["init", "--modal"]) == 0
            assert server.received == []
            written = load(Path("endpoints.toml"))
            assert [(each.path, each.gpu, each.function) for each in written.endpoints] == [
                ("/", "L4", "M.web")
            ]
            assert main(["init", "--modal", "--openapi", "--output=asked.toml"]) == 0
        asked = load(Path("asked.toml"))
        assert [(each.path, each.gpu, each.function) for each in asked.endpoints] == [
            ("/work", "L4", "M.web")
        ]
        assert asked.environment == "dev"

    def test_an_app_that_does_not_describe_itself_stands_there_with_why(
        self, listed: list[WebFunction]
    ) -> None:
        with app() as good, app() as bad:
            listed.append(WebFunction(app="flux", name="web", url=good.url))
            listed.append(WebFunction(app="raw", name="web", url=f"{bad.url}/nothing", wants_token=True))
            assert main(["init", "--modal", "--openapi"]) == 0
        text = Path("endpoints.toml").read_text()
        assert f"# Its routes are not known: {bad.url}/nothing/openapi.json: HTTP 404" in text
        assert '# headers = { Modal-Key = "{env:MODAL_PROXY_TOKEN_ID}"' in text
        assert [each.path for each in load(Path("endpoints.toml")).endpoints] == ["/work", "/"]
