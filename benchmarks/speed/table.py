"""The table of all figures in `benchmarks/README.md`, between two comments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparison import spread
from figures import FOLDER, amount, ratio

from pytest_modal_bench.safety.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

README = Path(__file__).parents[1] / "README.md"
BEFORE = Path(__file__).with_name("before.json")
"""The figures of an earlier version, by the same programs: `keep` writes it."""
BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"


def write(keys: Iterable[str]) -> None:
    """Write the table of what has been measured into the README."""
    text = README.read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{README.name}: no place for the table; it goes between {BEGIN} and {END}")
    table = render(list(map(_read, keys)), json.loads(BEFORE.read_text()))
    write_bytes(README, f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}".encode())


def keep(keys: Iterable[str], version: str) -> None:
    """Keep what has been measured as that of `version`, which later tables show beside theirs."""
    figures = {
        record["key"]: {
            "ours": spread(record["ours"]).median,
            "ratios": {peer: of[0] for peer, of in record["ratios"].items()},
        }
        for record in map(_read, keys)
    }
    kept = {"version": version, "figures": figures}
    write_bytes(BEFORE, (json.dumps(kept, indent=1) + "\n").encode())


def render(records: list[dict[str, Any]], before: dict[str, Any]) -> str:
    """Render records as a table, beside what `keep` kept, with what they were taken on below it."""
    head = ["what", "before", "ours", "peers", "ours / peer", "target", "met"]
    table = [head, ["-" * len(name) for name in head]]
    table += [_row(record, before["figures"].get(record["key"])) for record in records]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    machines = sorted({_machine(record["machine"]) for record in records})
    return "\n".join([*lines, "", *machines, f"_Before_ is {before['version']}."])


def _row(record: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
    unit = record["unit"]
    medians = [f"{peer} {amount(spread(values).median, unit)}" for peer, values in record["peers"].items()]
    return [
        record["what"],
        "-" if before is None else _earlier(before, unit),
        amount(spread(record["ours"]).median, unit),
        ", ".join(medians) or "-",
        ", ".join(f"{peer} {ratio(of)}" for peer, of in record["ratios"].items()) or "-",
        record["target"],
        "yes" if record["met"] else "**no**",
    ]


def _earlier(before: dict[str, Any], unit: str) -> str:
    ratios = ", ".join(f"{peer} x {of:.3g}" for peer, of in before["ratios"].items())
    return amount(before["ours"], unit) + (f" ({ratios})" if ratios else "")


def _machine(of: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in of["packages"].items())
    return (
        f"Measured on {of['cores']} cores of {of['processor']}, {of['system']}, Python {of['python']}, "
        f"curl {of['curl'] or 'missing'}, {packages}."
    )


def _read(key: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((FOLDER / f"{key}.json").read_text())
    return record
