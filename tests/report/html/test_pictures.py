from __future__ import annotations

import base64
import math

from page_runs import picture, webp

from pytest_modal_bench.model import Preview
from pytest_modal_bench.report.html.pictures import Budget, waveform


def uris(budget: Budget, previews: list[Preview]) -> list[int]:
    """How many frames of each preview are in the page."""
    return [len(budget.show(index, preview).frames) for index, preview in enumerate(previews)]


def test_a_frame_is_in_the_page_as_it_is_in_the_run() -> None:
    data = webp()
    (frame,) = Budget([picture(data)]).show(0, picture(data)).frames
    assert base64.b64decode(frame.removeprefix("data:image/webp;base64,")) == data


def test_where_room_is_short_every_preview_gets_its_first_frame_before_any_gets_another() -> None:
    frames = [webp(shade=shade) for shade in range(4)]
    previews = [picture(*frames, kind="video"), picture(frames[0]), picture(*frames, kind="video")]
    room = 4 * math.ceil(max(map(len, frames)) / 3)

    budget = Budget(previews, room_bytes=5 * room)

    assert uris(budget, previews) == [2, 1, 2]
    assert budget.left_out == 4
    assert budget.show(0, previews[0]).left_out == 2


def test_a_large_picture_leaves_room_for_the_small_ones_behind_it() -> None:
    previews = [picture(webp(400, 400, noise=True)), picture(webp())]
    assert uris(Budget(previews, room_bytes=5000), previews) == [0, 1]


def test_what_does_not_begin_as_a_webp_image_is_refused() -> None:
    preview = picture(
        b"<svg onload=alert(1)>", b"", b"\x89PNG\r\n\x1a\n" + bytes(20), b"RIFF\0\0\0\0WAVE", webp()
    )
    budget = Budget([preview])
    assert uris(budget, [preview]) == [1]
    assert budget.refused == 4


def test_a_waveform_is_as_high_as_the_sound_is_loud_whatever_a_report_says() -> None:
    assert [wave.height for wave in waveform((0.0, 0.5, 1.0))] == ["2%", "49%", "98%"]
    assert [wave.height for wave in waveform((-5.0, math.nan, math.inf, 1e9))] == ["2%", "2%", "2%", "98%"]
    assert len(waveform((1.0,) * 100_000)) <= 240


def test_sides_and_texts_are_bounded() -> None:
    preview = Preview(kind="text", text="line\n" * 10_000 + "x" * 10_000, width=10**9, height=-3)
    shown = Budget([preview]).show(0, preview)
    assert (shown.width, shown.height) == (1024, 1)
    assert len(shown.lines) == 25
    assert shown.lines[-1] == "…"
