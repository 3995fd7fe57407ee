from __future__ import annotations

from pytest_modal_bench.model.surrogates import without_surrogates


def test_lone_surrogates_become_question_marks_wherever_they_are() -> None:
    value = {"\ud800": ["\udfff!", {"a": ("b", 1)}], "ü😀": None}
    assert without_surrogates(value) == {"?": ["?!", {"a": ("b", 1)}], "ü😀": None}
