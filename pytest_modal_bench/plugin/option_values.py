"""Where an option is set: command line, then environment, then ini file. Imports nothing but pytest, since every
session asks, with the benchmark or without.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ON_OR_OFF = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


class Given(NamedTuple):
    """One value of an option, as text."""

    source: str
    """Option, variable, or file and key that it comes from."""
    text: str
    base: Path
    """The directory that a relative path in it is meant from."""


def given(config: pytest.Config, key: str) -> Iterator[list[Given]]:
    """Where the option with the ini key `key` is set, the source that wins first; several values if repeated."""
    here = config.invocation_params.dir
    option = config.getoption(key)
    if option is not None:
        texts = option if isinstance(option, list) else [option]
        yield [Given(f"--{key.replace('_', '-')}", text, here) for text in texts]
    variable = os.environ.get(key.upper())
    if variable:
        yield [Given(key.upper(), variable, here)]
    ini = _ini(config, key)
    if ini:
        base = config.inipath.parent if config.inipath else config.rootpath
        yield [Given(_ini_source(config, key), str(ini), base)]


def is_on(config: pytest.Config, key: str) -> bool:
    """Whether a switch is on. Raises `pytest.UsageError` for a value that says neither on nor off."""
    if config.getoption(key):
        return True
    variable = os.environ.get(key.upper(), "").strip().lower()
    if variable:
        if variable not in _ON_OR_OFF:
            raise pytest.UsageError(f"{key.upper()}: expected true or false, got {variable!r}")
        return _ON_OR_OFF[variable]
    return bool(_ini(config, key))


def _ini(config: pytest.Config, key: str) -> Any:
    try:
        return config.getini(key)
    except (TypeError, ValueError, pytest.UsageError) as error:  # which of them depends on pytest's version
        raise pytest.UsageError(f"{_ini_source(config, key)}: {error}") from None


def _ini_source(config: pytest.Config, key: str) -> str:
    return f"{config.inipath.name if config.inipath else 'ini'}: {key}"
