"""`--modal-bench-generate`: makes test resources instead of running tests."""

from __future__ import annotations

import pytest

from pytest_modal_bench.call.spool import SpoolError
from pytest_modal_bench.catalogue import CatalogueError
from pytest_modal_bench.local.launch import LaunchError
from pytest_modal_bench.plugin.settings import session_inputs
from pytest_modal_bench.plugin.settings.resolution import resolve
from pytest_modal_bench.run.generate import NotGenerated, generate


def main(config: pytest.Config) -> int:
    """Make what the option asks for and return the exit code. Nothing else is run."""
    settings = resolve(config)
    catalogue = session_inputs.catalogue(config)
    try:
        for line in generate(settings, catalogue):
            print(f"modal-bench: {line}")  # noqa: T201 - no session, no reporter
    except (LaunchError, CatalogueError) as error:
        raise pytest.UsageError(str(error)) from None
    except (NotGenerated, SpoolError, OSError) as error:
        print(f"modal-bench: {error}")  # noqa: T201
        return pytest.ExitCode.TESTS_FAILED
    except KeyboardInterrupt:
        return pytest.ExitCode.INTERRUPTED
    return pytest.ExitCode.OK
