"""The command that serves the local workspace: by hand, or (`--json`) for a process that started it."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.local import container, media, scenario, workspace
from pytest_modal_bench.local.supervisor import serving
from pytest_modal_bench.local.zygote import Zygote

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.local.pool import Event
    from pytest_modal_bench.local.scenario import Scenario
    from pytest_modal_bench.local.workspace import Workspace


def main() -> None:
    """Serve until a signal, or the end of standard input under `--json`.

    Exits with 2 and one line for a scenario that does not hold together.
    """
    options = parser().parse_args()
    space = workspace.read()
    try:
        chosen = scenario.read(options.scenario, space)
    except scenario.ScenarioError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    zygote = Zygote(container.serve)
    try:
        asyncio.run(run(space, chosen, zygote, options))
    finally:
        zygote.close()


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pytest_modal_bench.local",
        description="Serve Modal's behaviour on loopback: 21 endpoints in 8 apps, with simulated models.",
    )
    parser.add_argument(
        "--scenario",
        default="healthy",
        metavar="NAME",
        help="healthy, reference, or a path that ends in .toml",
    )
    parser.add_argument(
        "--time-scale",
        type=positive,
        default=0.01,
        metavar="X",
        help="real seconds per simulated second (default: 0.01)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON, and stop at the end of standard input"
    )
    return parser


def positive(text: str) -> float:
    """Read a number above zero and below infinity; raises `ValueError` for any other."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


async def run(space: Workspace, chosen: Scenario, zygote: Zygote, options: argparse.Namespace) -> None:
    """Serve, say that it serves, and wait for the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    log = forget if options.json else show
    async with serving(space, chosen, zygote, time_scale=options.time_scale, log=log) as urls:
        if options.json:
            say(json.dumps(description(space, chosen, urls, options.time_scale)))
            on_end_of_input(lambda: loop.call_soon_threadsafe(stop.set))
        else:
            say(banner(space, chosen, urls, options))
        await stop.wait()


def simulated(time_scale: float) -> str:
    """Say what of the workspace is not real."""
    return f"model load and inference times, at {time_scale:g} real seconds per simulated second"


def description(
    space: Workspace, chosen: Scenario, urls: dict[str, str], time_scale: float
) -> dict[str, Any]:
    """Describe the workspace to the process that started it, test resources included."""
    draw = {"image": media.portrait_png, "video": media.clip_mp4, "mask": media.mask_png}
    return {
        "workspace": space.workspace,
        "urls": urls,
        "resources": {
            name: base64.b64encode(make()).decode() if getattr(chosen.resources, name) else None
            for name, make in draw.items()
        },
        "lora": chosen.resources.lora,
        "simulated": simulated(time_scale),
    }


def banner(space: Workspace, chosen: Scenario, urls: dict[str, str], options: argparse.Namespace) -> str:
    """Describe the workspace to a person."""
    width = max(map(len, urls))
    lines = [
        f"Workspace {space.workspace}, scenario {options.scenario}: {chosen.summary}",
        f"Simulated: {simulated(options.time_scale)}",
        "",
    ]
    for name, url in urls.items():
        lines.append(f"{name:{width}}  {url}")
        lines += [f"{'':{width}}  POST {path}" for path in space.apps[name].endpoints]
    return "\n".join([*lines, "", "Ctrl-C stops it."])


def show(event: Event) -> None:
    """Tell a person what happens to containers."""
    say(f"{event.container} {event.what} ({event.app})")


def forget(_event: Event) -> None:
    """Tell nobody: a process that asked for JSON reads one line."""


def say(text: str) -> None:
    """Print at once; if nobody reads any more, go on in silence."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def on_end_of_input(then: Callable[[], object]) -> None:
    """Call `then` at the end of standard input, whatever that is: a pipe, a file, a terminal."""

    def wait() -> None:
        # Not through `sys.stdin`, whose lock a thread must not hold when the interpreter ends.
        while os.read(0, 4096):
            pass
        then()

    threading.Thread(target=wait, daemon=True).start()
