"""Texts and answers that try to run something where a report shows them, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from page_runs import everything, holding, picture, webp
from report_runs import result, run

from pytest_modal_bench.report.html import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from opened_page import Opened

    Open = Callable[..., Opened]

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: tox run -e browser")
pytest.importorskip("jinja2")
pytestmark = pytest.mark.timeout(300)

HIT = "window.hit=1"
ATTACKS = (
    f"<script>{HIT}</script>",
    f"</script><script>{HIT}</script>",
    f"</title></style></svg></textarea><script>{HIT}</script>",
    f'"><img src=x onerror="{HIT}">',
    f"' onmouseover='{HIT}' onfocus='{HIT}' autofocus='",
    f"<svg onload={HIT}><animate onbegin={HIT} attributeName=x dur=1s>",
    f"<svg><use href=\"data:image/svg+xml,<svg id='x' onload='{HIT}'/>#x\"></svg>",
    f"javascript:{HIT}",
    f"<a href=javascript:{HIT}>click</a>",
    f'<iframe srcdoc="<script>parent.{HIT}</script>"></iframe>',
    f"]]><![CDATA[<script>{HIT}</script>",
    f"<!-- --><script>{HIT}</script> --!>",
    f"`<script>{HIT}</script>` and `",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    f"<form action=javascript:{HIT}><button>go</button></form><base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css><img src=https://evil.example/x.png>",
    "\u202egnp.exe\u2066 \u2067 \u0000\u0007\x1b[31m \ud800 \ufffe",
    "https://evil.example/x",
)
"""Each in every field of a run that is a text."""

NOT_OURS = (
    "iframe, object, embed, base, form, link, foreignObject, animate, textarea, meta[http-equiv=refresh], "
    "script ~ script, img:not([src^='data:image/webp;base64,']), image:not([href^='data:image/webp;base64,']), "
    "a:not([href^='#']), use:not([href^='#'])"
)
"""Elements that a page has none of."""
ELEMENTS = "(all) => [...document.querySelectorAll(all)].map((each) => each.outerHTML.slice(0, 120))"
HANDLERS = """() => [...document.querySelectorAll("*")].flatMap((each) => [...each.attributes])
    .filter((each) => each.name.startsWith("on") || each.name === "style" || /^\\s*javascript:/i.test(each.value))
    .map((each) => each.name + "=" + each.value.slice(0, 80))"""

DEAD_LINKS = """() => [...document.querySelectorAll("a")].map((each) => each.getAttribute("href"))
    .filter((target) => !document.getElementById(target.slice(1)))"""


def test_no_text_of_a_run_runs_anything_or_becomes_an_element(opened: Open) -> None:
    seen = opened(page.render(holding(ATTACKS)))

    assert seen.page.evaluate(ELEMENTS, NOT_OURS) == []
    assert seen.page.locator("script").count() == 1
    assert seen.page.evaluate(HANDLERS) == []
    assert seen.page.evaluate(DEAD_LINKS) == []
    for element in seen.page.locator("summary, th button").all():
        element.dispatch_event("click")
    seen.page.evaluate(
        "for (const each of document.querySelectorAll('*')) each.dispatchEvent(new Event('mouseover'))"
    )
    seen.page.get_by_label("Filter").fill("<script>window.hit=1</script>")
    seen.page.wait_for_load_state("networkidle")
    assert seen.page.evaluate("window.hit") is None
    assert (seen.messages, seen.requests, seen.violations) == ([], [], [])
    text = seen.page.evaluate("document.documentElement.textContent")
    assert "<script>window.hit=1</script>" in text, "they are shown as what they are"
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b")


def test_bytes_that_are_no_webp_image_are_not_in_the_page(opened: Open) -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{HIT}"><script>{HIT}</script></svg>'.encode()
    html = f"<html><script>{HIT}</script>".encode()
    late = b"RIFF" + svg
    previews = [picture(svg, html, b"", late, webp())]
    given = run([result("A", previews=previews)], inputs={"image": picture(svg)})

    text = page.render(given)

    seen = opened(text)
    assert text.count("data:image/") - text.count("img-src data:") <= text.count("data:image/webp")
    assert seen.page.locator("#answers img").count() == 1
    assert "4 pictures are left out" in seen.page.inner_text("#answers")
    assert seen.page.evaluate("window.hit") is None
    assert (seen.messages, seen.requests) == ([], [])


@pytest.mark.parametrize(
    ("injected", "directive"),
    [
        (f"<script>{HIT}</script>", "script-src-elem"),
        (f"<img src=data:image/png;base64,x onerror={HIT}>", "script-src-attr"),
        (f"<a id=bait href=javascript:{HIT}>x</a>", "script-src-elem"),
        ("<p style='color: red'>x</p>", "style-src-attr"),
        ("<style>p { color: red }</style>", "style-src-elem"),
        ("<img src=https://evil.example/x.png>", "img-src"),
        ("<iframe src=https://evil.example/></iframe>", "frame-src"),
        ("<script src=https://evil.example/x.js></script>", "script-src-elem"),
    ],
)
def test_what_gets_in_unescaped_all_the_same_is_forbidden_by_the_policy(
    opened: Open, injected: str, directive: str
) -> None:
    text = page.render(everything())
    seen = opened(text.replace("</main>", f"{injected}</main>"))
    if "id=bait" in injected:
        seen.page.locator("#bait").click()
    seen.page.wait_for_load_state("networkidle")

    assert {violation.split()[0] for violation in seen.violations} == {directive}
    assert seen.page.evaluate("window.hit") is None
    assert seen.requests == []
