"""What the hosts of Modal's apps have in common: the workspace, and its environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.init.draft import Draft

_MAIN = "main"
_MODAL = re.compile(r"https://([a-z0-9-]+?)--([a-z0-9-]+)\.modal\.run(/.*)?")


def label(url: str) -> str | None:
    """Return what names the function in Modal's address of it; None: it is not Modal's."""
    found = _MODAL.fullmatch(url)
    return found[2] if found else None


def with_workspace(draft: Draft) -> tuple[str | None, str | None, dict[str, str]]:
    """Return workspace and environment, and by app the URLs with these taken out.

    They are None where the apps' hosts do not share them, or an address says something else than the environment.
    Where Modal was not asked, an address does not tell `ryla-dev` from the environment `dev` of `ryla`: it is taken
    for the workspace's whole name.
    """
    plain = {app.name: app.url for app in draft.apps}
    found = {name: _MODAL.fullmatch(url) for name, url in plain.items()}
    prefixes = {match[1] if match else None for match in found.values()}
    environment = draft.environment
    prefix = prefixes.pop() if len(prefixes) == 1 else None
    if prefix is None:
        return None, environment, plain
    suffix = "" if environment in (None, _MAIN) else f"-{environment}"
    if not prefix.endswith(suffix) or prefix == suffix:
        return None, environment, plain
    workspace = prefix.removesuffix(suffix) if suffix else prefix
    between = "{workspace}{environment_suffix}" if environment is not None else "{workspace}"
    return (
        workspace,
        environment,
        {
            name: f"https://{between}--{match[2]}.modal.run{match[3] or ''}"
            for name, match in found.items()
            if match
        },
    )
