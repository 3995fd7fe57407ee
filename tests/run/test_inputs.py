from __future__ import annotations

from typing import Any

import media_corpus
import pytest
import sound_corpus
from report_runs import result, sample

from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.model import Resource
from pytest_modal_bench.run import inputs


def resource(data: bytes, media_type: str = "image/png") -> Resource:
    return Resource(data=data, media_type=media_type, name="file")


FOUND: dict[str, Resource | str] = {
    "image": resource(media_corpus.good("png")),
    "video": resource(media_corpus.good("mp4"), "video/mp4"),
    "voice": resource(sound_corpus.good("wav"), "audio/wav"),
    "notes": resource(b"dear diary", "text/plain"),
    "lora": "test-benchmark",
    "mask": resource(media_corpus.good("webp")),
}


def called(*needs: str, **fields: Any) -> Any:
    return result("Flux", needs=needs, samples=[sample()], **fields)


@pytest.mark.parametrize("own", [False, True])
def test_the_media_that_were_sent_are_shown(own: bool) -> None:
    results = [called("image", "lora", "notes"), called("voice", "video"), result(needs=("mask",))]
    with Inspector() as inspector:
        shown = inputs.previews(results, FOUND, None if own else inspector)

    assert {name: preview.kind for name, preview in shown.items()} == {
        "image": "image",
        "video": "video",
        "voice": "audio",
    }
    assert all(preview.started_at is None for preview in shown.values())


def test_where_nothing_was_sent_or_too_much_was_called_nothing_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inputs, "Inspector", lambda: pytest.fail("a decoding process was started"))

    assert inputs.previews([called(), called("lora")], FOUND) == {}
    assert inputs.previews([called("image")] * (inputs.MOST_SHOWN + 1), FOUND) == {}
    monkeypatch.setattr(inputs, "_LARGEST_SHOWN_BYTES", 10)
    assert inputs.previews([called("image")], FOUND) == {}
