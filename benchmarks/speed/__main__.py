"""How fast and how light this project is, beside what else does the same work: see `benchmarks/README.md`."""

from __future__ import annotations

import argparse
import importlib
import json

from figures import FOLDER
from table import keep, write

NAMES = ("off", "start", "fidelity", "streams", "cold", "neighbours", "pools", "growth", "memory", "bench")


def main() -> None:
    """Measure what is named, or all of it."""
    parser = argparse.ArgumentParser(prog="python benchmarks/speed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="a few rounds, to see that it works")
    parser.add_argument(
        "--write", action="store_true", help="put the table of all figures there are into the README"
    )
    parser.add_argument(
        "--keep-as-before",
        metavar="VERSION",
        help="keep all figures there are as those of an earlier version",
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(NAMES)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in options.names or NAMES:
        keys = [comparison.key for comparison in importlib.import_module(name).measure(options.quick)]
        (FOLDER / f"{name}.keys").write_text(json.dumps(keys))
    files = [file for name in NAMES if (file := FOLDER / f"{name}.keys").exists()]
    keys = [key for file in files for key in json.loads(file.read_text())]
    if options.keep_as_before:
        keep(keys, options.keep_as_before)
    if options.write:
        write(keys)


if __name__ == "__main__":
    main()
