from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import endpoint

from pytest_modal_bench.call import described as module
from pytest_modal_bench.call.described import described

SECRET = "sword-fish and chips"  # noqa: S105 - it is made up
ENVIRON = {
    "OPENAI_API_KEY": SECRET,
    "PLAIN": "a lake",
    "OWN_WORD": "mellon",
    "DESKTOP_SESSION": "gnome",
    "HF_TOKEN": "hf_not-like-others",
}


def sent(**fields: Any) -> str | None:
    return described(endpoint(**fields), ENVIRON)


def test_a_payload_is_shown_as_the_catalogue_has_it() -> None:
    payload = {
        "prompt": "a lake",
        "seed": "{seed}",
        "image": "{image:base64}",
        "n": 2,
        "of": ["{{x}}", None, 0.5],
    }

    assert json.loads(sent(payload=payload) or "") == payload


def test_form_and_query_are_named() -> None:
    assert sent(payload=None, form={"file": "{voice:bytes}"}, query={"n": 1}) == (
        'form {"file":"{voice:bytes}"}; query {"n":1}'
    )
    assert sent(payload=None) is None
    assert sent(payload={}) == "{}"


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-Ab3dEf6hIj9kLmNoPqRs",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x",
        "ak-A1b2C3d4e5",
        "Bearer abcdef",
        f"before {SECRET} behind",
        "hf_not-like-others",
    ],
)
def test_what_looks_like_a_secret_or_is_one_in_the_environment_is_not_shown(value: str) -> None:
    shown = sent(payload={"prompt": value, "list": [{"x": value}]}, query={"q": value}) or ""

    assert value not in shown
    assert value[-10:] not in shown
    assert shown.count("[redacted]") >= 3


@pytest.mark.parametrize("name", ["api_key", "API-Key", "password", "hf_token", "clientSecret"])
def test_what_is_called_a_secret_is_not_shown(name: str) -> None:
    shown = sent(payload={name: "abc", "deep": {name: ["abc"]}, "max_tokens": 100})

    assert shown == f'{{"{name}":"[redacted]","deep":{{"{name}":["[redacted]"]}},"max_tokens":100}}'
    assert sent(payload={name: "{image}"}) == f'{{"{name}":"{{image}}"}}'


def test_names_prompts_and_short_words_of_the_environment_are_shown() -> None:
    payload = {"model": "Qwen/Qwen2.5-VL-72B-Instruct-AWQ", "prompt": "a lake under gnome", "PLAIN": "a lake"}

    assert json.loads(sent(payload=payload) or "") == payload


def test_no_header_is_shown_and_what_stands_in_one_nowhere_else() -> None:
    headers = {
        "Modal-Key": "{env:OWN_WORD}",
        "Authorization": "Basic bWU6b3BlbiBzZXNhbWU=",
        "X-Trace": "trace-me",
    }
    shown = (
        sent(headers=headers, payload={"a": "say mellon", "b": "open sesame", "c": "me:open sesame"}) or ""
    )

    assert "trace-me" not in shown
    assert "mellon" not in shown
    assert "sesame" not in shown


def test_long_texts_are_cut_and_all_of_it_is_bounded() -> None:
    cut = sent(payload={"prompt": "word " * 1000, "seed": "{seed}"}) or ""
    assert cut.endswith('…","seed":"{seed}"}')
    assert len(cut) < 250
    many = sent(payload={str(number): "word " * 20 for number in range(100)}) or ""
    assert len(many) == module.LONGEST
    assert many.endswith("…")


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**9), 10**9)
        | st.text(max_size=300)
        | st.just(SECRET * 30),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_is_sent_is_one_bounded_line_without_the_secret(payload: Any) -> None:
    shown = sent(payload={"x": payload}) or ""

    assert len(shown) <= module.LONGEST
    assert shown.isprintable()
    assert SECRET not in shown
