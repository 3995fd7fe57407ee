from __future__ import annotations

import json

import msgspec
import pytest

from pytest_modal_bench.report import indented

ITEMS: list[dict[str, object]] = [{"a": [], "text": "[]\n}"}, {"b": {"c": None}}, {}]


@pytest.mark.parametrize("number", range(4))
def test_pieces_are_the_whole_indented(number: int) -> None:
    head = {"schema": 1, "empty": [], "items": []}
    whole = {**head, "items": ITEMS[:number]}

    made = b"".join(indented.pieces(msgspec.json.encode(head), map(msgspec.json.encode, ITEMS[:number])))

    assert made == msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"
    assert json.loads(made) == whole
