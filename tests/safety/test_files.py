from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from pytest_modal_bench.safety.files import (
    append_text,
    create_bytes,
    directory_obstacle,
    obstacle,
    read_bytes,
    write_bytes,
    write_pieces,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_file_is_saved_whole_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "clip.mp4"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_can_not_be_saved_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_bytes(path, b"old")

    def full() -> Iterator[bytes]:
        yield b"n"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_pieces(path, full())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def special(directory: Path, kind: str) -> Path:
    """Something in `directory`, or elsewhere, that is no regular file."""
    path = directory / kind
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case "directory":
            path.mkdir()
        case "link to a device":
            path.symlink_to("/dev/zero")
        case _:
            return Path(kind)
    return path


SPECIAL = ["pipe", "socket", "directory", "link to a device", "/dev/zero", "/dev/tty", "/dev/stdin"]


def test_a_new_file_is_never_written_over_another(tmp_path: Path) -> None:
    create_bytes(tmp_path / "a" / "new", b"first")
    with pytest.raises(FileExistsError):
        create_bytes(tmp_path / "a" / "new", b"second")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        create_bytes(tmp_path / "link", b"third")
    assert (tmp_path / "a" / "new").read_bytes() == b"first"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_new_file_that_can_not_be_written_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_a_full_disk(path: Path, _mode: str) -> IO[bytes]:
        path.touch()
        return open("/dev/full", "wb")  # noqa: PTH123 - the method is the one that is replaced

    monkeypatch.setattr(Path, "open", on_a_full_disk)
    with pytest.raises(OSError, match="No space left") as raised:
        create_bytes(tmp_path / "new", b"content")
    assert raised.value.filename == str(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.timeout(10)
def test_only_a_regular_file_is_read_and_nothing_waits_for_another(tmp_path: Path, kind: str) -> None:
    path = special(tmp_path, kind)
    with pytest.raises(OSError, match=r"not a regular file|directory|No such") as caught:
        read_bytes(path, 100)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("kind", SPECIAL[:-1])
@pytest.mark.timeout(10)
def test_only_a_regular_file_is_added_to(tmp_path: Path, kind: str) -> None:
    with pytest.raises(OSError, match=r"not a regular file|directory|No such"):
        append_text(special(tmp_path, kind), "text")


def test_text_is_added_to_a_file_or_makes_one(tmp_path: Path) -> None:
    append_text(tmp_path / "summary", "one\n")
    append_text(tmp_path / "summary", "two \ud800\n")
    assert (tmp_path / "summary").read_text() == "one\ntwo ?\n"


def test_a_file_may_be_as_large_as_is_allowed_and_no_larger(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert read_bytes(path, 100) == b"x" * 100
    with pytest.raises(OSError, match=r"it is too large: at most 99 bytes"):
        read_bytes(path, 99)
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(OSError, match=r"it is too large: at most 3 MiB"):
        read_bytes(path, 3 * 2**20)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_file_that_does_not_say_its_size_is_bounded_too() -> None:
    assert read_bytes(Path("/proc/self/status"), 2**20).startswith(b"Name:")
    with pytest.raises(OSError, match=r"too large"):
        read_bytes(Path("/proc/self/status"), 10)


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_bytes(tmp_path / "report.md", b"")
    assert caught.value.filename == str(tmp_path / "report.md")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("new.md", None),
        ("a/b/c/new.md", None),
        ("old.md", None),
        ("folder", "is a directory, not a regular file"),
        ("old.md/x.md", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("a/" + "x" * 300, "its name is too long: at most 255 bytes"),
        ("a/" + "é" * 128, "its name is too long: at most 255 bytes"),
        ("a\0b", "its name holds a null byte"),
        ("/proc/nothing/x.md", "No such file or directory"),
        ("/dev/null", "is a device, not a regular file"),
    ],
)
def test_what_stands_in_the_way_of_a_file_is_known_and_nothing_is_left(
    tmp_path: Path, name: str, problem: str | None
) -> None:
    (tmp_path / "old.md").write_text("old")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))

    assert obstacle(tmp_path / name) == problem
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "old.md").read_text() == "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert obstacle(tmp_path / "closed" / "x.md") == "Permission denied"
    assert directory_obstacle(tmp_path / "closed" / "deep") == "Permission denied"


def test_a_directory_that_files_go_to_need_not_exist(tmp_path: Path) -> None:
    assert directory_obstacle(tmp_path / "a" / "b") is None
    (tmp_path / "file").write_text("")
    assert directory_obstacle(tmp_path / "file" / "b") == f"{tmp_path / 'file'} is not a directory"
    assert directory_obstacle(tmp_path / "file") == f"{tmp_path / 'file'} is not a directory"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
