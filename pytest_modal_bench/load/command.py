"""`python -m pytest_modal_bench load-worker`: processes that call, on another machine than the run's."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from pytest_modal_bench.load.processes import Children, MissingEngine, cores, require_engine

PURPOSE = "call endpoints under load for a run on another machine"
EXIT_CODES = """\
exit codes:
  0  the run has ended
  1  a process was killed, or went wrong
  2  wrong usage, Locust is not installed, nobody answers at HOST:PORT, or the run is of another version"""
UNUSABLE = 2
_TICK_SEC = 0.2


def define(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument(
        "--master",
        required=True,
        type=_address,
        metavar="HOST:PORT",
        help="where the run listens, as it says when it begins",
    )
    parser.add_argument(
        "--processes",
        type=_count,
        default=None,
        metavar="N",
        help="how many call; default: as many as this machine has cores",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Call until the run ends. Ctrl-C and SIGTERM end it at once; what has come of the calls is told to the run."""
    try:
        require_engine()
    except MissingEngine as missing:
        sys.stderr.write(f"{missing}\n")
        return UNUSABLE
    count = options.processes if options.processes is not None else cores()
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with Children() as children:
            workers = [children.start("worker") for _ in range(count)]
            for worker in workers:
                worker.tell(f"{options.master}\n".encode())
            sys.stderr.write(f"{count} processes wait for the run at {options.master}\n")
            try:
                while any(worker.alive for worker in workers):
                    time.sleep(_TICK_SEC)
            except KeyboardInterrupt:
                for worker in workers:
                    worker.interrupt()
            ends = [(worker.wait(), worker.last_words) for worker in workers]
    except KeyboardInterrupt:
        return 1
    for words in dict.fromkeys(words for code, words in ends if code and words):
        sys.stderr.write(f"{words}\n")
    codes = {code for code, _ in ends}
    return 0 if codes == {0} else UNUSABLE if UNUSABLE in codes else 1


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)
