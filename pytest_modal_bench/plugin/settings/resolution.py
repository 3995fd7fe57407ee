"""Options into one `Settings`: command line, then environment, then ini file, then default."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from pytest_modal_bench.model import Budget
from pytest_modal_bench.plugin.option_values import given, is_on
from pytest_modal_bench.plugin.settings import parsing, paths
from pytest_modal_bench.plugin.settings.catalogue_search import find_catalogue
from pytest_modal_bench.run.settings import LOCAL, Cold, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
D = TypeVar("D")

_RESOLVED = pytest.StashKey[Settings]()


def resolve(config: pytest.Config) -> Settings:
    """Settle every option once. Raises `pytest.UsageError` that names the source of a bad value."""
    if _RESOLVED not in config.stash:
        config.stash[_RESOLVED] = _resolve(config)
    return config.stash[_RESOLVED]


def _resolve(config: pytest.Config) -> Settings:
    def value(name: str, parse: Callable[[str], T], default: D) -> T | D:
        for values in given(config, f"modal_bench_{name}"):
            source, text, _ = values[-1]
            try:
                return parse(text)
            except ValueError as error:
                raise pytest.UsageError(f"{source}: {error}") from None
        return default

    workspace = value("workspace", parsing.name, None)
    path, asked_for = find_catalogue(config, local=workspace == LOCAL)
    quick = is_on(config, "modal_bench_quick")
    environment = value("environment", parsing.name, None)
    against, second_catalogue = paths.against(config, local=workspace == LOCAL)
    rounds = value("rounds", parsing.rounds, 3)
    if rounds is None and against is not None:
        raise pytest.UsageError(
            "--modal-bench-rounds=auto stops each endpoint by itself, and --modal-bench-against calls two in pairs: "
            "give a number of rounds"
        )
    cold: Cold = value("cold", parsing.cold, "observe")
    if cold == "force":
        if quick:
            raise pytest.UsageError(
                "--modal-bench-cold=force asks for cold starts and --modal-bench-quick for none: leave one of them out"
            )
        if environment is None:
            raise pytest.UsageError(
                "--modal-bench-cold=force stops the containers of the apps that it measures, so it wants to be told "
                "where: name the environment with --modal-bench-environment=NAME"
            )
    return Settings(
        quick=quick,
        workspace=workspace,
        environment=environment,
        catalogue=path,
        catalogue_asked_for=asked_for,
        rounds=_most_calls() if rounds is None else rounds,
        auto=rounds is None,
        cold="off" if quick else cold,
        cold_rounds=value("cold_rounds", parsing.count, 1),
        timeout=value("timeout", parsing.positive, None),
        reports=paths.reports(config),
        save_outputs=paths.save_outputs(config),
        max_cost=value("max_cost", parsing.positive, None),
        strict=is_on(config, "modal_bench_strict"),
        baseline=paths.baseline(config),
        baseline_last=value("baseline_last", parsing.count, None),
        budget=_budget(config),
        generate=_generate(config),
        scenario=value("scenario", str, "healthy"),
        time_scale=value("time_scale", parsing.positive, 0.01),
        against=against,
        against_catalogue=second_catalogue,
        load=_load(config),
        load_bind=value("load_bind", parsing.address, None),
        load_workers=value("load_workers", parsing.count, 0),
        load_only=is_on(config, "modal_bench_load_only"),
        traffic=value("traffic", parsing.positive, None),
    )


def _most_calls() -> int:
    """How many warm calls an endpoint gets at the most where nobody says how many."""
    from pytest_modal_bench.gate.stopping import LOOKS

    return LOOKS[-1]


def _generate(config: pytest.Config) -> tuple[str, ...]:
    for values in given(config, "modal_bench_generate"):
        try:
            return parsing.resources(",".join(text for _, text, _ in values))
        except ValueError as error:
            raise pytest.UsageError(f"{values[0][0]}: {error}") from None
    return ()


def _load(config: pytest.Config) -> tuple[str, ...]:
    for values in given(config, "modal_bench_load"):
        from pytest_modal_bench.load.spec import SpecError, parse

        for source, text, _ in values:
            try:
                parse(text)
            except SpecError as error:
                raise pytest.UsageError(f"{source}: {error}") from None
        return tuple(text for _, text, _ in values)
    return ()


def _budget(config: pytest.Config) -> Budget:
    from pytest_modal_bench.gate.budgets import parse

    budget = Budget()
    for source, text, _ in next(given(config, "modal_bench_budget"), []):
        try:
            budget = budget.under(parse(text))
        except ValueError as error:
            raise pytest.UsageError(f"{source}: {error}") from None
    return budget
