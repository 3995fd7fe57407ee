"""The command that serves the local workspace, for a person, or with `--json` for the program that started it."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.local.app import drawing
from pytest_modal_bench.local.app.shapes import sound
from pytest_modal_bench.local.containers import container
from pytest_modal_bench.local.containers.fork_server import ForkServer
from pytest_modal_bench.local.events import ContainerEvent, log_to
from pytest_modal_bench.local.identifiers import object_id
from pytest_modal_bench.local.supervisor import Addresses, ControlPlaneSettings, serving
from pytest_modal_bench.local.workspace import apps as workspace
from pytest_modal_bench.local.workspace import scenario
from pytest_modal_bench.local.workspace.catalogue import NAMES, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pytest_modal_bench.local.control.address import ControlAccess
    from pytest_modal_bench.local.events import LogEntry
    from pytest_modal_bench.local.workspace.apps import Workspace
    from pytest_modal_bench.local.workspace.catalogue import Name
    from pytest_modal_bench.local.workspace.scenario import Scenario


EXTRA = {"google", "grpclib", "modal_proto"}
NO_EXTRA = "the control plane needs the extra `modal`: pip install 'pytest-modal-bench[modal]'"


class UsageError(Exception):
    """An option that cannot be fulfilled; the message is one line."""


def main() -> None:
    """Serve until a signal, or the end of standard input under `--json`.

    Exits with 2 and one line for a scenario that is not valid, for a control plane without its extra, and for a
    log that cannot be written.
    """
    options = parser().parse_args()
    space = workspace.read(options.catalogue)
    fork_server: ForkServer | None = None
    try:
        chosen = scenario.read(options.scenario, space)
        fork_server = ForkServer(container.serve)
        control = control_plane_settings(
            options
        )  # after the fork, so that containers do not carry its imports
        with log_file(options) as log:
            asyncio.run(run(space, chosen, fork_server, control, options, log))
    except (scenario.ScenarioError, UsageError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    finally:
        if fork_server:
            fork_server.close()


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pytest_modal_bench.local",
        description="Serve Modal's behaviour on loopback, with simulated models: the 21 endpoints of a real workspace,"
        " or one endpoint of every shape.",
    )
    parser.add_argument(
        "--catalogue",
        choices=NAMES,
        default=REFERENCE,
        help=f"whose endpoints are served (default: {REFERENCE})",
    )
    parser.add_argument(
        "--scenario",
        default="healthy",
        metavar="NAME",
        help=f"{'; '.join(_scenarios_of(name) for name in NAMES)}; or a path that ends in .toml",
    )
    parser.add_argument(
        "--time-scale",
        type=positive,
        default=0.01,
        metavar="X",
        help="real seconds per simulated second (default: 0.01)",
    )
    parser.add_argument(
        "--environment", default="main", metavar="NAME", help="name of the one environment (default: main)"
    )
    parser.add_argument(
        "--control-plane",
        action=argparse.BooleanOptionalAction,
        help="serve Modal's control plane to the `modal` SDK and CLI (default: if the extra `modal` is there,"
        " and without --json)",
    )
    parser.add_argument("--token-id", default=None, metavar="ID", help="its token's id (default: drawn)")
    parser.add_argument(
        "--token-secret", default=None, metavar="SECRET", help="its token's secret (default: drawn)"
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="append what happens to containers and calls, as lines of JSON",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON, and stop at the end of standard input"
    )
    return parser


def _scenarios_of(name: Name) -> str:
    return f"with {name}: {', '.join(scenario.known(name))}"


def positive(text: str) -> float:
    """Read a number above zero and below infinity; raises `ValueError` for any other."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def control_plane_settings(options: argparse.Namespace) -> ControlPlaneSettings | None:
    """The settings of the control plane; None: there is to be none.

    Raises `UsageError` if the options ask for one and its extra is missing.
    """
    wanted = options.control_plane
    if wanted is False or (wanted is None and options.json):
        return None
    try:
        from pytest_modal_bench.local.control import server, servicer  # noqa: F401 - whether it can be imported
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        if wanted:
            raise UsageError(NO_EXTRA) from error
        return None
    token = options.token_id or object_id("ak"), options.token_secret or object_id("as")
    return ControlPlaneSettings(options.environment, token)


@contextmanager
def log_file(options: argparse.Namespace) -> Generator[Callable[[LogEntry], None]]:
    """Open the log; raises `UsageError` if it is a file that cannot be written."""
    with ExitStack() as stack:
        try:
            log = stack.enter_context(log_to(options.log, ignore_entry if options.json else print_entry))
        except OSError as error:
            raise UsageError(f"--log {options.log}: {error.strerror}") from error
        yield log


async def run(  # noqa: PLR0913, PLR0917 - all that was decided before
    space: Workspace,
    chosen: Scenario,
    fork_server: ForkServer,
    control: ControlPlaneSettings | None,
    options: argparse.Namespace,
    log: Callable[[LogEntry], None],
) -> None:
    """Serve, print the addresses, and wait for the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(
        space, chosen, fork_server, time_scale=options.time_scale, control=control, log=log
    ) as addresses:
        if options.json:
            print_line(json.dumps(description(space, chosen, addresses, options)))
            on_end_of_input(lambda: loop.call_soon_threadsafe(stop.set))
        else:
            print_line(banner(space, chosen, addresses, options))
        await stop.wait()


def simulated(catalogue: Name, time_scale: float) -> str:
    """What in the workspace is simulated, in words."""
    times = "model load and inference times"
    if catalogue != REFERENCE:
        times = "texts and sounds, the pace of their tokens, model load and inference times"
    return f"{times}, at {time_scale:g} real seconds per simulated second"


def description(
    space: Workspace, chosen: Scenario, addresses: Addresses, options: argparse.Namespace
) -> dict[str, Any]:
    """Describe the workspace to the program that started it, test resources included."""
    given = chosen.resources
    draw = {
        "image": drawing.portrait_png,
        "video": drawing.portrait_png if given.video == "still" else drawing.clip_mp4,
        "mask": drawing.portrait_png if given.mask == "portrait" else drawing.mask_png,
        "voice": sound.voice_wav,
    }
    return {
        "workspace": space.workspace,
        "environment": options.environment,
        "urls": addresses.urls,
        "control": addresses.control and addresses.control._asdict(),
        "resources": {
            name: base64.b64encode(make()).decode() if getattr(given, name) else None
            for name, make in draw.items()
        },
        "lora": given.lora,
        "simulated": simulated(space.name, options.time_scale),
    }


def banner(space: Workspace, chosen: Scenario, addresses: Addresses, options: argparse.Namespace) -> str:
    """Describe the workspace to a person."""
    width = max(map(len, addresses.urls))
    lines = [
        f"Workspace {space.workspace}, scenario {options.scenario}: {chosen.summary}",
        f"Simulated: {simulated(space.name, options.time_scale)}",
        "",
    ]
    for name, url in addresses.urls.items():
        lines.append(f"{name:{width}}  {url}")
        endpoints = space.apps[name].endpoints.items()
        lines += [f"{'':{width}}  {endpoint.method} {path}" for path, endpoint in endpoints]
    return "\n".join([*lines, "", *control_plane_help(addresses.control, options), "Ctrl-C stops it."])


def control_plane_help(access: ControlAccess | None, options: argparse.Namespace) -> list[str]:
    """Lines that say how to use the control plane, or how to get one."""
    if access:
        return [
            f"Control plane for the `modal` SDK and CLI, environment {options.environment}:",
            f"export MODAL_SERVER_URL={access.url}",
            f"export MODAL_TOKEN_ID={access.token_id}",
            f"export MODAL_TOKEN_SECRET={access.token_secret}",
            "Its containers, settings and records are real; its GPUs are not, and nothing is billed.",
            "",
        ]
    return [] if options.control_plane is False else [f"No control plane: {NO_EXTRA}", ""]


def print_entry(entry: LogEntry) -> None:
    """Print what happens to containers, for a person; calls are not printed."""
    if isinstance(entry, ContainerEvent):
        print_line(f"{entry.container} {entry.what} ({entry.app})")


def ignore_entry(entry: LogEntry) -> None:
    """Print nothing: a program that asked for JSON reads one line."""


def print_line(text: str) -> None:
    """Print a line at once; once the reader has gone, print nothing more."""
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
