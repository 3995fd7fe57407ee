"""A draft as the text of `endpoints.toml`, with comments on what is not known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.catalogue import placeholders
from pytest_modal_bench.init.errors import InitError
from pytest_modal_bench.init.hosts import with_workspace
from pytest_modal_bench.report.escape import line
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.init.draft import App, Draft, Entry

FILL_IN = "# Fill in"
"""How a line begins that says what is to be filled in."""
_LONGEST = 300
"""Characters of a comment."""
_LISTED = 12
_FILES = {
    "image": "fixtures/image.png",
    "video": "fixtures/clip.mp4",
    "mask": "fixtures/mask.png",
    "voice": "fixtures/voice.wav",
    "document": "fixtures/document.pdf",
    "file": "fixtures/file.bin",
}
_TABLES = ("query", "form", "payload")
"""Fields that are tables of their own, last of all: what follows one would belong to it."""
_HEAD = (
    "Written by `python -m pytest_modal_bench init` from what the apps, or Modal, say of themselves.",
    'A line that begins with "# Fill in" says what is not known. If lines below it have a #, take it away when right.',
)


def check_extra() -> None:
    """Raise InitError unless what writes TOML is installed."""
    try:
        import tomlkit  # noqa: F401
    except ImportError:
        raise InitError("init needs the extra `init`: pip install 'pytest-modal-bench[init]'") from None


def render(draft: Draft) -> str:
    """Return the catalogue as TOML; the same text for the same draft."""
    workspace, environment, urls = with_workspace(draft)
    blocks = [[comment(text) for text in _HEAD]]
    names = [("workspace", workspace), ("environment", environment)]
    if any(value is not None for _, value in names):
        blocks.append([f"{name} = {_value(value)}" for name, value in names if value is not None])
    if draft.headers:
        blocks.append(["[defaults]", f"headers = {_value(dict(draft.headers))}"])
    if resources := [*_resources(draft)]:
        blocks.append(resources)
    for app in draft.apps:
        blocks.append([*_app(app, urls[app.name])])
        blocks += [[*_entry(entry)] for entry in draft.entries if entry.app == app.name]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def comment(text: str) -> str:
    """Return a comment of one line, whatever is in `text`."""
    return f"# {line(text, _LONGEST)}"


def to_fill_in(text: str) -> list[tuple[int, str]]:
    """Return the lines of a catalogue that say what is to be filled in, with their numbers, from 1."""
    numbered = enumerate(text.splitlines(), 1)
    return [(number, each[2:]) for number, each in numbered if each.startswith(FILL_IN)]


def _resources(draft: Draft) -> Iterator[str]:
    needed: dict[str, list[str]] = {}
    for entry in draft.entries:
        for field in _TABLES:
            for each in placeholders.find(entry.fields.get(field)):
                if each.name not in ("seed", "env"):
                    needed.setdefault(each.name, []).append(entry.path)
    if not needed:
        return
    yield "[resources]"
    for name, paths in needed.items():
        routes = counted(len(dict.fromkeys(paths)), "route")
        if name == "lora":
            yield comment(
                f"Fill in: the id of a LoRA that the apps have; until then what takes it is skipped: {routes}"
            )
            yield f"# lora = {_value({'id': 'my-lora'})}"
        else:
            yield comment(f"Fill in: a file for {{{name}}}; until then what takes it is skipped: {routes}")
            yield f"# {name} = {_value(_FILES.get(name, f'fixtures/{name}'))}"


def _app(app: App, url: str) -> Iterator[str]:
    for note in app.notes:
        yield comment(note)
    if app.left_out:
        listed = ", ".join(app.left_out[:_LISTED])
        more = f" and {len(app.left_out) - _LISTED} more" if len(app.left_out) > _LISTED else ""
        yield comment(f"Left out, since they take nothing, or do no work: {listed}{more}")
    yield f"[apps.{_key(app.name)}]"
    yield f"url = {_value(url)}"
    if app.modal_app is not None and app.modal_app != app.name:
        yield f"app = {_value(app.modal_app)}"
    known = (("function", app.function), ("gpu", app.gpu), ("scaledown_window", app.scaledown_window))
    yield from (f"{name} = {_value(value)}" for name, value in known if value is not None)
    if not app.asked:
        yield comment(
            "Fill in: costs and proven cold starts need what Modal alone knows of the function; init --modal asks Modal"
        )
        yield '# app = "my-app"'
        yield '# function = "Model.web"'
        yield '# gpu = "L40S"'
        yield "# scaledown_window = 60"


def _entry(entry: Entry) -> Iterator[str]:
    lines = [*_endpoint(entry)]
    if entry.off is None:
        yield from lines
        return
    yield comment(f"{entry.method} {entry.path} is not measured: {entry.off}")
    yield from (
        each if each.startswith("#") else f"# {each}" for each in lines if not each.startswith(FILL_IN)
    )


def _endpoint(entry: Entry) -> Iterator[str]:
    for note in entry.unknown if entry.off is None else ():
        yield comment(f"Fill in: {note}")
    for note in entry.notes if entry.off is None else ():
        yield comment(note)
    yield "[[endpoints]]"
    fields: dict[str, Any] = {
        "path": entry.path,
        "app": entry.app,
        "category": entry.category,
        "description": entry.description,
    }
    if entry.method != "POST":
        fields["method"] = entry.method
    tables = {name: entry.fields[name] for name in _TABLES if _is_table(entry.fields.get(name))}
    fields.update({name: value for name, value in entry.fields.items() if name not in tables})
    yield from (f"{name} = {_value(value)}" for name, value in fields.items() if value not in ("", None))
    for why, name, value in entry.suggested if entry.off is None else ():
        yield comment(why)
        yield f"# {name} = {_value(value)}"
    for name, table in tables.items():
        yield f"[endpoints.{name}]"
        yield from (f"{_key(each)} = {_value(value)}" for each, value in table.items())


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and bool(value)


def _key(name: str) -> str:
    import tomlkit

    return tomlkit.key(name).as_string() if name else '""'


def _value(value: Any) -> str:
    import tomlkit

    if isinstance(value, dict):
        inside = ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return re.sub(r"[\x7f]", r"\\u007f", tomlkit.item(value).as_string())
