"""The command line beside pytest: write a catalogue; merge, render again, compare what runs have left behind.

Measures nothing, but for `load-worker`, which calls for a run.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modal_bench.gate import verdicts
from pytest_modal_bench.gate.earlier.reports import parsed
from pytest_modal_bench.gate.summary import reasons, verdict_of_run, verdict_or_default
from pytest_modal_bench.gate.verdicts import FAILING
from pytest_modal_bench.init import command as init
from pytest_modal_bench.init.errors import InitError
from pytest_modal_bench.load import command as load
from pytest_modal_bench.model.encoding import LARGEST_BYTES
from pytest_modal_bench.model.encoding import load as load_run
from pytest_modal_bench.report import comparison, markdown
from pytest_modal_bench.report.escape import line
from pytest_modal_bench.report.extras import MissingExtra
from pytest_modal_bench.report.figures.timestamps import moment
from pytest_modal_bench.report.trend.formats import FORMATS
from pytest_modal_bench.report.trend.points import trends
from pytest_modal_bench.report.trend.reading import read as read_folder
from pytest_modal_bench.report.write import gate_beside, known, write_each
from pytest_modal_bench.run import journal
from pytest_modal_bench.run.merging import MergeError, Part, cut_off, merge
from pytest_modal_bench.safety.files import read_bytes, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import Run

FINE, FAILS, UNUSABLE = 0, 1, 2

_OBJECTION_LIMIT = 300
"""Characters of a line that says why a run fails; reports have the whole of it."""

_EXIT_CODES = """\
exit codes:
  0  fine
  1  the verdict is FAIL or ERROR, the run was cut off, or it measured nothing;
     with --strict (or a run made with --modal-bench-strict) also INCONCLUSIVE, SKIP, and
     what else is in doubt: unverified cold starts, cached answers
  2  wrong usage, a file that cannot be read or written, or runs that do not go together"""

_COMPARE_EXIT_CODES = """\
exit codes:
  0  every endpoint that succeeded in OLD does so in NEW, or was not measured
  1  one of them fails in NEW
  2  wrong usage, a file that cannot be read or written, or runs that do not go together"""

_TREND_EXIT_CODES = """\
exit codes:
  0  fine; a trend judges nothing
  2  wrong usage, no report in DIR, or a file that cannot be written"""


class Unusable(Exception):
    """Why a command cannot do its work; its message is one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (Unusable, MergeError, InitError) as error:
        sys.stderr.write(f"{line(str(error))}\n")
    except OSError as error:
        sys.stderr.write(f"{line(f'{error.filename}: {error.strerror}')}\n")
    return UNUSABLE


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pytest_modal_bench",
        description="Write a catalogue, or work with the JSON reports of earlier runs."
        " To make a run: pytest --modal-bench",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, purpose: str, exit_codes: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            epilog=exit_codes,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    init.define(command("init", init.PURPOSE, init.EXIT_CODES))

    load.define(command("load-worker", load.PURPOSE, load.EXIT_CODES))

    merging = command("merge", "join the runs of several jobs into one", _EXIT_CODES)
    merging.add_argument("files", nargs="+", type=Path, metavar="FILE.json", help="a job's JSON report")
    _report_option(merging, "also writes gate.json beside the first", required=True)
    _strict_option(merging)
    merging.set_defaults(run=_merge)

    rendering = command("report", "make reports of an earlier run again", _EXIT_CODES)
    rendering.add_argument(
        "file", type=Path, metavar="FILE", help="a run's JSON report, or the journal of one that was killed"
    )
    _report_option(rendering, "default: markdown on standard output")
    _strict_option(rendering)
    rendering.set_defaults(run=_report)

    comparing = command("compare", "show two runs side by side", _COMPARE_EXIT_CODES)
    comparing.add_argument("old", type=Path, metavar="OLD.json", help="the earlier run's JSON report")
    comparing.add_argument("new", type=Path, metavar="NEW.json", help="the later run's")
    comparing.add_argument(
        "--report", type=Path, metavar="PATH.md", help="write the comparison there, too, as markdown"
    )
    comparing.set_defaults(run=_compare)

    following = command("trend", "follow each endpoint over the runs of a folder", _TREND_EXIT_CODES)
    following.add_argument("folder", type=Path, metavar="DIR", help="a folder of JSON reports, one a run")
    following.add_argument(
        "--report",
        action="append",
        type=Path,
        default=[],
        metavar="PATH",
        dest="reports",
        help=f"where to write the trend; its name ends in {' or '.join(FORMATS)}. Repeatable; default: markdown on"
        " standard output",
    )
    following.add_argument(
        "--last", type=_count, default=200, metavar="N", help="show the newest N runs (default: %(default)s)"
    )
    following.add_argument(
        "-k",
        default="",
        metavar="TEXT",
        dest="containing",
        help="show only the endpoints whose name, path, id, category or tags contain TEXT",
    )
    following.set_defaults(run=_trend)
    return parser


def _count(given: str) -> int:
    if not given.isdecimal() or not int(given):
        raise argparse.ArgumentTypeError(f"{given!r} is no whole number from 1 on")
    return int(given)


def _report_option(parser: argparse.ArgumentParser, more: str, *, required: bool = False) -> None:
    parser.add_argument(
        "--report",
        action="append",
        type=Path,
        default=[],
        required=required,
        metavar="PATH",
        dest="reports",
        help=f"where to write a report; its name ends in {known()}. Repeatable; {more}",
    )


def _strict_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="also fail what is in doubt")


def _merge(options: argparse.Namespace) -> int:
    run = merge([Part(str(path), _read(path)) for path in options.files])
    _write(run, [*options.reports, gate_beside(options.reports)])
    return _judge(run, strict=options.strict)


def _report(options: argparse.Namespace) -> int:
    run = _read(options.file)
    if options.reports:
        _write(run, options.reports)
    else:
        _print(markdown.render(run))
    return _judge(run, strict=options.strict)


def _compare(options: argparse.Namespace) -> int:
    if options.report is not None and options.report.suffix != ".md":
        raise Unusable(f"{options.report}: a comparison is markdown, its name ends in .md")
    (old, left_out_of_old), (new, left_out_of_new) = _read_any(options.old), _read_any(options.new)
    if old.simulated != new.simulated:
        raise Unusable(
            f"{options.old} and {options.new} do not go together: what they simulate differs"
            f" ({old.simulated or 'nothing'}; {new.simulated or 'nothing'})"
        )
    left_out = [*(f"old: {note}" for note in left_out_of_old), *(f"new: {note}" for note in left_out_of_new)]
    compared = comparison.render(old, new, left_out)
    _print(compared)
    if options.report is not None:
        write_bytes(options.report, compared.encode())
    failing = comparison.newly_failing(old, new)
    for result in failing:
        sys.stderr.write(f"succeeded before, fails now: {line(result.id)}\n")
    return FAILS if failing else FINE


def _trend(options: argparse.Namespace) -> int:
    if not options.folder.is_dir():
        raise Unusable(f"{options.folder}: not a folder; give one with the JSON reports of several runs")
    for path in options.reports:
        if path.suffix not in FORMATS:
            raise Unusable(f"{path}: a trend's name ends in {' or '.join(FORMATS)}")
    folder = read_folder(options.folder, options.last)
    if folder is None:
        raise Unusable(f"{options.folder}: no JSON report of a run in it")
    shown = trends(folder, containing=options.containing)
    if not shown:
        raise Unusable(f"{options.folder}: no endpoint in it has {options.containing!r} in a name")
    try:
        rendered = {path: FORMATS[path.suffix](folder, shown) for path in options.reports}
    except MissingExtra as missing:
        raise Unusable(str(missing)) from None
    for path, content in rendered.items():
        write_bytes(path, content.encode())
    if not rendered:
        _print(FORMATS[".md"](folder, shown))
        return FINE
    for note in folder.notes:
        sys.stderr.write(f"left out: {line(note, _OBJECTION_LIMIT)}\n")
    return FINE


def _read(path: Path) -> Run:
    content = read_bytes(path, LARGEST_BYTES)
    try:
        return journal.read(content) if journal.is_journal(content) else load_run(content)
    except ValueError as error:
        raise Unusable(f"{path}: {error}") from None


def _read_any(path: Path) -> tuple[Run, list[str]]:
    """Read a run of ours, or a report of the reference benchmark; the lines say what of it can't be compared."""
    content = read_bytes(path, LARGEST_BYTES)
    try:
        if journal.is_journal(content):
            return journal.read(content), []
        run, is_own = parsed(content, path.stem)
    except ValueError as error:
        raise Unusable(f"{path}: {error}") from None
    return run, [] if is_own else run.notes


def _write(run: Run, paths: Sequence[Path]) -> None:
    try:
        unwritten = write_each(run, paths)
    except (ValueError, MissingExtra) as error:
        raise Unusable(str(error)) from None
    if unwritten:
        raise Unusable("; ".join(unwritten.values()))


def _print(text: str) -> None:
    # Windows and the C locale have terminals that cannot show everything a report holds.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))


def _judge(run: Run, *, strict: bool) -> int:
    sys.stderr.write(f"verdict: {verdict_of_run(run) or 'none'}\n")
    try:
        objections = list(_objections(run, strict=strict))
    except ValueError as error:
        raise Unusable(f"a quarantine ends on no day that there is: {error}") from None
    for objection in objections:
        shown = line(objection, _OBJECTION_LIMIT)
        # Ids in a report that others made may be anything; what begins with `::` is a command to GitHub's runner.
        sys.stderr.write(f"{'- ' if shown.startswith('::') else ''}{shown}\n")
    return FAILS if objections else FINE


def _objections(run: Run, *, strict: bool) -> Iterator[str]:
    """Say why a run fails, a line each."""
    for result in run.results:
        if verdict_or_default(result) in FAILING:
            yield f"{result.id}: {'; '.join(reasons(result)) or verdict_or_default(result)}"
    if strict and not run.strict:
        yield from _doubts(run)
    if cut_off(run):
        yield "the run was cut off before its end"
    elif run.verdict == "ERROR" and not any(result.verdict == "ERROR" for result in run.results):
        yield "one of the jobs that it is merged from was cut off before its end"
    if not run.summary.successful:
        yield "nothing was measured"


def _doubts(run: Run) -> Iterator[str]:
    """What a run that was not strict has let pass. Its own day decides whether a quarantine has ended, not today's."""
    today = (moment(run.timestamp) or datetime.now(UTC)).date()
    for result in run.results:
        if verdict_or_default(result) not in FAILING:
            judged = verdicts.judged(result, strict=True, today=today)
            if judged.verdict in FAILING:
                yield f"{result.id}: {'; '.join(judged.reasons)}"
