from __future__ import annotations

import base64
import errno
import hashlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from report_runs import HOSTILE, result, run

from pytest_modal_bench.report.extras import MissingExtra
from pytest_modal_bench.report.html import page, shell

if TYPE_CHECKING:
    from collections.abc import Iterator


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_the_pages_own_style_and_script_and_its_pictures_alone() -> None:
    text = page.render(run())
    (style,), (script,) = (
        re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("style", "script")
    )
    (policy,) = re.findall('http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        f"style-src {hashed(style)}",
        f"script-src {hashed(script)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert text.index(policy) < text.index("<style>"), "what stands before a policy is not held to it"


def test_the_page_is_small_without_its_calls() -> None:
    assert len(page.render(run())) < 40_000


def test_what_templates_print_is_one_bounded_line_and_escaped() -> None:
    for text in HOSTILE:
        shown = page.render(run([result("A", status="failed", error=text, cause="application")]))
        assert len(shown) < 80_000
        assert not re.search(
            "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]", shown
        )
        shown.encode()


def test_prose_has_what_stands_between_backticks_as_code_and_nothing_else() -> None:
    given = run([result("A", status="failed", error="e", cause="killed", remedy="See `modal <b>` and `x`.")])
    assert "See <code>modal &lt;b&gt;</code> and <code>x</code>." in page.render(given)
    given = run([result("A", status="failed", error="e", cause="killed", remedy="A lone ` <b>")])
    assert "A lone ` &lt;b&gt;" in page.render(given)


def test_without_its_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(
        MissingExtra, match=r"^an HTML report needs the extra `html`: pip install 'pytest-modal-bench"
    ):
        page.render(run())


def test_templates_have_neither_inline_styles_nor_handlers_nor_addresses() -> None:
    folder = Path(shell.__file__).parent / "templates"
    for path in folder.rglob("*.j2"):
        text = path.read_text("utf-8")
        assert not re.search(r"\sstyle=|\son\w+=|https?://|\|\s*safe", text), path.name
    assert "@import" not in (folder / "page.css").read_text("utf-8")
    assert "url(" not in (folder / "page.css").read_text("utf-8")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where Python keeps what it compiles, and templates, as if nothing had been compiled before."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    shell.environment.cache_clear()
    yield tmp_path
    shell.environment.cache_clear()


def test_templates_are_compiled_once_and_not_in_each_run(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = page.render(run())
    assert list(kept.rglob("jinja2-*.cache"))

    shell.environment.cache_clear()
    monkeypatch.setattr("jinja2.environment.Environment._compile", None)

    assert page.render(run()) == first


@pytest.mark.parametrize("left", [0, 1, 45, 200])
def test_what_is_kept_and_damaged_is_compiled_anew(kept: Path, left: int) -> None:
    first = page.render(run())
    files = list(kept.rglob("jinja2-*.cache"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:left])
    shell.environment.cache_clear()

    assert page.render(run()) == first


def test_where_nothing_may_be_kept_a_page_is_made_all_the_same(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert page.render(run())

    shell.environment.cache_clear()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    kept.joinpath("file").touch()
    monkeypatch.setattr(sys, "pycache_prefix", str(kept / "file"))
    assert page.render(run())

    assert [path.name for path in kept.iterdir()] == ["file"]


def test_a_disk_that_fills_costs_no_page(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("jinja2.bccache.tempfile.NamedTemporaryFile", full)

    assert page.render(run())
    assert not list(kept.rglob("jinja2-*.cache"))
