"""What the project's own tests share."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import prepared_modules
import pytest
from prepared_interpreter import INTERPRETER
from project import HOSTS, WITHOUT_OTHER_PLUGINS, Handler, Project, Server, Service

if TYPE_CHECKING:
    from collections.abc import Iterator


TESTS = Path(__file__).parent

try:
    import hypothesis
except ImportError:
    pass  # the benchmark in `tests/endpoints` runs without what the tests need
else:
    # How long an example takes, or drawing it, is no property of what is tested: other work may hold the cores.
    too_slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=too_slow)
    hypothesis.settings.load_profile("tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mix the files for the workers of a run: those whose tests wait among those whose tests compute.

    Each worker begins with a piece of the list. In the order of their names, all whole runs would be the last worker's.
    """
    if not hasattr(config, "workerinput") or config.getoption("--modal-bench"):
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    drawn = sorted(files, key=lambda path: hashlib.sha256(str(path.relative_to(TESTS)).encode()).digest())
    items[:] = [item for path in drawn for item in files[path]]


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let a test interrupt its own process: one that a shell has started in the background ignores SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def prepared_programs() -> Iterator[None]:
    """Start workspaces and decoders from a test's own process as quickly as from a project's runs."""
    with prepared_modules.used(INTERPRETER.server):
        yield


@pytest.fixture
def service() -> Iterator[Service]:
    """A running `Service`, the same at each of `HOSTS`."""
    stopped = threading.Event()
    handler = type("Handler", (Handler,), {"stopped": stopped})
    servers = [Server((HOSTS[0], 0), handler)]
    port = servers[0].server_port
    servers += [Server((host, port), handler) for host in HOSTS[1:]]
    handler.service = Service(f"http://{HOSTS[0]}:{port}")  # type: ignore[attr-defined]
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}) for server in servers
    ]
    for thread in threads:
        thread.start()
    yield handler.service  # type: ignore[attr-defined]
    stopped.set()
    handler.service.released.set()  # type: ignore[attr-defined]
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project, out of sight of the session and the machine that run this test."""
    for name in list(os.environ):
        if name.startswith(("PYTEST_XDIST", "MODAL_", "PYTEST_ADDOPTS", "PYTEST_TIMEOUT")):
            monkeypatch.delenv(name)
    # Other people's plugins take a second to load, in each of hundreds of runs and of their workers.
    monkeypatch.setenv("PYTEST_ADDOPTS", WITHOUT_OTHER_PLUGINS)
    pytester.makeini("[pytest]\naddopts = -W error\n")
    return Project(pytester)


@pytest.fixture
def all_plugins(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the project's runs load whatever plugins are installed, as they do for users."""
    del project
    monkeypatch.delenv("PYTEST_ADDOPTS")
