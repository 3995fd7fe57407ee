from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.catalogue import load
from pytest_modal_bench.local.control.address import ControlAccess
from pytest_modal_bench.plugin.settings import Settings
from pytest_modal_bench.run import control as access

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = {"MODAL_TOKEN_ID": "ak-real", "MODAL_TOKEN_SECRET": "as-real"}

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
    return load(path, environ={})


def settings(**changed: Any) -> Settings:
    plain: dict[str, Any] = dict.fromkeys(Settings.__dataclass_fields__) | {
        "cold": "observe",
        "workspace": "acme",
    }
    return Settings(**plain | changed)


def test_nobody_is_asked_without_a_reason(tmp_path: Path) -> None:
    assert not access.wanted(settings(), catalogue(tmp_path), {})
    assert not access.wanted(settings(), catalogue(tmp_path), {"MODAL_TOKEN_ID": "ak-real"})


def test_a_token_forcing_or_a_missing_url_is_a_reason(tmp_path: Path) -> None:
    without_url = catalogue(tmp_path, 'function = "web"')

    assert access.wanted(settings(), catalogue(tmp_path), TOKENS)
    assert access.wanted(settings(cold="force"), catalogue(tmp_path), {})
    assert access.wanted(settings(), without_url, {})
    assert not access.wanted(settings(workspace="local"), without_url, {}), "it says its URLs itself"


def test_a_real_token_never_goes_to_the_local_workspace() -> None:
    class Local:
        control = ControlAccess("http://127.0.0.1:1", "ak-local", "as-local")

    local: Any = Local()
    own = access.access(local, TOKENS)

    assert own == access.Access("http://127.0.0.1:1", "ak-local", "as-local")
    assert access.access(None, TOKENS) == access.Access(None, "ak-real", "as-real")


def test_a_token_stands_in_no_text() -> None:
    assert "as-" not in repr(access.Access("http://127.0.0.1:1", "ak-local", "as-local"))


def test_a_real_token_does_not_cross_to_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    own = access.access(None, TOKENS)
    crossed = access.as_builtins(own)

    assert crossed == [None, None, None]
    assert access.of_worker(crossed) == own, "it has the environment"
    local = access.Access("http://127.0.0.1:1", "ak-local", "as-local")
    assert access.of_worker(access.as_builtins(local) or []) == local
    assert access.as_builtins(None) is None


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
