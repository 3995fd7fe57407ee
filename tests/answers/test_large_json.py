from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_modal_bench.answers.large_json import shortened

LONG = 5000
texts = st.builds(
    lambda piece, times, end: piece * times + end,
    st.text(max_size=6),
    st.sampled_from([0, 1, LONG]),
    st.text(max_size=3),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def is_cut(short: object, whole: object) -> bool:
    """Whether `short` is `whole`, but for long texts of which it has the beginning."""
    if isinstance(whole, dict) and isinstance(short, dict):
        return list(short) == list(whole) and all(is_cut(short[key], whole[key]) for key in whole)
    if isinstance(whole, list) and isinstance(short, list):
        return len(short) == len(whole) and all(map(is_cut, short, whole))
    if isinstance(whole, str) and isinstance(short, str):
        return short == whole or (whole.startswith(short) and len(short) > 200)
    return short == whole


@given(values, st.booleans(), st.sampled_from([1, 2, 3, 7, 1000, 4096, 1 << 20]))
@example({"a": "\\" * 9000, "b": '"' * 9000}, True, 7)
@example(["\U0001f600" * LONG], True, 4096)
@example(["a" + "\U0001f600" * LONG], False, 1000)
@settings(deadline=None)
def test_all_is_kept_but_the_ends_of_long_texts(value: object, escaped: bool, size: int) -> None:
    data = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    short = shortened(pieces(data, size), len(data) + 1)

    assert short is not None
    assert is_cut(json.loads(short.decode("utf-8", "surrogatepass")), value)


def test_a_long_text_takes_no_more_than_its_beginning() -> None:
    short = shortened([b'{"image": "', *[b"QUJD" * 1000] * 1000, b'", "error": "oom"}'], 10_000)

    assert short is not None
    assert json.loads(short)["error"] == "oom"
    assert len(short) < 5000


def test_what_is_large_for_other_reasons_is_not_kept() -> None:
    assert shortened([b"[0", *[b", 1"] * 5000, b"]"], 10_000) is None
