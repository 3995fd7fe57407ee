"""Remembers on disk which autoscaler settings were changed, so that the next run puts right what a killed one left.

A file per function, locked for as long as its owner lives: a lock that can be had means that the owner is gone. (The
number of its process would not: numbers are used again.)
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import socket
import stat
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import urlsplit

import msgspec

from pytest_modal_bench.control.interface import Autoscaler, ControlError
from pytest_modal_bench.safety import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from pytest_modal_bench.control.interface import ControlPlane

_PROBE_SEC = 0.5
_LARGEST_BYTES = 65_536
# No link is followed, and nothing waits for the other end of a pipe.
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed, and what it was before: an entry's content."""

    server_url: str
    environment: str | None
    app: str
    function: str
    before: Autoscaler
    pid: int
    since: datetime

    @property
    def named(self) -> str:
        """The function as Modal's commands write it."""
        return f"{self.app}/{self.function}"


class Entry:
    """One function's file in the journal, held by its lock; a context manager that lets go, and leaves the file."""

    def __init__(self, path: Path, descriptor: int, change: Change) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        self.change = change
        """`change.before`: the settings to put back, which an owner that died may have left."""

    def remove(self) -> None:
        """Forget the change, which has been put right; `ControlError` if the file can't be removed."""
        # While the lock is held: whoever waits for it finds a file that no longer has a name, and starts over.
        with _translating_errors(self._path.parent):
            self._path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Let go; the file stays for the next run, if it has not been removed. A second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""
        self.release()


class Leftovers(NamedTuple):
    """What owners that are gone have left."""

    entries: list[Entry]
    """Held; whoever asked lets them go."""
    unreadable: list[str]
    """A line for each file that can't be read, and has been moved aside."""


class Journal:
    """A directory of entries, made when the first one is; safe for any number of processes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(
        self, *, server_url: str, environment: str | None, app: str, function: str, before: Autoscaler
    ) -> Entry:
        """Write down, on disk when this returns, that a function's settings are about to be changed.

        Settings that a dead owner wrote down count for more than `before`, which it may have changed. Raises
        `ControlError` if a living run holds the entry, or if there is one that can't be read.
        """
        change = Change(
            server_url=server_url,
            environment=environment,
            app=app,
            function=function,
            before=before,
            pid=os.getpid(),
            since=datetime.now(UTC),
        )
        path = self._directory / _file_name(change)
        with _translating_errors(self._directory), ExitStack() as stack:
            self._make_directory()
            held = _lock(path, create=True)
            if held is None:
                raise ControlError(
                    f"another run{_owner(path)} is forcing cold starts of {change.named}; wait for it to end"
                )
            stack.callback(os.close, held)
            found = _content(held)
            if found:
                left = _decode(found)
                if left is None:
                    raise ControlError(
                        f"{_set_aside(path)}; check the autoscaler of {change.named}, then run again"
                    )
                change = msgspec.structs.replace(change, before=left.before)
            return Entry(path, _write(path, change), change)

    def leftovers(self, server_url: str, environment: str | None) -> Leftovers:
        """Find and hold the entries of one environment whose owners are gone.

        Those of local workspaces that are gone too are removed on the way.
        """
        left = Leftovers([], [])
        with _translating_errors(self._directory), ExitStack() as stack:
            for path in self._files():
                descriptor = _lock(path, create=False)
                if descriptor is None:
                    continue
                with ExitStack() as held:
                    held.callback(os.close, descriptor)
                    found = _content(descriptor)
                    change = _decode(found)
                    if not found or (
                        change and change.server_url != server_url and _is_gone(change.server_url)
                    ):
                        # An empty one is of an owner that died before it could change anything.
                        path.unlink()
                    elif change is None:
                        left.unreadable.append(f"{_set_aside(path)}; check the autoscaler of your apps")
                    elif (change.server_url, change.environment) == (server_url, environment):
                        held.pop_all()
                        entry = Entry(path, descriptor, change)
                        stack.callback(entry.release)
                        left.entries.append(entry)
            stack.pop_all()
        return left

    def waiting(self) -> list[str]:
        """Return a line for each change that its dead owner has left, for whoever can't put it back."""
        lines = []
        with _translating_errors(self._directory):
            for path in self._files():
                descriptor = _lock(path, create=False)
                if descriptor is None:
                    continue
                try:
                    change = _decode(_content(descriptor))
                finally:
                    os.close(descriptor)
                if change is not None and not _is_gone(change.server_url):
                    lines.append(
                        f"a run killed after {change.since:%Y-%m-%d %H:%M} UTC left the autoscaler of {change.named} "
                        "changed: set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET and run again, and it is put back"
                    )
        return lines

    def _files(self) -> list[Path]:
        """The entries' files. Raises `OSError` for a directory that is a link: what it leads to is none of ours."""
        self._check_directory()
        return sorted(path for path in self._directory.glob("*.json") if not path.is_symlink())

    def _make_directory(self) -> None:
        self._check_directory()
        if not self._directory.is_dir():
            self._directory.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                _write_new(self._directory / ".gitignore", b"*\n")

    def _check_directory(self) -> None:
        if self._directory.is_symlink():
            raise OSError(errno.ELOOP, "it is a link; remove it, and a directory is made")


def restore_leftovers(journal: Journal, plane: ControlPlane) -> list[str]:
    """Put back what killed runs left changed, and return a line for each; what fails stays for the next run."""
    try:
        entries, lines = journal.leftovers(plane.server_url, plane.environment)
    except ControlError as error:
        return [str(error)]
    with ExitStack() as stack:
        for entry in entries:
            stack.enter_context(entry)
        for entry in entries:
            change = entry.change
            what = f"the autoscaler of {change.named} that a run killed after {change.since:%Y-%m-%d %H:%M} UTC left"
            try:
                plane.function(change.app, change.function).set_autoscaler(change.before)
                entry.remove()
            except ControlError as error:
                lines.append(f"could not put back {what}: {error}")
            else:
                lines.append(f"put back {what}")
    return lines


def _file_name(change: Change) -> str:
    # The methods of a class are one function: they share containers and settings.
    function = change.function.partition(".")[0]
    key = (change.server_url, change.environment, change.app, function)
    digest = hashlib.sha256(msgspec.json.encode(key)).hexdigest()[:10]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{change.app}-{function}".lower()).strip("-")[:60]
    return f"{slug}-{digest}.json"


def _decode(content: bytes) -> Change | None:
    try:
        return msgspec.json.decode(content, type=Change)
    except msgspec.DecodeError:
        return None


def _owner(path: Path) -> str:
    with suppress(OSError):
        if change := _decode(files.read_bytes(path, _LARGEST_BYTES)):
            return f" (pid {change.pid})"
    return ""


def _lock(path: Path, *, create: bool) -> int | None:
    """Return an open file that holds the lock of `path`; None: somebody else does, or there is no such file."""
    while True:
        try:
            descriptor = os.open(path, _FLAGS | (os.O_CREAT if create else 0), 0o666)
        except FileNotFoundError:
            if create:
                raise
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OSError(errno.ELOOP, f"{path.name} is a link; remove it") from None
            raise
        try:
            _check_regular(path, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # What was opened may have been removed or replaced before it was locked: then the lock is worth nothing.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.lstat()):
                    return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _write(path: Path, change: Change) -> int:
    """Replace the file, whose lock the caller holds, whole; return the new one, open and locked from its first byte."""
    # Not `files.write_bytes`: the lock belongs to the file that is written, not to its name. One name serves, as only
    # whoever holds the lock of `path` writes under it.
    new = path.with_suffix(".new")
    # What is there is of an owner that died while it wrote, or a trap of somebody else's: it is not written into.
    new.unlink(missing_ok=True)
    descriptor = os.open(new, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, msgspec.json.format(msgspec.json.encode(change)))
        os.fsync(descriptor)
        new.replace(path)
        _sync_directory(path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(path: Path, descriptor: int) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"{path.name} is not a regular file; remove it")


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _content(descriptor: int) -> bytes:
    """What stands in an entry's file; of one that is far too large, a part, which makes no sense."""
    return os.pread(descriptor, _LARGEST_BYTES, 0)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _set_aside(path: Path) -> str:
    aside = path.with_suffix(".unreadable")
    path.replace(aside)
    return f"{path} can't be read, and is now {aside.name}"


def _is_gone(server_url: str) -> bool:
    """Whether this was a server on this machine that is no longer there."""
    with suppress(ValueError):
        parts = urlsplit(server_url)
        host, port = parts.hostname or "", parts.port
        if port is not None and (host == "localhost" or ip_address(host).is_loopback):
            try:
                socket.create_connection((host, port), _PROBE_SEC).close()
            except OSError as error:
                return error.errno == errno.ECONNREFUSED
    return False


@contextmanager
def _translating_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ControlError(
            f"the journal of changed autoscaler settings can't be kept in {directory}: {error.strerror or error}"
        ) from None
