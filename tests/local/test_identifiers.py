from __future__ import annotations

import re

from pytest_modal_bench.local.identifiers import identifier, object_id


def test_ids_look_like_modals_and_are_never_the_same_twice() -> None:
    assert len({identifier("ta") for _ in range(100)}) == 100
    assert re.fullmatch(r"ta-01[0-9A-Z]{24}", identifier("ta"))
    assert len({object_id("ap") for _ in range(100)}) == 100
    assert re.fullmatch(r"ap-[0-9A-Za-z]{22}", object_id("ap"))
