from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import media_corpus
import psutil
import pytest

from pytest_modal_bench.answers.expectation import problem
from pytest_modal_bench.answers.inspector import Inspector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_modal_bench.model import Media

MIB = 1024**2
OWNER = """
import sys, threading, time
from pathlib import Path
from pytest_modal_bench.answers.inspector import Inspector
inspector = Inspector()
inspector.inspect(Path(sys.argv[1]))
threading.Thread(target=inspector.inspect, args=(Path(sys.argv[2]),), daemon=True).start()
time.sleep(1)
print(inspector.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector() as each:
        yield each


def slow_gif() -> bytes:
    """An answer over which the decoder works for seconds, and says nothing meanwhile."""
    return media_corpus.bomb_gif(19_000, 256)


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@contextmanager
def standing_still(pid: int) -> Iterator[psutil.Process]:
    """A process that takes a request, and does not answer before it is let go on."""
    process = psutil.Process(pid)
    process.suspend()
    yield process
    if process.is_running():
        process.resume()


def warm(inspector: Inspector) -> int:
    inspector.inspect(media_corpus.good("png"))
    assert inspector.pid is not None
    return inspector.pid


@pytest.mark.parametrize("name", media_corpus.GOOD)
def test_bytes_and_a_file_of_them_are_found_to_be_the_same(
    inspector: Inspector, tmp_path: Path, name: str
) -> None:
    body = media_corpus.good(name)
    path = tmp_path / "answer"
    path.write_bytes(body)

    media = inspector.inspect(body)

    assert (media.checked, media.problem, media.blank) == (True, None, False)
    assert (media.size_bytes, media.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert inspector.inspect(path) == media


def test_everything_in_the_corpus_is_classified_by_one_process(inspector: Inspector) -> None:
    pid = warm(inspector)

    for body in map(media_corpus.good, media_corpus.GOOD):
        for length in (len(body) // 5, len(body) // 2, len(body) - 1):
            assert problem(inspector.inspect(body[:length]), None) is not None
    for name in media_corpus.BLANK:
        said = problem(inspector.inspect(media_corpus.blank(name)), None)
        assert said is not None
        assert said.startswith("blank: every pixel of ")
    for form, body in media_corpus.polyglots().items():
        assert inspector.inspect(body).format == form
    for body in media_corpus.random_files():
        assert inspector.inspect(body).unchecked == "no decoder for these bytes"
    assert inspector.pid == pid


def test_an_all_black_video_is_told(inspector: Inspector) -> None:
    assert problem(inspector.inspect(media_corpus.blank("black-mp4")), None) == (
        "blank: every pixel of all 33 frames is (almost) the same colour"
    )


def test_no_decoder_is_imported_where_answers_are_asked_for() -> None:
    ask = "import sys, pytest_modal_bench.answers.inspector; sys.exit(bool({'PIL', 'av'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", ask], check=False).returncode == 0


def test_documents_take_no_process() -> None:
    with Inspector() as inspector:
        assert inspector.inspect(b'{"a": 1}').kind == "json"
        assert inspector.inspect(b"<!DOCTYPE html><p>").kind == "html"
        assert inspector.inspect(b"").kind == "empty"
        assert inspector.inspect(random.Random(3).randbytes(3 * MIB)).kind == "other"
        assert inspector.pid is None


def test_a_long_text_is_looked_at_whole(inspector: Inspector, tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_bytes(b'["' + b"x" * 2 * MIB + b'"]')
    assert inspector.inspect(path).kind == "json"

    path.write_bytes(b"x" * 2 * MIB + b"\0")
    assert inspector.inspect(path).kind == "other"


def test_a_file_that_is_not_there_is_the_callers_error(inspector: Inspector, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspector.inspect(tmp_path / "answer")


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "png": (lambda: media_corpus.bomb_png(60_000), "too many pixels: 60000 x 60000"),
    "apng": (
        lambda: media_corpus.bomb_apng(2**31 - 1),
        "too many frames: 2147483647, where 20000 are decoded at most",
    ),
    "large-apng": (
        lambda: media_corpus.bomb_apng(10_000, side=1000),
        "too many pixels: 10000 frames of 1000 x 1000",
    ),
    "gif": (
        lambda: media_corpus.bomb_gif(20_001, 1),
        "too many frames: 20001, where 20000 are decoded at most",
    ),
    "large-gif": (lambda: media_corpus.bomb_gif(80, 7_900), "takes more memory than allowed to decode"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_told_and_not_decoded(name: str) -> None:
    make, said = BOMBS[name]
    # 20,000 frames take a while where others hold the cores.
    with Inspector(memory_bytes=512 * MIB, patience_sec=300) as inspector:
        media = inspector.inspect(make())

    assert (media.kind, media.checked, media.problem) == ("image", False, said)


def test_a_decoder_that_takes_too_much_memory_leaves_the_next_answer_alone() -> None:
    with Inspector(memory_bytes=384 * MIB) as inspector:
        assert inspector.inspect(media_corpus.grey_png(7_900)).problem is None
        assert inspector.inspect(media_corpus.good("png")).checked

    with Inspector(memory_bytes=192 * MIB) as inspector:
        assert inspector.inspect(media_corpus.grey_png(7_900)).problem == (
            "takes more memory than allowed to decode"
        )
        assert inspector.inspect(media_corpus.good("png")).checked


def test_a_file_larger_than_the_memory_is_told(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    with path.open("wb") as file:
        file.write(media_corpus.good("mp4"))
        file.truncate(400 * MIB)

    with Inspector(memory_bytes=256 * MIB) as inspector:
        assert inspector.inspect(path).problem == "larger than the memory allowed to decode"


@pytest.mark.parametrize("death", [signal.SIGSEGV, signal.SIGKILL])
def test_a_decoder_that_crashes_once_is_started_anew_and_asked_again(death: signal.Signals) -> None:
    answers: list[Media] = []
    with Inspector() as inspector:
        pid = warm(inspector)
        with standing_still(pid) as process:
            asking = threading.Thread(
                target=lambda: answers.append(inspector.inspect(media_corpus.good("webp")))
            )
            asking.start()
            time.sleep(0.1)
            process.send_signal(death)
        asking.join(60)

        assert [(media.checked, media.problem) for media in answers] == [(True, None)]
        assert inspector.pid != pid


def test_a_decoder_that_died_between_two_answers_is_no_answers_problem() -> None:
    with Inspector() as inspector:
        decoder = psutil.Process(warm(inspector))
        decoder.kill()
        assert within(3, lambda: decoder.status() == psutil.STATUS_ZOMBIE)

        assert inspector.inspect(media_corpus.good("png")).checked


def test_a_decoder_that_hangs_is_told_when_patience_ends() -> None:
    with Inspector(patience_sec=0.5) as inspector, standing_still(warm(inspector)) as process:
        began = time.monotonic()
        media = inspector.inspect(media_corpus.good("mp4"))

        assert (media.kind, media.problem) == ("video", "not decoded within 0.5 s")
        assert time.monotonic() - began < 30
        assert not process.is_running()
        assert inspector.inspect(media_corpus.good("mp4")).checked


def test_what_takes_long_to_decode_is_cut_off() -> None:
    with Inspector(patience_sec=0.5) as inspector:
        assert inspector.inspect(slow_gif()).problem == "not decoded within 0.5 s"


def test_without_a_decoder_that_starts_an_answer_is_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with Inspector() as inspector:
        media = inspector.inspect(media_corpus.good("png"))

    assert (media.kind, media.checked, media.problem) == ("image", False, None)
    assert media.unchecked is not None
    assert media.unchecked.startswith("the decoding process does not start: ")


@pytest.mark.parametrize("body", ["png", "slow"], ids=["idle", "decoding"])
def test_the_decoder_dies_with_its_parent_whatever_it_does(tmp_path: Path, body: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(media_corpus.good("png"))
    second.write_bytes(slow_gif() if body == "slow" else media_corpus.good("png"))
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(first), str(second)], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        decoder = psutil.Process(int(owner.stdout.readline()))
        assert decoder.is_running()
        owner.kill()

    assert within(3, lambda: not decoder.is_running() or decoder.status() == psutil.STATUS_ZOMBIE)


def test_the_decoder_has_no_secrets_no_core_and_no_file_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-secret")
    with Inspector() as another:
        process = psutil.Process(warm(another))

        assert process.environ().keys() <= {"PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LC_CTYPE"}
        assert os.getsid(process.pid) == process.pid
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_AS) == (2048 * MIB, 2048 * MIB)


def test_closing_ends_the_decoder() -> None:
    with Inspector() as inspector:
        pid = warm(inspector)

    assert not psutil.pid_exists(pid)
    assert inspector.pid is None


def test_a_large_file_is_hashed_in_pieces(inspector: Inspector, tmp_path: Path) -> None:
    path, digest, chance = tmp_path / "answer", hashlib.sha256(), random.Random(4)
    with path.open("wb") as file:
        for _ in range(200):
            piece = chance.randbytes(MIB)
            digest.update(piece)
            file.write(piece)
    process = psutil.Process()
    before, peak, done = process.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    media = inspector.inspect(path)
    done.set()
    watching.join()

    assert (media.kind, media.size_bytes, media.sha256) == ("other", 200 * MIB, digest.hexdigest())
    assert peak[0] - before < 32 * MIB
