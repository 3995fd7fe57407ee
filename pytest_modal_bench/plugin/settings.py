"""Options into one `Settings`: command line, then environment, then ini file, then default."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

import pytest

from pytest_modal_bench.catalogue import Catalogue, CatalogueError, load
from pytest_modal_bench.catalogue.errors import shown
from pytest_modal_bench.local.workspace.catalogue import is_own, named, own_catalogue
from pytest_modal_bench.model import Budget
from pytest_modal_bench.plugin.option_values import given, is_on
from pytest_modal_bench.run.settings import LOCAL, Cold, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_modal_bench.gate.baselines import History
    from pytest_modal_bench.run.base import Base

CATALOGUE_NAME = "endpoints.toml"
GENERATED = ("image", "video")
_REPORT_VARIABLE = "MODAL_BENCH_REPORT"
_LAST_PORT = 65535
_DEFAULT_REPORTS = ("modal-bench-report.md", "modal-bench-report.json")
_HTML_REPORT = "modal-bench-report.html"
"""By default, too, where the extra `html` is installed."""

T = TypeVar("T")
D = TypeVar("D")


_RESOLVED = pytest.StashKey[Settings]()
_CATALOGUE = pytest.StashKey[Catalogue]()
_BASE = pytest.StashKey["Base | None"]()
_HISTORY = pytest.StashKey["History | None"]()


def resolve(config: pytest.Config) -> Settings:
    """Settle every option once. Raises `pytest.UsageError` that names the source of a bad value."""
    if _RESOLVED not in config.stash:
        config.stash[_RESOLVED] = _resolve(config)
    return config.stash[_RESOLVED]


def catalogue(config: pytest.Config) -> Catalogue:
    """The session's catalogue, read once. Raises `pytest.UsageError` that says what is wrong with it."""
    if _CATALOGUE not in config.stash:
        settings = resolve(config)
        try:
            config.stash[_CATALOGUE] = load(
                settings.catalogue,
                root=config.rootpath,
                workspace=None if settings.local else settings.workspace,
                environment=settings.environment,
                # Nothing is looked for, nor made, in the package's own directory.
                media=config.rootpath if is_own(settings.catalogue) else None,
            )
        except CatalogueError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_CATALOGUE]


def base(config: pytest.Config) -> Base | None:
    """What the endpoints are called in turn with, read once. Raises `pytest.UsageError` that says what is wrong."""
    if _BASE not in config.stash:
        settings = resolve(config)
        config.stash[_BASE] = None if settings.against is None else _read_base(config, settings)
    return config.stash[_BASE]


def _read_base(config: pytest.Config, settings: Settings) -> Base:
    from pytest_modal_bench.run.base import Base, BaseError

    own = catalogue(config)
    try:
        if settings.local:
            return Base(settings, own)
        second = settings.against_catalogue
        return Base(
            settings,
            load(
                own.path if second is None else second,
                root=config.rootpath,
                workspace=settings.workspace,
                environment=settings.against if second is None else None,
            ),
        )
    except (BaseError, CatalogueError) as error:
        raise pytest.UsageError(str(error)) from None


def history(config: pytest.Config) -> History | None:
    """The earlier runs to compare with, read once. Raises `pytest.UsageError` that says what is wrong with them."""
    if _HISTORY not in config.stash:
        settings = resolve(config)
        config.stash[_HISTORY] = (
            None
            if settings.baseline is None
            else _read_history(settings.baseline, settings, catalogue(config))
        )
    return config.stash[_HISTORY]


def _read_history(path: Path, settings: Settings, catalogue: Catalogue) -> History:
    from pytest_modal_bench.gate.baselines import History, Where
    from pytest_modal_bench.gate.earlier.reports import BaselineError

    try:
        where = Where(LOCAL if settings.local else catalogue.workspace, settings.environment)
        return History.load(path, where, settings.baseline_last)
    except BaselineError as error:
        raise pytest.UsageError(str(error)) from None


def pools(config: pytest.Config) -> int:
    """How many pools the endpoints have that may be selected; at least one."""
    from pytest_modal_bench.plugin.selection import possible

    return len({endpoint.pool for endpoint in possible(config, catalogue(config).endpoints)}) or 1


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


def _resolve(config: pytest.Config) -> Settings:
    def value(name: str, parse: Callable[[str], T], default: D) -> T | D:
        for values in given(config, f"modal_bench_{name}"):
            source, text, _ = values[-1]
            try:
                return parse(text)
            except ValueError as error:
                raise pytest.UsageError(f"{source}: {error}") from None
        return default

    workspace = value("workspace", _name, None)
    path, asked_for = _find_catalogue(config, local=workspace == LOCAL)
    quick = is_on(config, "modal_bench_quick")
    environment = value("environment", _name, None)
    against, second_catalogue = _against(config, local=workspace == LOCAL)
    rounds = value("rounds", _rounds, 3)
    if rounds is None and against is not None:
        raise pytest.UsageError(
            "--modal-bench-rounds=auto stops each endpoint by itself, and --modal-bench-against calls two in pairs: "
            "give a number of rounds"
        )
    cold: Cold = value("cold", _cold, "observe")
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
        cold_rounds=value("cold_rounds", _count, 1),
        timeout=value("timeout", _positive, None),
        reports=_reports(config),
        save_outputs=_directory(config),
        max_cost=value("max_cost", _positive, None),
        strict=is_on(config, "modal_bench_strict"),
        baseline=_baseline(config),
        baseline_last=value("baseline_last", _count, None),
        budget=_budget(config),
        generate=_generate(config),
        scenario=value("scenario", str, "healthy"),
        time_scale=value("time_scale", _positive, 0.01),
        against=against,
        against_catalogue=second_catalogue,
        load=_load(config),
        load_bind=value("load_bind", _address, None),
        load_workers=value("load_workers", _count, 0),
        load_only=is_on(config, "modal_bench_load_only"),
        traffic=value("traffic", _positive, None),
    )


def _path(base: Path, name: str) -> Path:
    """The path `name` as pytest takes paths: from `base`, and without `..`."""
    return Path(os.path.normpath(base / name))


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    """Whether a path is what is asked; one that no file can have, as it is too long, is nothing."""
    try:
        return what(path)
    except (OSError, ValueError):
        return False


def _generate(config: pytest.Config) -> tuple[str, ...]:
    for values in given(config, "modal_bench_generate"):
        try:
            return _resources(",".join(text for _, text, _ in values))
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


def _reports(config: pytest.Config) -> tuple[Path, ...]:
    from pytest_modal_bench.report.extras import MissingExtra
    from pytest_modal_bench.report.html import shell
    from pytest_modal_bench.report.write import format_of, known, require_extra

    names = [*_DEFAULT_REPORTS, *([_HTML_REPORT] if shell.installed() else [])]
    default = [("", name, config.rootpath) for name in names]
    paths = []
    for source, text, base in next(given(config, "modal_bench_report"), default):
        # A repeated option and an ini key are one path each; a variable holds them all, with spaces between them.
        for name in text.split() if source == _REPORT_VARIABLE else [text]:
            path = _path(base, name)
            if format_of(path) is None:
                raise pytest.UsageError(f"{source}: {path.name}: a report's name ends in {known()}")
            try:
                require_extra(path)
            except MissingExtra as missing:
                raise pytest.UsageError(f"{source}: {path.name}: {missing}") from None
            if _is(Path.is_dir, path):
                raise pytest.UsageError(f"{source}: {path.name}: is a directory, name a file in it")
            paths.append(path)
    return tuple(dict.fromkeys(paths))


def _directory(config: pytest.Config) -> Path | None:
    for values in given(config, "modal_bench_save_outputs"):
        source, name, base = values[-1]
        path = _path(base, name)
        if _is(Path.exists, path) and not _is(Path.is_dir, path):
            raise pytest.UsageError(f"{source}: {path.name}: is a file, name a directory")
        return path
    return None


def _baseline(config: pytest.Config) -> Path | None:
    for values in given(config, "modal_bench_baseline"):
        source, name, base = values[-1]
        path = _path(base, name)
        if not _is(Path.exists, path):
            raise pytest.UsageError(
                f"{source}: {name}: no such file or directory; leave it out for a first run, which makes one"
            )
        return path
    return None


def _against(config: pytest.Config, *, local: bool) -> tuple[str | None, Path | None]:
    """What is called in turn, and the path of a second catalogue, if it is one. What has a path is called by it."""
    for values in given(config, "modal_bench_against"):
        source, name, base = values[-1]
        if not name.endswith(".toml"):
            try:
                return _name(name), None
            except ValueError as error:
                raise pytest.UsageError(f"{source}: {error}") from None
        path = _path(base, name)
        if not _is(Path.is_file, path):
            raise pytest.UsageError(f"{source}: {name}: no such file")
        return (str(path), None) if local else (path.name, path)
    return None, None


def _budget(config: pytest.Config) -> Budget:
    from pytest_modal_bench.gate.budgets import parse

    budget = Budget()
    for source, text, _ in next(given(config, "modal_bench_budget"), []):
        try:
            budget = budget.under(parse(text))
        except ValueError as error:
            raise pytest.UsageError(f"{source}: {error}") from None
    return budget


def _name(text: str) -> str:
    if not text.strip() or not all(c.isalnum() or c in "-_." for c in text):
        raise ValueError(f"expected a name of letters, digits, '-', '_' and '.', got {text!r}")
    return text


def _cold(text: str) -> Cold:
    for known in get_args(Cold):
        if text == known:
            return known  # type: ignore[no-any-return] # one of the literals
    raise ValueError(f"expected {', '.join(get_args(Cold))}, got {text!r}")


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError(f"expected a whole number from 1 on, got {text!r}")
    return number


def _most_calls() -> int:
    """How many warm calls an endpoint gets at the most where nobody says how many."""
    from pytest_modal_bench.gate.stopping import LOOKS

    return LOOKS[-1]


def _rounds(text: str) -> int | None:
    """None: as many as are enough."""
    if text == "auto":
        return None
    try:
        return _count(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 'auto'") from None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host.strip("[]") or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
        raise ValueError(f"expected HOST:PORT, such as 10.0.0.5:5557, got {text!r}")
    return host.strip("[]"), int(port)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"expected a number above 0, got {text!r}")
    return number


def _resources(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in GENERATED]
    if unknown:
        raise ValueError(f"can generate {' and '.join(GENERATED)}, not {unknown[0]!r}")
    return names


_NOT_SEARCHED = {"node_modules", "venv", "site-packages", "build", "dist", "__pycache__"}


def _find_catalogue(config: pytest.Config, *, local: bool) -> tuple[Path, bool]:
    """The catalogue's path, and whether pytest was asked to collect it: by name, or as a part of a directory.

    The local workspace brings some of its own, by name, and one for where there is none.
    """
    for values in given(config, "modal_bench_catalogue"):
        _, name, base = values[-1]
        path = _path(base, name)
        own = None if _is(Path.is_file, path) else named(name)
        if own is not None and not local:
            raise pytest.UsageError(
                f"the catalogue {name} is the local workspace's own; add --modal-bench-workspace={LOCAL}"
            )
        return own or path, True
    arguments = [_path(config.invocation_params.dir, str(arg).split("::")[0]) for arg in config.args]
    found = list(dict.fromkeys(path for argument in arguments for path in _catalogues_in(argument)))
    if len(found) > 1:
        listed = ", ".join(str(_relative(path, config.rootpath)) for path in found)
        raise pytest.UsageError(f"several catalogues: {listed}; choose one with --modal-bench-catalogue=FILE")
    if found:
        return found[0], True
    beside = [argument.parent / CATALOGUE_NAME for argument in arguments if _is(Path.is_file, argument)]
    usual = [config.rootpath / "tests" / "endpoints" / CATALOGUE_NAME, config.rootpath / CATALOGUE_NAME]
    for path in (*beside, *usual):
        if path.is_file():
            return path.absolute(), False
    if local:
        return own_catalogue(), True
    raise pytest.UsageError(
        f"no catalogue: write an {CATALOGUE_NAME} (`python -m pytest_modal_bench init URL` writes one), or name one"
        " with --modal-bench-catalogue=FILE"
    )


def _catalogues_in(argument: Path) -> Iterator[Path]:
    if _is(Path.is_file, argument) and argument.suffix == ".toml":
        yield argument.absolute()
    for directory, subdirectories, files in os.walk(argument):
        subdirectories[:] = sorted(
            name for name in subdirectories if not name.startswith(".") and name not in _NOT_SEARCHED
        )
        if CATALOGUE_NAME in files:
            yield Path(directory, CATALOGUE_NAME).absolute()


def _relative(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
