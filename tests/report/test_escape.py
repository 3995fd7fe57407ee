from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_runs import HOSTILE

from pytest_modal_bench.report.escape import MESSAGE_LIMIT, NAME_LIMIT, code, line, prose, text, width

MARKUP = st.text("|\\`*_~[](){}<>!#@$:;&^%+-=./?'\" \n\tabzGH019wné你👍\u200d\ufe0f\x1b")
ANY_TEXT = st.text() | MARKUP | st.sampled_from(HOSTILE) | st.text(st.characters())
ACTED_ON = re.compile(r"[@#$]|://|www\.|gh-\d|:[a-z+-][\w+-]*:", re.IGNORECASE)


def blocks(markdown: str) -> list[list[tuple[str, str]]]:
    """Return type and content of what stands in each block that has text, as GitHub's markdown sees it."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [
        [(child.type, child.content) for child in token.children or ()]
        for token in parser.parse(markdown)
        if token.type == "inline"
    ]


def shown(block: list[tuple[str, str]]) -> str:
    return "".join(content for kind, content in block if kind in {"text", "code_inline"})


@pytest.mark.parametrize(
    "message",
    [
        "HTTP 500: modal-http: internal error: function was terminated by signal",
        "Exceeded 30 redirects.",
        "Missing: test image, test video",
        "HTTP 408: Missing request, possibly due to expiry or cancellation",
        "HTTPConnectionPool(host='127.0.0.1', port=80): (Caused by ConnectError('[Errno 111] refused'))",
        "Flux Dev 2.6 - 100% (fast), 3 > 2 & snake_case + 'quotes' \"too\"; a = b! ok?",
        r"expected b'\x89PNG\r\n', got 'a\tb'",
        "Modèle générique, Модель, Ωμέγα, 模型、画像, モデル, 모델, 🎬 Video, ✅",
    ],
)
def test_ordinary_text_stays_as_it_is(message: str) -> None:
    assert line(message) == message
    assert text(message) == message


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("a | b", "a &#124; b"),
        ("one\r\n\ttwo", "one two"),
        ("<script>", "&lt;script>"),
        ("&lt;", "&amp;lt;"),
        ("error (_ssl.c:1016)", r"error (\_ssl.c:1016)"),
        ("*bold*", r"\*bold\*"),
        ("[text](url)", r"[text\](url)"),
        ("[[wiki]]", r"\[\[wiki\]]"),
        ("{{ liquid }}{% raw %}", r"\{{ liquid }}\{% raw %}"),
        ("a__b __init__", r"a\_\_b \_\_init\_\_"),
        ("`code`", "&#96;code&#96;"),
        (r"a\*", r"a&#92;\*"),
        ("ask @team", "ask `@`team"),
        ("see #1", "see `#`1"),
        ("GH-1", "`GH`-1"),
        ("https://a.b", "https`:`//a.b"),
        (":tada:", "`:`tada:"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x00\u202e", "\ufffd\ufffd"),
        ("👍🏽", "👍&#127997;"),
    ],
)
def test_the_rest_is_escaped(raw: str, escaped: str) -> None:
    assert text(raw) == escaped


@given(ANY_TEXT)
@example(r"\_\\_a_")
def test_text_shows_what_it_holds_wherever_it_stands(raw: str) -> None:
    for place in ("| a | b |\n| - | - |\n| x{} | z |\n", "### x{}\n", "- x{}\n", "**x{}** \n", "_x{}_\n"):
        found = [shown(block) for block in blocks(place.format(text(raw)))]
        expected = ["a", "b", f"x{line(raw)}", "z"] if place.startswith("|") else [f"x{line(raw)}"]
        assert found == expected


@given(ANY_TEXT)
def test_code_shows_what_it_holds_in_a_table(raw: str) -> None:
    cells = blocks(f"| a | b |\n| - | - |\n| {code(raw)} | z |\n")
    assert [shown(cell) for cell in cells] == ["a", "b", line(raw, NAME_LIMIT) or "-", "z"]


@given(ANY_TEXT)
def test_what_github_acts_on_stands_in_code_only(raw: str) -> None:
    (block,) = blocks(f"x {text(raw)}")
    outside = "".join(content if kind == "text" else "\0" for kind, content in block)
    assert not ACTED_ON.search(outside)
    assert {kind for kind, _ in block} <= {"text", "code_inline"}


@given(ANY_TEXT)
def test_a_line_is_one_line_of_printable_text(raw: str) -> None:
    cleaned = line(raw)
    assert cleaned == " ".join(cleaned.split())
    assert cleaned.encode().decode() == cleaned
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", cleaned)
    assert line(cleaned, len(cleaned)) == cleaned


def test_a_long_message_is_cut_and_says_how_long_it_was() -> None:
    assert line("x" * MESSAGE_LIMIT) == "x" * MESSAGE_LIMIT
    assert text("x" * 10_000_000) == "x" * MESSAGE_LIMIT + "… (10000000 characters)"
    assert code("x" * 300).count("x") == NAME_LIMIT


@pytest.mark.parametrize(
    ("markdown", "columns"),
    [("", 0), ("abc", 3), ("Δ", 1), ("你好", 4), ("画", 2), ("✅", 2), ("⏭️", 2), ("⏹️", 2), ("e\u0301", 1)],
)
def test_width_counts_columns(markdown: str, columns: int) -> None:
    assert width(markdown) == columns


def test_a_line_gives_no_commands_to_whoever_reads_the_log() -> None:
    assert line("a ##[set-output name=x]y") == "a # #[set-output name=x]y"


def test_what_a_sentence_has_between_backticks_is_code() -> None:
    assert (
        prose("See `modal app logs x`; raise its `timeout`.")
        == "See `modal app logs x`; raise its `timeout`."
    )
    assert prose("an odd ` one") == text("an odd ` one")
    assert prose("@`x`") == text("@`x`"), "two code spans side by side would be one"


@given(ANY_TEXT)
@example("`<script>` and `@team`")
def test_a_sentence_reads_the_same_whatever_is_code_in_it(raw: str) -> None:
    found = blocks(f"x {prose(raw)} x")
    assert len(found) == 1
    assert shown(found[0]).replace("`", "") == f"x {line(raw)} x".replace("`", "")
    assert not any(ACTED_ON.search(content) for kind, content in found[0] if kind == "text")
    assert {content for kind, content in found[0] if kind == "html_inline"} <= {"<code>", "</code>"}
