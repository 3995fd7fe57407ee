"""The table of all figures in `benchmarks/README.md`, between two comments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparison import spread
from figures import FOLDER, amount, ratio

from pytest_modal_bench.safety.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"


def write(keys: Iterable[str], before: Path | None) -> None:
    """Write the table of what has been measured into the README; `before`: a folder of older records."""
    records = [json.loads((FOLDER / f"{key}.json").read_text()) for key in keys]
    older = {record["key"]: record for record in map(_read, sorted(before.glob("*.json")))} if before else {}
    text = README.read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{README.name}: no place for the table; it goes between {BEGIN} and {END}")
    write_bytes(README, f"{head}{BEGIN}\n\n{render(records, older)}\n\n{END}{tail}".encode())


def render(records: list[dict[str, Any]], before: Mapping[str, dict[str, Any]]) -> str:
    """Render records as a table, with what they were taken on below it."""
    rows = [_row(record, before.get(record["key"])) for record in records]
    head = ["what", *(["before"] if before else []), "ours", "peers", "ours / peer", "target", "met"]
    table = [head, ["-" * len(name) for name in head]]
    table += [row if before else [row[0], *row[2:]] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([*lines, "", *sorted({_machine(record["machine"]) for record in records})])


def _row(record: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
    unit = record["unit"]
    medians = [f"{peer} {amount(spread(values).median, unit)}" for peer, values in record["peers"].items()]
    return [
        record["what"],
        "-" if before is None else amount(spread(before["ours"]).median, unit),
        amount(spread(record["ours"]).median, unit),
        ", ".join(medians) or "-",
        ", ".join(f"{peer} {ratio(of)}" for peer, of in record["ratios"].items()) or "-",
        record["target"],
        "yes" if record["met"] else "**no**",
    ]


def _machine(of: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in of["packages"].items())
    return (
        f"Measured on {of['cores']} cores of {of['processor']}, {of['system']}, Python {of['python']}, "
        f"curl {of['curl'] or 'missing'}, {packages}."
    )


def _read(file: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(file.read_text())
    return record
