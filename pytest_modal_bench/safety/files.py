"""Files read within bounds, and written whole or not at all.

Only regular files are read: a pipe may block for ever, and a device may never end. Nobody reads half of a file that is
written here, and a killed process leaves the one before.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MIB = 2**20
_CHUNK_BYTES = _MIB
_NULL_BYTE = "its name holds a null byte"
"""What Python raises a ValueError for, in other words from version to version."""

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}


def read_bytes(path: Path, at_most: int) -> bytes:
    """Return the content of a regular file of up to `at_most` bytes.

    Raises OSError, with `path` and a reason in words, for whatever else there is, and at once.
    """
    with _naming(path):
        descriptor = _open_regular(path, os.O_RDONLY)
        try:
            if os.fstat(descriptor).st_size > at_most:
                raise _too_large(path, at_most)
            # Its size is not to be trusted: it may grow, and files of /proc have none.
            chunks: list[bytes] = []
            left = at_most + 1
            while left and (chunk := os.read(descriptor, min(left, _CHUNK_BYTES))):
                chunks.append(chunk)
                left -= len(chunk)
        finally:
            os.close(descriptor)
    if not left:
        raise _too_large(path, at_most)
    return b"".join(chunks)


def append_text(path: Path, text: str) -> None:
    """Add `text` to the end of a regular file, which is made if there is none. Raises OSError as `read_bytes`."""
    with _naming(path):
        descriptor = _open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode(errors="replace"))


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by `data`; make parent directories. Raises OSError that names `path` or one of these."""
    write_pieces(path, [data])


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """As `write_bytes`, of data that comes in pieces. What they raise is raised, and `path` is as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _naming(path):
        # Not `tempfile`: its files are readable by their owner only, and so would be the one that is kept.
        temporary = _beside(path)
        try:
            with temporary.open("wb") as file:
                file.writelines(pieces)
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def create_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` if nothing is there, and else raise FileExistsError; make parent directories.

    Raises OSError as `write_bytes`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _naming(path), path.open("xb") as file:
        try:
            file.write(data)
            file.flush()
        except BaseException:
            path.unlink()
            raise


def obstacle(path: Path) -> str | None:
    """Return why no file can be written at `path`, in words; None: nothing stands in its way now.

    It is tried where it would be, but nothing is left there, and no directory is made.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return _obstacle_in(path.parent, path)
    except OSError as error:
        return _reason(error)
    except ValueError:
        return _NULL_BYTE
    if not stat.S_ISREG(mode):
        return f"is {_kind(mode)}, not a regular file"
    return _obstacle_in(path.parent, path)


def directory_obstacle(path: Path) -> str | None:
    """Return why no files can be written in the directory `path`, in words; it need not exist yet."""
    return _obstacle_in(path, path / "x")


def _obstacle_in(directory: Path, path: Path) -> str | None:
    try:
        longest = os.pathconf(os.sep, "PC_NAME_MAX")
        if any(len(os.fsencode(part)) > longest for part in path.parts):
            return f"its name is too long: at most {longest} bytes"
        existing = next(each for each in (directory, *directory.parents) if os.path.lexists(each))
        if not existing.is_dir():
            return f"{existing} is not a directory"
        temporary = _beside(existing / "x")
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        temporary.unlink()
    except OSError as error:
        return _reason(error)
    except ValueError:
        return _NULL_BYTE
    return None


def _beside(path: Path) -> Path:
    return path.with_name(f".modal-bench-{secrets.token_hex(8)}.tmp")


def _open_regular(path: Path, flags: int) -> int:
    # Opening a pipe may block, and opening a device may have an effect of its own.
    with suppress(FileNotFoundError):
        _check_regular(path, path.stat().st_mode)
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    try:
        _check_regular(path, os.fstat(descriptor).st_mode)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}, not a regular file", str(path))


def _too_large(path: Path, at_most: int) -> OSError:
    limit = f"{at_most // _MIB} MiB" if at_most >= _MIB else f"{at_most} bytes"
    return OSError(errno.EFBIG, f"it is too large: at most {limit}", str(path))


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "something else")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have an error name `path`, and not a temporary file or a number of the system's."""
    try:
        yield
    except ValueError:
        raise OSError(errno.EINVAL, _NULL_BYTE, str(path)) from None
    except OSError as error:
        raise OSError(error.errno, _reason(error), str(path)) from None
