"""Entry point: options, ini keys, markers, hookspecs, and registration of the rest once it is asked for.

Imports nothing but pytest and `option_values`, which imports no more: a session without the
benchmark pays for nothing else.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest

from pytest_modal_bench.plugin.option_values import given, ini_type, is_on

NOT_ASKED_FOR = "endpoint tests call deployed endpoints: run pytest with --modal-bench"
_FIXTURES = frozenset(
    (
        *("endpoint", "endpoint_result", "measure_endpoint", "put_under_load"),
        *("test_image", "test_lora", "test_mask", "test_resource", "test_video"),
    )
)


@pytest.hookimpl
def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every option, its ini key beside it; the environment variable has the ini key's name in capitals."""
    group = parser.getgroup("modal-bench", "benchmarks of Modal web endpoints")

    def switch(name: str, help_text: str) -> None:
        key = _key(name)
        group.addoption(f"--{name}", dest=key, action="store_true", default=None, help=help_text)
        parser.addini(key, f"{help_text} (true or false)", type="bool", default=None)

    def option(name: str, metavar: str, help_text: str, *, ini: str = "string", **how: Any) -> None:
        key = _key(name)
        group.addoption(f"--{name}", dest=key, metavar=metavar, default=None, help=help_text, **how)
        parser.addini(key, help_text, type=ini_type(ini), default=None)  # type: ignore[arg-type] # one of pytest's

    switch(
        "modal-bench",
        "Call every endpoint of the catalogue, time it, and write the report. pytest-benchmark's own tables are shown "
        "where one of its options asks for them: --benchmark-columns, -compare, -group-by, -histogram, -name, -sort or "
        "-verbose.",
    )
    switch("modal-bench-quick", "Time warm calls only.")
    option(
        "modal-bench-workspace",
        "NAME",
        "Modal workspace, for {workspace} in the catalogue's URLs. 'local' starts the local workspace, a stand-in "
        "for Modal on this machine. Default: the catalogue's.",
    )
    option(
        "modal-bench-environment",
        "NAME",
        "Modal environment: for {environment} and {environment_suffix} in the catalogue's URLs, and what Modal itself "
        "is asked about. Default: the catalogue's, or else Modal's own.",
    )
    option(
        "modal-bench-catalogue",
        "FILE",
        "The catalogue, which says which endpoints there are. Default: the endpoints.toml in the test paths, in "
        "tests/endpoints or in the root directory. The local workspace has two of its own, by name: endpoints, shapes.",
    )
    option(
        "modal-bench-cold",
        "HOW",
        "Cold starts: 'observe' (time the first call to each pool), 'force' (stop the pool's containers before it; "
        "needs --modal-bench-environment, MODAL_TOKEN_ID and MODAL_TOKEN_SECRET in the environment, and the extra "
        "modal) or 'off'. Default: observe.",
    )
    option("modal-bench-cold-rounds", "N", "Forced cold starts for each pool. Default: 1.", ini="int")
    option(
        "modal-bench-rounds",
        "N",
        "Warm calls for each endpoint, or 'auto': as many as it takes to decide what they are held against, from 8 to "
        "30. Default: 3.",
        ini="int",
    )
    option(
        "modal-bench-timeout",
        "S",
        "The longest that one call may take, in seconds, where the catalogue allows more. Default: the catalogue's.",
        ini="float",
    )
    option(
        "modal-bench-report",
        "PATH",
        "Where to write a report; its format follows the suffix: .md, .json, .html (extra html), .comment.md (for a "
        "pull request) or .benchmark.json (for github-action-benchmark). Repeatable. "
        "Default: modal-bench-report.md and modal-bench-report.json in the root directory, and modal-bench-report.html"
        " where the extra html is installed.",
        ini="args",
        action="append",
    )
    option(
        "modal-bench-save-outputs", "DIR", "Keep each endpoint's last answer in this directory, as it came."
    )
    option(
        "modal-bench-max-cost",
        "USD",
        "Begin no call once the calls have cost this much, nor one that is expected to cost more than what is left. So "
        "the run costs at most this and what one call costs. Calls are then made one at a time.",
        ini="float",
    )
    option(
        "modal-bench-traffic",
        "CALLS_PER_HOUR",
        "Calls an hour that each pool is expected to get: the report then says what a warm container costs at that "
        "rate, and which cold starts it saves. Default: it names the rate from which on one is worth considering.",
        ini="float",
    )
    option(
        "modal-bench-baseline",
        "PATH",
        "Earlier runs to compare with: a JSON report, or a directory of them, which may lie in folders of it, as where "
        "each run's report is an artifact of its own.",
    )
    option(
        "modal-bench-baseline-last",
        "N",
        "Compare with the last N of these runs only. Default: all.",
        ini="int",
    )
    option(
        "modal-bench-against",
        "NAME",
        "Call the endpoints in turn with those of another environment, or of a second catalogue (a path that ends in "
        ".toml), and compare: needs no history. On the local workspace: another scenario.",
    )
    option(
        "modal-bench-budget",
        "BUDGET",
        "What an endpoint may take, such as max_warm=5, or max_warm=4:5 to warn from 4 on. Metrics: max_cold, "
        "max_warm, max_ttft, max_itl (seconds), max_cost (USD a warm call), min_tokens_per_sec, min_success (share of "
        "the calls). Repeatable; beats the catalogue's.",
        ini="linelist",
        action="append",
    )
    option(
        "modal-bench-load",
        "SPEC",
        "Also put each endpoint under load, in a test of its own: users=1,2,4,8 duration=30 (so many callers, a step "
        "each), rate=0.5,1,2 duration=60 (calls a second, arrivals=poisson spreads them as many people do), burst=20 "
        "(all at once) or ramp=20 duration=60. Repeatable; beats the catalogue's. Needs the extra load.",
        ini="linelist",
        action="append",
    )
    option(
        "modal-bench-load-bind",
        "HOST:PORT",
        "Where processes of other machines connect to take part in a load, each by `python -m pytest_modal_bench "
        "load-worker --master HOST:PORT`. Nothing asks who they are: give an address that only they reach. Default: "
        "this machine alone.",
    )
    option(
        "modal-bench-load-workers",
        "N",
        "How many processes of other machines a load waits for before it begins. Default: 0.",
        ini="int",
    )
    switch("modal-bench-load-only", "Make the loads alone, without the calls one by one.")
    switch(
        "modal-bench-strict",
        "Also fail what is in doubt: skipped endpoints, unverified cold starts, inconclusive results, answers from a "
        "cache or that could not be checked, and payloads that do not fit the app.",
    )
    option(
        "modal-bench-generate",
        "WHAT",
        "Make the test image and the test video (or one of them: image, video) with the workspace's own endpoints, "
        "then stop.",
        ini="linelist",
        nargs="?",
        const="image,video",
    )
    option(
        "modal-bench-scenario",
        "NAME",
        "Local workspace: what goes wrong in it. healthy, instrumented, reference, edge-answers, with the catalogue "
        "shapes also faults-1 to faults-6, or a TOML file. Default: healthy.",
    )
    option(
        "modal-bench-time-scale",
        "X",
        "Local workspace: real seconds for each simulated second; deadlines are scaled, too. Default: 0.01.",
        ini="float",
    )


def _key(name: str) -> str:
    return name.replace("-", "_")


@pytest.hookimpl
def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that users may implement."""
    from pytest_modal_bench.plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def asked_for(config: pytest.Config) -> bool:
    """Whether this session runs the benchmark. Raises `pytest.UsageError` for a value that says neither yes nor no."""
    return is_on(config, "modal_bench")


@pytest.hookimpl
def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; register what the benchmark is made of, if it is asked for."""
    config.addinivalue_line(
        "markers",
        "modal_endpoint(name, path, category, app, tags): on every endpoint test, for -m. Set by pytest-modal-bench.",
    )
    if config.option.help:
        return
    given_to_all = os.environ.get("PYTEST_ADDOPTS", "")
    command_line = (given_to_all, *map(str, config.invocation_params.args))
    if not hasattr(config, "workerinput") and any("--modal-bench-" in part for part in command_line):
        from pytest_modal_bench.plugin.rootdir import check_root_directory

        check_root_directory(config)
    if asked_for(config):
        from pytest_modal_bench.plugin.registration import register

        register(config)
        # What is imported by now stays until the end, so no collection of garbage need go through it once more: one may
        # come in the middle of a call, and pytest itself makes several as it ends.
        gc.freeze()


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """With `-n auto`, start one worker a pool that is selected: those of a pool are measured one after the other."""
    if not asked_for(config) or "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    from pytest_modal_bench.plugin.settings.session_inputs import pools

    return pools(config)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Make test resources instead of running tests, if that is asked for."""
    if asked_for(config):
        from pytest_modal_bench.plugin.plain_imports import import_plainly

        import_plainly(config)
    if config.option.help or next(given(config, "modal_bench_generate"), None) is None:
        return None
    from pytest_modal_bench.plugin.generate import main

    return main(config)


@pytest.hookimpl
def pytest_itemcollected(item: pytest.Item) -> None:
    """Without the benchmark, a test that asks for one of its fixtures is skipped: no catalogue is read for it."""
    asked = _FIXTURES.intersection(getattr(item, "fixturenames", ()))
    if asked and not asked_for(item.config):
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        # pytest offers no other way to ask whether a fixture of that name is the user's own.
        own = item._fixtureinfo.name2fixturedefs.keys() | parameters  # type: ignore[attr-defined] # noqa: SLF001
        if asked - own:
            item.add_marker(pytest.mark.skip(NOT_ASKED_FOR))
