"""Modal's deployed web functions as apps of a catalogue; no container is started for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.init.draft import App, Entry
from pytest_modal_bench.init.errors import InitError
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modal_bench.control.interface import WebFunction

_TOKEN_HEADERS = {"Modal-Key": "{env:MODAL_PROXY_TOKEN_ID}", "Modal-Secret": "{env:MODAL_PROXY_TOKEN_SECRET}"}
"""How a client shows a proxy token: https://modal.com/docs/guide/webhook-proxy-auth."""


def listed(
    environment: str | None, apps: Sequence[str], environ: Mapping[str, str]
) -> tuple[str | None, Sequence[WebFunction]]:
    """Ask Modal for the web functions of `apps`, or of all. Returns its name of the environment, too.

    Raises InitError where it can't be asked, or knows none.
    """
    from pytest_modal_bench.control import sdk

    try:
        plane = sdk.connect(
            environment=environment,
            token_id=environ.get("MODAL_TOKEN_ID"),
            token_secret=environ.get("MODAL_TOKEN_SECRET"),
        )
        try:
            found = plane.web_functions(apps)
            where = plane.environment
        finally:
            plane.close()
    except ControlError as error:
        raise InitError(str(error)) from None
    if not found:
        among = f"{counted(len(apps), 'app')}" if apps else "the apps"
        raise InitError(f"{among} of environment {where} have no web function")
    return where, found


def app(function: WebFunction, name: str) -> App:
    """Return a function as an app that the catalogue calls `name`."""
    return App(
        name=name,
        url=function.url.rstrip("/"),
        modal_app=function.app,
        function=function.name,
        gpu=function.gpu,
        scaledown_window=function.scaledown_window,
        asked=True,
    )


def names(functions: Sequence[WebFunction]) -> list[str]:
    """Return what the catalogue calls each: Modal's name of the app, with the function's where an app has several."""
    apps = [function.app for function in functions]
    return [each.app if apps.count(each.app) == 1 else f"{each.app}-{each.name}" for each in functions]


def entry(function: WebFunction, app: App) -> Entry:
    """Return the one route that is known of a function of which nothing is known but its address."""
    made = Entry(app=app.name, method=function.method or "GET", path="/", category=app.name)
    if function.method is None:
        made.unknown.append(
            "path, method and payload: Modal does not know the app's routes; init --modal --openapi asks the app"
        )
    elif function.method != "GET":
        made.unknown.append(
            "payload: Modal does not know what the function takes; init --modal --openapi asks the app"
        )
        made.suggested.append(("Such as", "payload", {"prompt": "A mountain lake at dawn", "seed": "{seed}"}))
    return made


def suggest_token(entries: Sequence[Entry]) -> None:
    """Add to endpoints of a function that wants a proxy token where it goes."""
    for each in entries:
        why = "Fill in: Modal lets only those in who have a proxy token: set the variables to one, then take the # away"
        each.suggested.append((why, "headers", dict(_TOKEN_HEADERS)))
