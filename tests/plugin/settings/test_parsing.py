from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.plugin.settings import parsing

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (parsing.name, "wan-2.6_b", "wan-2.6_b"),
        (parsing.cold, "force", "force"),
        (parsing.count, "12", 12),
        (parsing.rounds, "12", 12),
        (parsing.rounds, "auto", None),
        (parsing.address, "10.0.0.5:5557", ("10.0.0.5", 5557)),
        (parsing.address, "[::1]:65535", ("::1", 65535)),
        (parsing.positive, "1e-3", 0.001),
        (parsing.resources, "video, image,video", ("video", "image")),
    ],
)
def test_a_text_has_a_meaning(parse: Callable[[str], object], text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (parsing.name, "", "a name of letters"),
        (parsing.cold, "forced", "observe, force, off"),
        (parsing.count, "1.5", "a whole number from 1 on"),
        (parsing.rounds, "all", "or 'auto'"),
        (parsing.address, ":5557", "HOST:PORT"),
        (parsing.address, "host:65536", "HOST:PORT"),
        (parsing.positive, "-inf", "a number above 0"),
        (parsing.resources, "image,mask", "image and video"),
    ],
)
def test_a_text_without_one_is_refused_with_what_is_expected(
    parse: Callable[[str], object], text: str, expected: str
) -> None:
    with pytest.raises(ValueError, match=expected) as caught:
        parse(text)
    assert repr(text.rpartition(",")[2]) in str(caught.value)
