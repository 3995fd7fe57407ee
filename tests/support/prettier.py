"""Prettier, as what it leaves alone is how this project writes its Markdown."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

INSTALLED = shutil.which("npx") is not None
WHY_NOT = "npx, which runs prettier, is not on PATH"
# pytester gives each test a home of its own, where npx would install prettier anew.
_CACHE = os.environ.get("npm_config_cache", str(Path.home() / ".npm"))  # noqa: SIM112 - npm's own name


def leaves_alone(folder: Path, *files: str) -> None:
    """Assert that it would change nothing in the files of a folder; it must be installed."""
    command = ["npx", "--yes", "--prefer-offline", "prettier@3", "--check", *files]
    given = os.environ | {"npm_config_cache": _CACHE}
    check = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
