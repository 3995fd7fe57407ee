"""`python -m pytest_modal_bench`: write a catalogue; merge, render again and compare what runs left."""

from __future__ import annotations

import sys

from pytest_modal_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
