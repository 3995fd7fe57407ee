"""`python -m pytest_modal_bench.local`: checks that the extra `local` is installed, then runs the command."""

from __future__ import annotations

import os
import signal
import sys

EXTRA = {"av", "fastapi", "h11", "httpx", "pydantic", "python_multipart", "starlette", "uvicorn"}


def main() -> None:
    """Run the command; exits with 2 and one line if a package of the extra is missing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))  # nothing runs yet that would have to be stopped
    try:
        from pytest_modal_bench.local import command
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        sys.stderr.write(
            "the local workspace needs the extra `local`: pip install 'pytest-modal-bench[local]'\n",
        )
        sys.exit(2)
    command.main()


if __name__ == "__main__":
    main()
