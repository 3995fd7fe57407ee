from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.catalogue import load
from pytest_modal_bench.control.interface import Autoscaler, ControlError
from pytest_modal_bench.local.control.address import ControlAccess
from pytest_modal_bench.run import control
from pytest_modal_bench.run.control import Credentials, credentials
from pytest_modal_bench.run.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


TOKENS = {"MODAL_TOKEN_ID": "ak-real", "MODAL_TOKEN_SECRET": "as-real"}

LOCAL = ControlAccess("http://127.0.0.1:1", "ak-local", "as-local")

CATALOGUE = """
[apps.one]
{one}
[apps.two]
url = "https://two.modal.run"
function = "web"
[[endpoints]]
path = "/a"
app = "one"
category = "A"
[[endpoints]]
path = "/b"
app = "two"
category = "A"
"""


def catalogue(tmp_path: Path, one: str = 'url = "https://one.modal.run"') -> Any:
    path = tmp_path / "endpoints.toml"
    path.write_text(CATALOGUE.format(one=one))
    return load(path)


def settings(**changed: Any) -> Settings:
    plain: dict[str, Any] = dict.fromkeys(Settings.__dataclass_fields__) | {
        "cold": "observe",
        "workspace": "acme",
    }
    return Settings(**plain | changed)


def test_nobody_is_asked_without_a_reason(tmp_path: Path) -> None:
    assert not control.wanted(settings(), catalogue(tmp_path), {})
    assert not control.wanted(settings(), catalogue(tmp_path), {"MODAL_TOKEN_ID": "ak-real"})


def test_a_token_forcing_or_a_missing_url_is_a_reason(tmp_path: Path) -> None:
    without_url = catalogue(tmp_path, 'function = "web"')

    assert control.wanted(settings(), catalogue(tmp_path), TOKENS)
    assert control.wanted(settings(cold="force"), catalogue(tmp_path), {})
    assert control.wanted(settings(), without_url, {})
    assert not control.wanted(settings(workspace="local"), without_url, {}), "it says its URLs itself"


def test_a_real_token_never_goes_to_the_local_workspace() -> None:
    assert credentials(LOCAL, TOKENS) == Credentials("http://127.0.0.1:1", "ak-local", "as-local")
    assert credentials(None, TOKENS) == Credentials(None, "ak-real", "as-real")


def test_a_token_stands_in_no_text() -> None:
    own = credentials(LOCAL, {})

    assert "-local" not in repr(own) + str(own)


def test_a_real_token_does_not_cross_to_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    own = credentials(None, TOKENS)

    assert own.crossing() == [None, None, None]
    assert Credentials.crossed(own.crossing()) == own, "it has the environment"
    local = credentials(LOCAL, TOKENS)
    assert local.crossing() == ["http://127.0.0.1:1", "ak-local", "as-local"]
    assert Credentials.crossed(local.crossing()) == local


def test_an_app_may_have_a_function_instead_of_a_url(tmp_path: Path) -> None:
    found = catalogue(tmp_path, 'function = "ComfyUI.web"')

    assert [app.name for app in found.without_url] == ["one"]
    assert found.pools == ("one/ComfyUI.web", "https://two.modal.run")
    called = found.with_urls({"one": "https://asked.modal.run/", "two": "https://two.modal.run"})
    assert [endpoint.url for endpoint in called.endpoints] == [
        "https://asked.modal.run",
        "https://two.modal.run",
    ]
    assert called.pools == found.pools


# --- At the beginning of a run ---


GONE = ControlError("the control plane is gone; check the network")
WITHOUT_URL = 'function = "web"'
BEFORE = Autoscaler(min_containers=1)


class Plane:
    """A control plane that knows the URLs of functions, by app."""

    server_url = "https://api.modal.example"
    environment: str | None = None

    def __init__(self, **urls: str | None) -> None:
        self.urls = urls
        self.restored: list[tuple[str, str, Autoscaler]] = []
        self.closed = False

    def function(self, app: str, name: str) -> Any:
        return Function(self, app, name)

    def close(self) -> None:
        self.closed = True


class Function:
    """One function of a `Plane`."""

    def __init__(self, plane: Plane, app: str, name: str) -> None:
        self.plane, self.app, self.name = plane, app, name

    def web_url(self) -> str | None:
        return self.plane.urls[self.app]

    def set_autoscaler(self, settings: Autoscaler) -> None:
        self.plane.restored.append((self.app, self.name, settings))


class Connecting:
    """Connects to `plane`, or raises it."""

    def __init__(self) -> None:
        self.plane: Plane | ControlError = Plane()
        self.asked: list[tuple[Credentials, str | None]] = []
        """With which credentials, and for which environment."""

    def __call__(self, own: Credentials, environment: str | None) -> Any:
        self.asked.append((own, environment))
        if isinstance(self.plane, ControlError):
            raise self.plane
        return self.plane


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> Connecting:
    """Instead of Modal's SDK, in an environment without a token."""
    for name in TOKENS:
        monkeypatch.delenv(name, raising=False)
    connecting = Connecting()
    monkeypatch.setattr(control, "connect", connecting)
    return connecting


def leave_a_change(root: Path) -> None:
    """Leave what a run leaves that is killed while it forces cold starts."""
    control.journal(root).open(
        server_url=Plane.server_url, environment=None, app="two", function="web", before=BEFORE
    ).release()


def both(tmp_path: Path) -> Any:
    """A catalogue of which each app has a function and a URL."""
    return catalogue(tmp_path, 'url = "https://one.modal.run"\nfunction = "web"')


def test_without_a_reason_nobody_is_asked_and_what_waits_to_be_put_back_is_noted(
    tmp_path: Path, connecting: Connecting
) -> None:
    given = catalogue(tmp_path)
    leave_a_change(tmp_path)
    opened = control.opened(settings(), given, None, tmp_path)

    assert (opened.credentials, opened.observer, opened.catalogue) == (None, None, given)
    assert "left the autoscaler of two/web changed" in opened.notes[0]
    assert connecting.asked == []


def test_the_control_plane_is_asked_for_urls_that_the_catalogue_does_not_give(
    tmp_path: Path, connecting: Connecting
) -> None:
    connecting.plane = Plane(one="https://asked.modal.run")
    opened = control.opened(settings(), catalogue(tmp_path, WITHOUT_URL), None, tmp_path)

    assert [endpoint.url for endpoint in opened.catalogue.endpoints] == [
        "https://asked.modal.run",
        "https://two.modal.run",
    ]
    assert (opened.credentials, opened.notes) == (Credentials(None, None, None), [])
    assert opened.observer is not None
    opened.observer.close()
    assert connecting.plane.closed


def test_a_function_that_serves_nothing_is_an_error_with_the_way_out(
    tmp_path: Path, connecting: Connecting
) -> None:
    connecting.plane = Plane(one=None)
    with pytest.raises(ControlError) as caught:
        control.opened(settings(), catalogue(tmp_path, WITHOUT_URL), None, tmp_path)

    assert str(caught.value) == (
        "endpoints.toml: apps.one: web is no web function; name the one that serves its endpoints, or give url"
    )
    assert connecting.plane.closed


@pytest.mark.parametrize("cold", ["observe", "force"])
def test_who_needs_an_answer_cannot_do_without_a_control_plane(
    tmp_path: Path, connecting: Connecting, cold: str
) -> None:
    connecting.plane = GONE
    given = both(tmp_path) if cold == "force" else catalogue(tmp_path, WITHOUT_URL)
    with pytest.raises(ControlError) as caught:
        control.opened(settings(cold=cold), given, None, tmp_path)

    assert caught.value is GONE


def test_who_asks_for_evidence_alone_can(
    tmp_path: Path, connecting: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting.plane = GONE
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    given = catalogue(tmp_path)
    opened = control.opened(settings(), given, None, tmp_path)

    assert opened == (None, None, given, [f"cold starts stay unverified: {GONE}"])
    assert connecting.asked == [(Credentials(None, "ak-real", "as-real"), None)]


def test_who_forces_cold_starts_has_to_name_the_functions(tmp_path: Path, connecting: Connecting) -> None:
    with pytest.raises(ControlError) as caught:
        control.opened(settings(cold="force"), catalogue(tmp_path), None, tmp_path)

    assert str(caught.value).startswith("endpoints.toml: apps.one: function: missing; ")
    assert connecting.asked == []


def test_the_local_workspaces_control_plane_is_asked_with_its_own_token(
    tmp_path: Path, connecting: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    given = catalogue(tmp_path, WITHOUT_URL)
    opened = control.opened(settings(workspace="local"), given, LOCAL, tmp_path)

    assert connecting.asked == [(Credentials(*LOCAL), None)]
    assert (opened.credentials, opened.catalogue) == (Credentials(*LOCAL), given), "it says its URLs itself"


def test_what_a_killed_run_left_changed_is_put_back_first(tmp_path: Path, connecting: Connecting) -> None:
    connecting.plane = plane = Plane()
    leave_a_change(tmp_path)
    opened = control.opened(settings(cold="force"), both(tmp_path), None, tmp_path)

    assert plane.restored == [("two", "web", BEFORE)]
    assert [note.startswith("put back the autoscaler of two/web") for note in opened.notes] == [True]
    assert (tmp_path / control.JOURNAL).is_dir()


def test_what_a_worker_left_changed_that_died_is_put_back(tmp_path: Path, connecting: Connecting) -> None:
    connecting.plane = plane = Plane()
    asked = control.observer(Credentials(None, None, None), settings(), "main", tmp_path)
    assert control.restore(asked, tmp_path) == []

    leave_a_change(tmp_path)
    assert [line.startswith("put back") for line in control.restore(asked, tmp_path)] == [True]
    assert plane.restored == [("two", "web", BEFORE)]
    assert connecting.asked == [(Credentials(None, None, None), "main")], "it is connected once"


def test_where_nothing_can_be_put_back_a_line_says_why(tmp_path: Path, connecting: Connecting) -> None:
    connecting.plane = GONE
    asked = control.observer(Credentials(None, None, None), settings(), None, tmp_path)

    assert control.restore(asked, tmp_path) == [str(GONE)]


def test_the_project_is_what_git_knows_or_else_the_nearest_directory_with_its_files(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert control.project(below) == below

    (tmp_path / "a" / "tox.ini").touch()
    assert control.project(below) == tmp_path / "a"
    (below / "endpoints.toml").touch()
    assert control.project(below) == below

    (tmp_path / ".git").mkdir()
    assert control.project(below) == tmp_path
    assert control.project(tmp_path / "a") == tmp_path
