"""What is refused before a call costs money for it: reports that have no place, and loads that can't be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.catalogue.errors import shown

if TYPE_CHECKING:
    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.run.settings import Settings


def check_places(settings: Settings) -> None:
    """Raise `pytest.UsageError` for a place that nothing can be written to, before a call costs money for it."""
    from pytest_modal_bench.report.write import gate_beside
    from pytest_modal_bench.safety.files import directory_obstacle, obstacle

    for path in (*settings.reports, gate_beside(settings.reports)):
        reason = obstacle(path)
        if reason is not None:
            raise pytest.UsageError(
                f"report {shown(str(path))}: can't be written: {reason}; name another with --modal-bench-report=PATH"
            )
    if settings.save_outputs is not None:
        reason = directory_obstacle(settings.save_outputs)
        if reason is not None:
            raise pytest.UsageError(
                f"answers in {shown(str(settings.save_outputs))}: can't be written: {reason}; "
                "name another with --modal-bench-save-outputs=DIR"
            )


def check_loads(settings: Settings, catalogue: Catalogue) -> None:
    """Raise `pytest.UsageError` for a load that can't be made, before a call costs money for it."""
    written = {endpoint.path: endpoint.load for endpoint in catalogue.endpoints if endpoint.load}
    if not settings.load and not written:
        if settings.load_only:
            raise pytest.UsageError(
                "--modal-bench-load-only: no endpoint has a load: give one with --modal-bench-load=SPEC, or in the "
                "catalogue"
            )
        return
    if settings.load_workers and settings.load_bind is None:
        raise pytest.UsageError(
            "--modal-bench-load-workers: they have nowhere to connect: give --modal-bench-load-bind=HOST:PORT"
        )
    from pytest_modal_bench.load.processes import MissingEngine, require_engine
    from pytest_modal_bench.load.spec import SpecError, parse

    for path, text in written.items():
        try:
            parse(text)
        except SpecError as error:
            raise pytest.UsageError(f"{catalogue.path.name}: {path}: load: {error}") from None
    try:
        require_engine()
    except MissingEngine as error:
        raise pytest.UsageError(str(error)) from None
