"""`python -m pytest_modal_bench init`: asks apps or Modal, and writes a catalogue where there is none."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modal_bench.call.request import is_secret
from pytest_modal_bench.catalogue import CatalogueError
from pytest_modal_bench.catalogue import fields as endpoint_fields
from pytest_modal_bench.catalogue.errors import Place
from pytest_modal_bench.init import functions, hosts, selection, toml
from pytest_modal_bench.init.draft import App, Draft
from pytest_modal_bench.init.errors import InitError
from pytest_modal_bench.init.openapi import documents
from pytest_modal_bench.safety.files import create_bytes
from pytest_modal_bench.safety.secrets import ENVIRONMENT
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.init.openapi.documents import Document

PURPOSE = "write a catalogue from what your apps, or Modal, say about themselves"
EXIT_CODES = """\
With URLs, each app's /openapi.json is read; no other route is called. With --modal, Modal is asked
(this needs the extra `modal`, MODAL_TOKEN_ID and MODAL_TOKEN_SECRET), and no app is called unless
--openapi is given, since any call starts a container.

exit codes:
  0  the catalogue is written
  2  wrong usage, an app or Modal that can't be asked, or a file that exists already"""

_TIMEOUT_SEC = 300.0
_LISTED = 20
_LONGEST_NAME = 40
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEADER = re.compile(r"\s*([^:\s]+)\s*:\s*(.*?)\s*")


def define(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="URL|APP",
        help="base URLs of apps; with --modal, names of apps (default: all)",
    )
    parser.add_argument("--modal", action="store_true", help="ask Modal which web functions are deployed")
    parser.add_argument(
        "--environment", metavar="NAME", help="Modal's environment; default: as Modal's own settings say"
    )
    parser.add_argument(
        "--openapi",
        action="store_true",
        help="with --modal: ask each app for its routes, too; starts containers",
    )
    parser.add_argument(
        "--openapi-path",
        type=_path,
        default=documents.PATH,
        metavar="PATH",
        help="where apps describe their routes (default: %(default)s)",
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a header for all requests, written into the catalogue, too; secrets as {env:VARIABLE}. Repeatable",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=_TIMEOUT_SEC,
        metavar="S",
        help="seconds for an app's answer, its cold start included (default: %(default)g)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("endpoints.toml"),
        metavar="FILE",
        help="the file to write (default: %(default)s); a file that exists is never overwritten",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the catalogue instead of writing it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the catalogue that `options` ask for; return the exit code. Raises InitError, and OSError for the file."""
    toml.check_extra()
    if not options.dry_run and options.output.exists():
        raise InitError(
            f"{options.output}: is there already; take it away, or name another with --output=FILE"
        )
    draft = _of_modal(options) if options.modal else _of_urls(options)
    if not draft.measured:
        reasons = [f"{entry.method} {entry.path}: {entry.off}" for entry in draft.entries]
        raise InitError(f"no route can be called as it is: {'; '.join(reasons[:3]) or 'none does work'}")
    text = toml.render(draft)
    if options.dry_run:
        sys.stdout.write(text)
    else:
        create_bytes(options.output, text.encode())
    said = sys.stderr if options.dry_run else sys.stdout
    said.write("".join(f"{each}\n" for each in _summary(draft, text, options.output)))
    return 0


def _of_urls(options: argparse.Namespace) -> Draft:
    if not options.targets:
        raise InitError("init wants base URLs of apps, such as https://acme--flux-web.modal.run; or --modal")
    if options.environment is not None or options.openapi:
        raise InitError("--environment and --openapi go with --modal")
    draft = Draft(headers=_headers(options.header))
    urls = dict.fromkeys(documents.base_url(url, options.openapi_path) for url in options.targets)
    for url in urls:
        document = _fetched(url, options, draft)
        app = App(name="", url=document.url)
        app.name = _unique(_own_name(document), draft.apps)
        _add(draft, app, document)
    return draft


def _of_modal(options: argparse.Namespace) -> Draft:
    environment, found = functions.listed(options.environment, [*dict.fromkeys(options.targets)], ENVIRONMENT)
    draft = Draft(environment=environment, headers=_headers(options.header))
    for function, name in zip(found, functions.names(found), strict=True):
        app = functions.app(function, _unique(name, draft.apps))
        document = None
        if options.openapi:
            try:
                document = _fetched(app.url, options, draft)
            except InitError as error:
                app.notes.append(f"Its routes are not known: {error}")
        before = len(draft.entries)
        if document is not None:
            app.url = document.url
            _add(draft, app, document)
        else:
            draft.apps.append(app)
            draft.entries.append(functions.entry(function, app))
        if function.wants_token and not draft.headers:
            functions.suggest_token(draft.entries[before:])
    return draft


def _add(draft: Draft, app: App, document: Document) -> None:
    if document.elsewhere is not None:
        app.notes.append(
            f"The app says that its routes are at {document.elsewhere}, another host: not believed"
        )
    draft.apps.append(app)
    draft.entries += selection.add(document, app)


def _fetched(url: str, options: argparse.Namespace, draft: Draft) -> Document:
    sys.stderr.write(f"asking {url}{options.openapi_path}\n")
    return documents.fetch(
        url, options.openapi_path, headers=draft.headers, environ=ENVIRONMENT, deadline_sec=options.timeout
    )


def _headers(given: Sequence[str]) -> dict[str, str]:
    headers = {}
    for text in given:
        found = _HEADER.fullmatch(text)
        if found is None:
            raise InitError("--header: expected 'NAME: VALUE', such as 'Authorization: Bearer {env:TOKEN}'")
        name, value = found[1], found[2]
        if is_secret(name) and "{env:" not in value:
            raise InitError(
                f"--header: {name}: set a variable to the secret, and write {{env:VARIABLE}} for it"
            )
        headers[name] = value
    place = Place(("--header",))
    try:
        endpoint_fields.read({"headers": headers}, place)
        endpoint_fields.check_variables(headers, place, ENVIRONMENT)
    except CatalogueError as error:
        raise InitError(str(error)) from None
    return headers


def _own_name(document: Document) -> str:
    """What the catalogue calls an app: as Modal's address does, or as it calls itself, or as its host."""
    host = document.url.partition("//")[2]
    named = hosts.label(document.url) or document.title
    # That is what FastAPI calls an app that nobody has named.
    return _slug(host if named == "FastAPI" else named) or _slug(host) or "app"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST_NAME].strip("-")


def _unique(name: str, apps: Iterable[App]) -> str:
    """`name` as a catalogue can have it, and no other app of it has."""
    fit = name if _NAME.fullmatch(name) else _slug(name) or "app"
    taken = {app.name for app in apps}
    candidates = (fit, *(f"{fit}-{number}" for number in range(2, len(taken) + 2)))
    return next(each for each in candidates if each not in taken)


def _summary(draft: Draft, text: str, output: Path) -> Iterable[str]:
    off = len(draft.entries) - len(draft.measured)
    aside = f", and {off} more as comments" if off else ""
    yield f"{output}: {counted(len(draft.measured), 'endpoint')} of {counted(len(draft.apps), 'app')}{aside}"
    lines = toml.to_fill_in(text)
    yield from (f"{output}:{number}: {said}" for number, said in lines[:_LISTED])
    if len(lines) > _LISTED:
        yield f"and {len(lines) - _LISTED} more lines of `Fill in`"
    yield f"next: pytest --modal-bench --modal-bench-catalogue={output}"


def _seconds(text: str) -> float:
    longest = endpoint_fields.LONGEST_TIMEOUT_SEC
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= longest:
        raise argparse.ArgumentTypeError(f"expected seconds above 0 and up to {longest:.0f}, got {text!r}")
    return seconds


def _path(text: str) -> str:
    return f"/{text.removeprefix('/')}"
