"""Where an option is set: command line, then environment, then ini file. Imports nothing but pytest, since every
session asks, with the benchmark or without.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ON_OR_OFF = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


SWITCHES = frozenset({"modal_bench", "modal_bench_load_only", "modal_bench_quick", "modal_bench_strict"})
"""Keys of options without a value."""


# No NamedTuple: to make one takes as long as all else that is imported here, in every session.
Given: TypeAlias = "tuple[str, str, Path]"
"""One value of an option: the option, variable, or file and key that it comes from; its text; and the directory that a
relative path in it is meant from."""


def given(config: pytest.Config, key: str) -> Iterator[list[Given]]:
    """Where the option with the ini key `key` is set, the source that wins first; several values if repeated.

    What a configuration file gives may have a type of its own there, as in native TOML; here it is text.
    """
    here = config.invocation_params.dir
    option = config.getoption(key)
    if option is not None:
        texts = option if isinstance(option, list) else [option]
        yield [(f"--{key.replace('_', '-')}", text, here) for text in texts]
    variable = os.environ.get(key.upper())
    if variable:
        yield [(key.upper(), variable, here)]
    ini = _ini(config, key)
    texts = [str(each) for each in ini] if isinstance(ini, list) else ["" if ini is None else str(ini)]
    if any(texts):
        base = config.inipath.parent if config.inipath else config.rootpath
        yield [(_ini_source(config, key), text, base) for text in texts]


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


def ini_type(kind: str) -> str:
    """The type to declare an ini key with. Those of numbers are new in pytest 8.4; before, files hold texts alone."""
    return "string" if kind in ("int", "float") and pytest.version_tuple < (8, 4) else kind


def _ini(config: pytest.Config, key: str) -> Any:
    try:
        return config.getini(key)
    except (TypeError, ValueError, pytest.UsageError) as error:  # which of them depends on pytest's version
        text = _ini_text(config, key)
        if text is not None and key not in SWITCHES:
            # Whoever reads the option has a better word for what is wrong with it, if anything is.
            return text
        raise pytest.UsageError(f"{_ini_source(config, key)}: {error}") from None


def _ini_text(config: pytest.Config, key: str) -> str | None:
    """What stands in the configuration file if it is text, whatever type was declared."""
    given = getattr(config, "_inicfg", None) or config.inicfg
    found = given.get(key)
    value = getattr(found, "value", found)
    return value if isinstance(value, str) else None


def _ini_source(config: pytest.Config, key: str) -> str:
    return f"{config.inipath.name if config.inipath else 'ini'}: {key}"
