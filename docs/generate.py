"""Writes what of the docs follows from the code: options, command line, the JSON report's fields and its schema.

    python docs/generate.py            writes it
    python docs/generate.py --check    writes nothing, and ends with 1 if something is not as it would be written

In a page, what is generated stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from pytest_modal_bench import cli, model
from pytest_modal_bench.call.causes import explain
from pytest_modal_bench.local import command as local_workspace
from pytest_modal_bench.local.workspace import faults
from pytest_modal_bench.plugin import entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DOCS = Path(__file__).parent
SCHEMA_FILE = DOCS / "reference" / "report.schema.json"
_MARKED = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_CODE = re.compile(r"--[a-z][a-z-]*(?:=\S*[^\s.,;:)])?|\{[^{}\s]+\}|(?<![\w/])\.[a-z]+(?:\.[a-z]+)*\b")
"""In help texts: options, placeholders, and suffixes of files."""


def main() -> int:
    """Write what is generated, or with `--check` say what is not up to date; return the exit code."""
    parser = argparse.ArgumentParser(description="Write what of the docs follows from the code.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; end with 1 if a file is not up to date"
    )
    check = parser.parse_args().check
    stale = {path: text for path, text in generated() if not path.exists() or path.read_text("utf-8") != text}
    for path, text in stale.items():
        if not check:
            path.write_text(text, "utf-8")
        sys.stdout.write(f"{path.relative_to(DOCS.parent)}: {'is not up to date' if check else 'written'}\n")
    if check and stale:
        sys.stdout.write("run: python docs/generate.py\n")
    return int(check and bool(stale))


def generated() -> Iterator[tuple[Path, str]]:
    """Every file that holds something generated, and what it is to hold."""
    schema = report_schema()
    parts: dict[str, Callable[[], str]] = {
        "options": options,
        "command line": lambda: command_line(cli.parser()),
        "local workspace": lambda: arguments(local_workspace.parser()),
        "causes": causes,
        "faults": lambda: kinds(faults.AnyFault),
        **{f"fields of {name}": lambda name=name: fields(schema, name) for name in schema["$defs"]},  # type: ignore[misc]
    }
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text("utf-8")
        if "<!-- generated: " in text:
            yield path, _MARKED.sub(lambda found: f"{found[1]}\n{parts[found[2]]()}\n{found[3]}", text)
    yield SCHEMA_FILE, json.dumps(schema, indent=2) + "\n"


def options() -> str:
    """Return the table of pytest's options, as the plugin declares them."""
    rows = []

    def addoption(name: str, *, help: str, metavar: str = "", nargs: str = "", **_: object) -> None:  # noqa: A002
        value = f"[={metavar}]" if nargs == "?" else f"={metavar}" if metavar else ""
        rows.append((f"`{name}{value}`", marked(help)))

    def addini(*_: object, **__: object) -> None:
        """Every option has an ini key of the same name: the page says so once."""

    group = SimpleNamespace(addoption=addoption)
    entry.pytest_addoption(SimpleNamespace(getgroup=lambda *_: group, addini=addini))  # type: ignore[arg-type]
    return table(("option", "meaning"), rows)


def command_line(parser: argparse.ArgumentParser) -> str:
    """Return a section for each command of `parser`."""
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    return "\n".join(f"## {name}\n\n{arguments(each)}" for name, each in commands.choices.items())


def arguments(parser: argparse.ArgumentParser) -> str:
    """Return what `--help` says of one command, in a form that is the same for all versions of Python."""
    actions = [action for action in parser._actions if action.dest != "help"]  # noqa: SLF001
    rows = [(f"`{_called(action)}`", marked((action.help or "") % vars(action))) for action in actions]
    return "\n".join(
        [
            f"{parser.description}\n",
            f"```text\n{parser.prog} {' '.join(_usage(actions))}\n```\n",
            table(("argument", "meaning"), rows),
            *([f"```text\n{parser.epilog}\n```\n"] if parser.epilog else []),
        ]
    )


def _called(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings)
    value = _value(action)
    return f"{names} {value}".strip()


def _value(action: argparse.Action) -> str:
    if action.choices and not action.metavar:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return str(action.metavar or "") if action.nargs != 0 else ""


def _usage(actions: Iterable[argparse.Action]) -> Iterator[str]:
    yield "[OPTIONS]"
    for action in actions:
        if not action.option_strings:
            many = {"+": f"{action.metavar}...", "*": f"[{action.metavar}...]"}
            yield many.get(str(action.nargs), str(action.metavar))


def causes() -> str:
    """Return the table of why calls fail, and what to try."""
    explained = ((cause, explain(cause, app=None)) for cause in get_args(model.Cause))
    rows = [(f"`{cause}`", marked(each.meaning), marked(each.remedy)) for cause, each in explained]
    return table(("cause", "meaning", "what to try"), rows)


def kinds(union: Any) -> str:
    """Return the table of the faults that a scenario can name."""
    rows = []
    for fault in get_args(union):
        settings = ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(fault))
        rows.append((f"`{fault.__struct_config__.tag}`", settings or "-", marked(fault.__doc__ or "")))
    return table(("kind", "settings", "what happens"), rows)


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of the JSON report: of the model's types, with what their fields' docstrings say."""
    schema = msgspec.json.schema(model.Run)
    for name, definition in schema["$defs"].items():
        said = _field_docstrings(getattr(model, name))
        for field, property_ in _properties(definition, name):
            if field in said:
                property_["description"] = said[field]
    schema["$defs"]["Run"]["properties"]["schema"]["const"] = model.SCHEMA
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The JSON report of pytest-modal-bench",
        **schema,
    }


def _properties(definition: dict[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return a type's fields, each with its schema; one that is an array has them in their order, without names."""
    if "properties" in definition:
        return [*definition["properties"].items()]
    names = [field.encode_name for field in msgspec.structs.fields(getattr(model, name))]
    for field, item in zip(names, definition["prefixItems"], strict=True):
        item.setdefault("title", field)
    return [*zip(names, definition["prefixItems"], strict=True)]


def _field_docstrings(struct: type) -> dict[str, str]:
    """What stands as a text below each field of a class."""
    (definition,) = ast.parse(inspect.getsource(struct)).body
    said = {}
    for field, below in pairwise(getattr(definition, "body", ())):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                said[name] = re.sub(r"\bNone\b", "null", inspect.cleandoc(text).replace("\n", " "))
    return said


def fields(schema: dict[str, Any], name: str) -> str:
    """Return the table of one type's fields."""
    rows = [
        (f"`{field}`", _type(property_), marked(property_.get("description", "")))
        for field, property_ in _properties(schema["$defs"][name], name)
    ]
    return table(("field", "type", "meaning"), rows)


def _type(property_: dict[str, Any]) -> str:
    known = property_.get("type")
    if "anyOf" in property_:
        text = " or ".join(_type(each) for each in property_["anyOf"])
    elif "enum" in property_:
        text = ", ".join("null" if each is None else f'`"{each}"`' for each in property_["enum"])
    elif "$ref" in property_:
        name = property_["$ref"].rpartition("/")[2]
        text = f"[{name}](#{name.lower()})"
    elif property_.get("contentEncoding"):
        text = str(property_["contentEncoding"])
    elif known == "array" and property_.get("items"):
        text = f"list of {_type(property_['items'])}"
    elif known == "object" and property_.get("additionalProperties"):
        text = f"object of {_type(property_['additionalProperties'])}"
    else:
        text = {"array": "list", None: "any"}.get(known, str(known))
    return text


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a markdown table."""
    lines = [head, tuple("-" * len(each) for each in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def marked(text: str) -> str:
    """Return a help text as markdown: options, placeholders and suffixes are code; what is code already stays so."""
    parts = " ".join(text.split()).replace("<", "&lt;").split("`")
    parts[::2] = [_CODE.sub(lambda found: f"`{found[0]}`", part) for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    sys.exit(main())
