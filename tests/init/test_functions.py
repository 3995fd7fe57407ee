from __future__ import annotations

import pytest

from pytest_modal_bench.control.interface import WebFunction
from pytest_modal_bench.init import functions
from pytest_modal_bench.init.draft import App
from pytest_modal_bench.init.errors import InitError


def function(app: str = "flux", name: str = "Model.web", **more: object) -> WebFunction:
    return WebFunction(app=app, name=name, url=f"https://ryla--{app}.modal.run/", **more)  # type: ignore[arg-type]


def test_a_function_is_an_app_with_what_modal_knows_of_it() -> None:
    made = functions.app(function(gpu="L4", scaledown_window=60), "flux")
    assert made == App(
        name="flux",
        url="https://ryla--flux.modal.run",
        modal_app="flux",
        function="Model.web",
        gpu="L4",
        scaledown_window=60,
        asked=True,
    )


def test_functions_of_one_app_have_names_of_their_own() -> None:
    listed = [function("flux", "a"), function("flux", "B.web"), function("lora", "web")]
    assert functions.names(listed) == ["flux-a", "flux-B.web", "lora"]


def test_of_an_app_of_several_routes_none_is_known() -> None:
    entry = functions.entry(function(), App("flux", "https://a.example"))
    assert (entry.method, entry.path, entry.fields) == ("GET", "/", {})
    assert "init --modal --openapi" in entry.unknown[0]


def test_of_a_function_that_is_one_route_the_method_is_known() -> None:
    app = App("flux", "https://a.example")
    got = functions.entry(function(method="GET"), app)
    assert (got.method, got.path, got.unknown) == ("GET", "/", [])
    posted = functions.entry(function(method="POST"), app)
    assert (posted.method, posted.path) == ("POST", "/")
    assert posted.unknown[0].startswith("payload: ")


def test_who_needs_a_proxy_token_is_told_where_it_goes() -> None:
    entry = functions.entry(function(wants_token=True), App("flux", "https://a.example"))
    functions.suggest_token([entry])
    (_, name, headers) = entry.suggested[-1]
    assert name == "headers"
    assert headers.keys() == {"Modal-Key", "Modal-Secret"}
    assert all(value.startswith("{env:") for value in headers.values())


def test_without_a_token_nobody_is_asked() -> None:
    pytest.importorskip("modal")
    with pytest.raises(InitError, match="no Modal token: "):
        functions.listed(None, [], {})
