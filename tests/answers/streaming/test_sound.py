from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.streaming import sound

if TYPE_CHECKING:
    from collections.abc import Sequence

av = pytest.importorskip("av")

RATE = 48_000


def encoded(form: str, codec: str, **metadata: str) -> bytes:
    """Two seconds of a tone, as FFmpeg writes them."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        container.metadata.update(metadata)
        stream = container.add_stream(codec, rate=RATE, options={"strict": "experimental"})
        stream.layout = layout = "stereo" if codec == "vorbis" else "mono"
        size = stream.codec_context.frame_size or 960
        for start in range(0, 2 * RATE, size):
            frame = av.AudioFrame(format=stream.format.name, layout=layout, samples=size)
            frame.sample_rate, frame.pts = RATE, start
            for plane in frame.planes:
                plane.update(bytes((17 * number + start) % 63 for number in range(plane.buffer_size)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def first_packet(data: bytes) -> int:
    """Where FFmpeg finds the first packet of sound."""
    with av.open(io.BytesIO(data)) as container:
        packet = next(container.demux(audio=0))
        return int(packet.pos)


@pytest.mark.parametrize(("form", "codec"), [("wav", "pcm_s16le"), ("flac", "flac")])
def test_sound_begins_where_ffmpeg_finds_its_first_packet(form: str, codec: str) -> None:
    data = encoded(form, codec, title="A tone")

    assert sound.beginning(data) == first_packet(data) > 40


def test_sound_in_an_mp3_begins_behind_its_tags() -> None:
    data = encoded("mp3", "mp3", title="A tone", comment="x" * 5000)
    start = sound.beginning(data)

    assert data[:3] == b"ID3"
    assert start > 5000
    assert int.from_bytes(data[start : start + 2]) >> 5 == 0x7FF, (
        "a frame's header (ISO/IEC 11172-3, 2.4.1.3)"
    )


@pytest.mark.parametrize("codec", ["opus", "vorbis", "flac"])
def test_sound_in_ogg_begins_in_the_first_page_behind_the_headers(codec: str) -> None:
    encoder = {"opus": "libopus"}.get(codec, codec)
    data = encoded("ogg", encoder, title="A tone", comment="x" * 100_000)
    start = sound.beginning(data)

    assert start > 100_000
    page = data.rfind(b"OggS", 0, start)
    assert start == page + 27 + data[page + 26]
    # FFmpeg says where the page of a packet begins, or its content.
    assert first_packet(data) in (page, start)


def wav(*chunks: tuple[bytes, int, bytes], size: int = 0xFFFFFFFF) -> bytes:
    body = b"".join(name + length.to_bytes(4, "little") + content for name, length, content in chunks)
    return b"RIFF" + size.to_bytes(4, "little") + b"WAVE" + body


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([(b"fmt ", 16, bytes(16)), (b"data", 4, b"abcd")], 44),
        ([(b"fmt ", 16, bytes(16)), (b"data", 0xFFFFFFFF, b"abcd")], 44),
        ([(b"fmt ", 16, bytes(16)), (b"data", 0, b"abcd")], 44),
        ([(b"fmt ", 16, bytes(16)), (b"LIST", 3, bytes(4)), (b"data", 0, b"abcd")], 56),
        ([(b"fmt ", 16, bytes(16)), (b"data", 4, b"")], 44),
        ([(b"fmt ", 16, bytes(16))], 36),
        ([(b"fmt ", 0xFFFFFFFF, bytes(16)), (b"data", 4, b"abcd")], 48),
    ],
)
def test_the_size_that_a_streamed_wav_claims_makes_no_difference(
    chunks: Sequence[tuple[bytes, int, bytes]], expected: int
) -> None:
    assert sound.beginning(wav(*chunks)) == expected


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"{}", b"hello", b"\xff\xfb\x90\x00rest"])
def test_what_has_no_header_that_is_known_begins_with_its_first_byte(data: bytes) -> None:
    assert sound.beginning(data) == 0


@given(
    st.sampled_from([b"RIFF\0\0\0\0WAVE", b"fLaC", b"OggS\0", b"ID3\4\0\x10", b"ID3\4\0\0"]),
    st.binary(max_size=80),
)
def test_any_bytes_have_a_beginning_within_them(head: bytes, rest: bytes) -> None:
    data = head + rest

    assert 0 <= sound.beginning(data) <= len(data)
