"""What HTML pages have in common: templates, one style sheet, one script, and a policy that forbids all else.

Another page is a template that extends `base.html.j2`, fills its blocks `title`, `header` and `main`, and is rendered
with `page("other.html.j2", ...)`. Everything that a template prints is made one bounded line without control
characters by `line`, and escaped, unless it is markup that a template has made; None is printed as `-`.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from contextlib import suppress
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.util import cache_from_source, find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.report.escape import line
from pytest_modal_bench.report.extras import MissingExtra
from pytest_modal_bench.report.figures.units import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jinja2 import BytecodeCache, Environment
    from jinja2.bccache import Bucket
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"
_PARTS = 1000
"""Values, and texts between them, of a piece of a page: some 10 kB."""
_REPEATED = 40
"""Characters up to which a value is likely to be printed many times: a place on an axis, a figure, a start."""


def installed() -> bool:
    """Whether HTML pages can be made here."""
    return find_spec("jinja2") is not None


def require_extra() -> None:
    """Raise MissingExtra where HTML pages cannot be made."""
    if not installed():
        raise MissingExtra("an HTML report needs the extra `html`: pip install 'pytest-modal-bench[html]'")


def page(template: str, **context: Any) -> str:
    """Return the page that `template` makes of `context`. Raises MissingExtra."""
    return "".join(pieces(template, **context))


def pieces(template: str, **context: Any) -> Iterator[str]:
    """Yield the same in pieces: the whole of a large page would be in memory several times. Raises MissingExtra.

    The policy (Content Security Policy Level 3, W3C) allows the one style sheet and the one script by their hashes,
    and pictures that are in the page itself. So nothing is loaded, sent or run that this project has not written,
    even where a text from outside were to get in unescaped.
    """
    require_extra()
    from markupsafe import Markup

    css, script = _text("page.css"), _text("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(css)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    # These two files are the project's own, and hold no end tag.
    own = {"policy": Markup(policy), "css": Markup(css), "script": Markup(script)}  # noqa: S704
    made = environment().get_template(template).generate(**own, **context)
    while parts := list(islice(made, _PARTS)):
        yield "".join(parts)


@cache
def environment() -> Environment:
    """Return what finds, compiles and fills templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printer(),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        bytecode_cache=None if sys.dont_write_bytecode else _compiled(),
    )
    environment.filters["prose"] = _prose
    return environment


def _compiled() -> BytecodeCache | None:
    """Return where templates are kept compiled: where Python keeps this package's modules.

    Compiling them takes as long as all else of a small run. None where nothing can be written there.
    """
    from jinja2 import FileSystemBytecodeCache

    class Quiet(FileSystemBytecodeCache):
        def load_bytecode(self, bucket: Bucket) -> None:
            try:
                super().load_bytecode(bucket)
            except Exception:  # noqa: BLE001 - a damaged file raises whatever unpickling does; it is compiled anew
                bucket.reset()

        def dump_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError):  # a full disk costs time, not a report
                super().dump_bytecode(bucket)

    folder = Path(cache_from_source(str(_TEMPLATES / "page.py"))).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    # What is compiled depends on the compiler and on the settings above, too.
    settings = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    return Quiet(str(folder), f"jinja2-{version('jinja2')}-{settings}-%s.cache")


def _printer() -> Callable[[object], object]:
    """Return what is done to each value before it is escaped. Short texts, most of which come often, are kept."""
    short = lru_cache(maxsize=4096)(line)

    def printed(value: object) -> object:
        if type(value) is str:
            return short(value) if len(value) <= _REPEATED else line(value)
        if value is None:
            return UNKNOWN
        return line(str(value)) if isinstance(value, str) and not hasattr(value, "__html__") else value

    return printed


def _prose(text: str) -> Markup:
    """Set as code what stands between backticks."""
    from markupsafe import Markup, escape

    pieces = line(text).split("`")
    if len(pieces) % 2 == 0:  # one of them has no partner
        return escape(line(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


@cache
def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text("utf-8").strip()


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
