from __future__ import annotations

import base64
import json
import logging
import time
from urllib.parse import quote, quote_plus

import pytest
from disguised import ENCODINGS, SECRETS, leaks
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_modal_bench.safety.redaction import REDACTED, SHORTEST, Redactor

secrets = st.text(min_size=SHORTEST)


def pieces(text: str) -> list[str]:
    return text.split(REDACTED)


@given(st.lists(secrets, max_size=4), st.lists(st.text(), max_size=5))
@example(["abcd", "abcdefgh"], ["abcdefgh"])
def test_no_secret_is_left(known: list[str], texts: list[str]) -> None:
    text = " ".join(each for pair in zip(texts, known, strict=False) for each in pair)
    cleaned = Redactor(known).clean(text + "".join(known))
    assert not [secret for secret in known for piece in pieces(cleaned) if secret in piece]


@given(st.text(min_size=SHORTEST, alphabet=st.characters(codec="utf-8")), st.text())
def test_no_form_of_a_secret_is_left(secret: str, around: str) -> None:
    raw = secret.encode()
    forms = [
        quote(raw),
        quote_plus(raw),
        json.dumps(secret)[1:-1],
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    ]
    for form in forms:
        cleaned = Redactor([secret]).clean(f"{around}{form}{around}")
        assert not [piece for piece in pieces(cleaned) if form.rstrip("=") in piece]


@given(st.text(st.characters(categories=["Lu", "Zs", "Nd"])))
def test_a_text_without_secrets_is_unchanged(text: str) -> None:
    assert Redactor(["not in it"]).clean(text) == text


def test_a_longer_secret_leaves_nothing_of_itself() -> None:
    assert Redactor(["abcd", "abcdefgh"]).clean("x abcdefgh y abcd") == "x [redacted] y [redacted]"


def test_what_is_too_short_to_be_a_secret_is_left() -> None:
    assert Redactor(["1", "on", ""]).clean("on port 1") == "on port 1"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("/r?a=1&__modal_attempt_token=ab.c-d&b=2", "/r?a=1&__modal_attempt_token=[redacted]&b=2"),
        (
            "url: /r?__modal_function_call_id=fc-1 (Caused",
            "url: /r?__modal_function_call_id=[redacted] (Caused",
        ),
        ("__modal_attempt_token%3Dabc", "__modal_attempt_token%3D[redacted]"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        ("{'x': 'bearer abc'}", "{'x': 'bearer [redacted]'}"),
        ("key wk-Abc12345, secret ws-Abc12345", "key wk-[redacted], secret ws-[redacted]"),
        ("ak-Abc12345 as-Abc12345", "ak-[redacted] as-[redacted]"),
        ("as-built, as-implemented", "as-built, as-implemented"),
        ("task-12345678", "task-12345678"),
    ],
)
def test_what_looks_like_a_token_is_taken_out(text: str, cleaned: str) -> None:
    assert Redactor().clean(text) == cleaned


def test_a_long_hostile_text_takes_no_time() -> None:
    text = "wk-" * 200_000 + " " + "Bearer" * 100_000
    assert Redactor(["wk-wk-x"]).clean(text) == text


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_disguised_secret_is_taken_out_and_the_rest_is_kept(encoding: str, secret: str) -> None:
    text = f"no access for <{ENCODINGS[encoding](secret)}>, sorry"
    cleaned = Redactor([*SECRETS, "another secret"]).clean(text)
    assert leaks(cleaned, secret) == set()
    assert cleaned.startswith("no access for <")
    assert cleaned.endswith(">, sorry")
    assert REDACTED in cleaned


OUTER = (
    *("percent", "percent, lower case", "percent twice", "html", "html twice", "html decimal"),
    *("json", "json, escaped", "newlines", "zero width", "colours"),
)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("outer", OUTER)
def test_a_disguise_upon_another_hides_nothing(secret: str, outer: str) -> None:
    redactor = Redactor([secret])
    for disguise in ENCODINGS.values():
        for before in ("", "x", "..", "key="):
            cleaned = redactor.clean(f"{before}{ENCODINGS[outer](before + disguise(secret))}.")
            assert REDACTED in cleaned
            assert leaks(cleaned, secret) == set()


def test_words_side_by_side_are_not_taken_for_a_short_secret() -> None:
    assert Redactor(["prod"]).clean("pro duct, PROD, p\u200brod") == "pro duct, [redacted], [redacted]"


@pytest.mark.parametrize(
    "piece",
    [
        "x",
        "%25",
        "&amp;",
        "\\u0073",
        "日本語",
        "s3cr3t ",
        SECRETS[0],
        "\\",
        "é",
        "\x1b[",
        "%e6",
        "&#x",
        "\\x",
    ],
)
def test_a_long_text_is_cleaned_in_linear_time(piece: str) -> None:
    def seconds(length: int) -> float:
        started = time.process_time()
        Redactor(SECRETS).clean(piece * (length // len(piece)))
        return time.process_time() - started

    assert seconds(1 << 18) < 20 * seconds(1 << 15) + 1


def test_its_repr_says_nothing() -> None:
    assert "secret" not in repr(Redactor(["secret"]))


def test_what_loggers_say_meanwhile_is_cleaned(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logger = logging.getLogger("a.foreign.one")

    def log() -> None:
        try:
            int("secret")
        except ValueError:
            logger.exception("GET %s %d", "/secret", 200)

    with Redactor(["secret"]).guarding(logger.name):
        log()
    assert [record.getMessage() for record in caplog.records] == ["GET /[redacted] 200"]
    assert "secret" not in caplog.text
    log()
    assert "secret" in caplog.text
