"""The journal of changed autoscaler settings: on disk before the change, read by whoever comes after a `kill -9`."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pytest_modal_bench.control.interface import Autoscaler, ControlError
from pytest_modal_bench.control.journal import Entry, Journal, restore_leftovers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SERVER = "https://api.modal.example"
BEFORE = Autoscaler(min_containers=1, max_containers=0, buffer_containers=2, scaledown_window=300)
OTHER = Autoscaler(min_containers=0, max_containers=0, buffer_containers=0, scaledown_window=2)

OWNER = """
import sys, time
from pathlib import Path
from pytest_modal_bench.control.journal import Journal
from pytest_modal_bench.control.interface import Autoscaler

before = Autoscaler(min_containers=1, max_containers=0, buffer_containers=2, scaledown_window=300)
entry = Journal(Path(sys.argv[1])).open(
    server_url=sys.argv[2], environment="main", app="flux", function="ComfyUI.web", before=before
)
print("ready", flush=True)
time.sleep(60)
"""


class Plane:
    """A control plane that remembers which settings it was told."""

    def __init__(self, *, environment: str | None = "main", failing: frozenset[str] = frozenset()) -> None:
        self.server_url = SERVER
        self.environment = environment
        self.failing = failing
        self.told: dict[tuple[str, str], Autoscaler] = {}

    def function(self, app: str, name: str) -> Any:
        if app in self.failing:
            raise ControlError(f"{app} is not deployed")
        plane = self

        class Function:
            def set_autoscaler(self, settings: Autoscaler) -> None:
                plane.told[app, name] = settings

        return Function()

    def rates(self) -> Any:
        raise NotImplementedError

    def web_functions(self, apps: Collection[str] = ()) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        pass


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A living process that holds the entry of `flux`."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "journal"), SERVER], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def opened(journal: Journal, *, before: Autoscaler = BEFORE, **where: Any) -> Entry:
    place = {"server_url": SERVER, "environment": "main", "app": "flux", "function": "ComfyUI.web", **where}
    return journal.open(before=before, **place)


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "journal").glob("*.json"))


def test_an_entry_is_on_disk_once_it_is_open(journal: Journal, tmp_path: Path) -> None:
    with opened(journal):
        (file,) = files(tmp_path)
        content = json.loads(file.read_text())
    assert file.name.startswith("flux-comfyui-")
    assert content.pop("since").endswith("Z")
    assert content == {
        "server_url": SERVER,
        "environment": "main",
        "app": "flux",
        "function": "ComfyUI.web",
        "before": {
            "min_containers": 1,
            "max_containers": 0,
            "buffer_containers": 2,
            "scaledown_window": 300,
        },
        "pid": os.getpid(),
    }


def test_an_entry_that_is_removed_leaves_no_file(journal: Journal, tmp_path: Path) -> None:
    opened(journal).remove()
    assert [path.name for path in (tmp_path / "journal").iterdir()] == [".gitignore"]


def test_an_entry_that_is_let_go_stays_and_its_settings_count(journal: Journal, tmp_path: Path) -> None:
    opened(journal).release()
    with opened(journal, before=OTHER) as entry:
        assert entry.change.before == BEFORE
        assert json.loads(files(tmp_path)[0].read_text())["before"]["min_containers"] == 1


def test_functions_environments_and_servers_have_entries_of_their_own(
    journal: Journal, tmp_path: Path
) -> None:
    with (
        opened(journal),
        opened(journal, function="other"),
        opened(journal, environment="dev"),
        opened(journal, server_url="http://127.0.0.1:1"),
    ):
        assert len(files(tmp_path)) == 4


def test_git_never_sees_the_directory(journal: Journal, tmp_path: Path) -> None:
    opened(journal).remove()
    assert (tmp_path / "journal" / ".gitignore").read_text() == "*\n"


def test_a_directory_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    opened(Journal(tmp_path)).remove()
    assert list(tmp_path.iterdir()) == []


def test_files_are_as_readable_as_the_umask_says(journal: Journal, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with opened(journal):
            assert stat.S_IMODE(files(tmp_path)[0].stat().st_mode) == 0o640
    finally:
        os.umask(before)


@pytest.mark.parametrize("app", ["../../etc/passwd", "Ryla Flux", "ы" * 200, ""])
def test_any_name_makes_a_file_in_the_directory(journal: Journal, tmp_path: Path, app: str) -> None:
    with opened(journal, app=app):
        (file,) = files(tmp_path)
        assert len(file.name) < 100
        assert file.name.isascii()


def test_a_directory_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlError, match=r"the journal of changed .* can't be kept in .*: Not a directory"):
        opened(Journal(tmp_path / "file" / "journal"))


def test_an_entry_of_a_living_run_is_refused(journal: Journal, owner: subprocess.Popen[str]) -> None:
    with pytest.raises(ControlError) as refused:
        opened(journal)
    assert str(refused.value) == (
        f"another run (pid {owner.pid}) is forcing cold starts of flux/ComfyUI.web; wait for it to end"
    )
    assert journal.leftovers(SERVER, "main") == ([], [])


def test_a_run_is_refused_its_own_entry_a_second_time(journal: Journal) -> None:
    with opened(journal), pytest.raises(ControlError, match=f"another run .pid {os.getpid()}"):
        opened(journal)


def test_what_a_killed_run_left_is_found_and_put_back(
    journal: Journal, tmp_path: Path, owner: subprocess.Popen[str]
) -> None:
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    plane = Plane()
    (line,) = restore_leftovers(journal, plane)
    assert line.startswith("put back the autoscaler of flux/ComfyUI.web that a run killed after 2")
    assert plane.told == {("flux", "ComfyUI.web"): BEFORE}
    assert files(tmp_path) == []


def test_a_killed_runs_settings_are_what_the_next_one_puts_back(
    journal: Journal, owner: subprocess.Popen[str]
) -> None:
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    with opened(journal, before=OTHER) as entry:
        assert entry.change.before == BEFORE
        assert entry.change.pid == os.getpid()


def test_leftovers_are_held_while_they_are_handled(journal: Journal) -> None:
    opened(journal).release()
    (entry,) = journal.leftovers(SERVER, "main").entries
    with entry, pytest.raises(ControlError, match="another run"):
        opened(journal)


def test_one_that_cannot_be_put_back_stays_and_says_why(journal: Journal, tmp_path: Path) -> None:
    opened(journal, app="gone").release()
    opened(journal, app="there").release()
    plane = Plane(failing=frozenset({"gone"}))
    lines = restore_leftovers(journal, plane)
    assert [line.split(" that a run")[0] for line in lines] == [
        "could not put back the autoscaler of gone/ComfyUI.web",
        "put back the autoscaler of there/ComfyUI.web",
    ]
    assert lines[0].endswith("left: gone is not deployed")
    (file,) = files(tmp_path)
    assert json.loads(file.read_text())["app"] == "gone"
    opened(journal, app="gone").remove()


@pytest.mark.parametrize("where", [{"environment": "dev"}, {"server_url": "https://elsewhere.example"}])
def test_entries_of_other_environments_and_servers_are_left_alone(
    journal: Journal, tmp_path: Path, where: dict[str, Any]
) -> None:
    opened(journal, **where).release()
    assert restore_leftovers(journal, Plane()) == []
    assert len(files(tmp_path)) == 1


def test_entries_of_a_local_workspace_that_is_gone_are_thrown_away(journal: Journal, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = f"http://127.0.0.1:{listener.getsockname()[1]}"
        opened(journal, server_url=here).release()
        assert restore_leftovers(journal, Plane()) == []
        assert len(files(tmp_path)) == 1
    assert restore_leftovers(journal, Plane()) == []
    assert files(tmp_path) == []


def test_an_empty_file_is_of_a_run_that_changed_nothing(journal: Journal, tmp_path: Path) -> None:
    with opened(journal):
        (file,) = files(tmp_path)
    file.write_text("")
    assert restore_leftovers(journal, Plane()) == []
    assert files(tmp_path) == []
    file.write_text("")
    with opened(journal, before=OTHER) as entry:
        assert entry.change.before == OTHER


@pytest.mark.parametrize("content", ["{", "[]", '{"app": "flux"}', "\x00" * 100, "é"])
def test_a_file_that_cannot_be_read_is_told_and_moved_aside(
    journal: Journal, tmp_path: Path, content: str
) -> None:
    with opened(journal):
        (file,) = files(tmp_path)
    file.write_text(content)
    (line,) = restore_leftovers(journal, Plane())
    aside = file.with_suffix(".unreadable")
    assert line == f"{file} can't be read, and is now {aside.name}; check the autoscaler of your apps"
    assert aside.read_text() == content
    assert restore_leftovers(journal, Plane()) == []


def test_forcing_waits_for_a_look_at_settings_that_cannot_be_read(journal: Journal, tmp_path: Path) -> None:
    with opened(journal):
        (file,) = files(tmp_path)
    file.write_text("{")
    with pytest.raises(
        ControlError, match=r"can't be read, .*; check the autoscaler of flux/ComfyUI.web, then run again"
    ):
        opened(journal)
    opened(journal).remove()


def test_no_directory_is_no_leftover(journal: Journal, tmp_path: Path) -> None:
    assert restore_leftovers(journal, Plane()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_cannot_be_read_is_told(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "a.json").mkdir()
    (line,) = restore_leftovers(journal, Plane())
    assert line.endswith(f"can't be kept in {tmp_path / 'journal'}: Is a directory")


numbers = st.none() | st.integers(0, 2**31)
settings = st.builds(
    Autoscaler,
    min_containers=numbers,
    max_containers=numbers,
    buffer_containers=numbers,
    scaledown_window=numbers,
)


@hypothesis_settings(deadline=None)
@given(before=settings, app=st.text(), function=st.text(), environment=st.none() | st.text())
def test_whatever_is_written_is_put_back(
    tmp_path_factory: pytest.TempPathFactory,
    before: Autoscaler,
    app: str,
    function: str,
    environment: str | None,
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    journal.open(
        server_url=SERVER, environment=environment, app=app, function=function, before=before
    ).release()
    plane = Plane(environment=environment)
    assert len(restore_leftovers(journal, plane)) == 1
    assert plane.told == {(app, function): before}


def race(directory: str, rounds: int, inside: Any, collisions: Any) -> None:
    journal = Journal(Path(directory))
    done = 0
    while done < rounds:
        try:
            entry = opened(journal)
        except ControlError:
            continue
        if not inside.acquire(block=False):
            collisions.value += 1
        else:
            time.sleep(0.001)
            inside.release()
        done += 1
        entry.remove()


def test_of_many_that_open_and_remove_one_entry_only_one_holds_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    inside, collisions = context.Lock(), context.Value("i", 0)
    racers = [context.Process(target=race, args=(str(tmp_path), 50, inside, collisions)) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    assert collisions.value == 0
    assert list(tmp_path.glob("*.json")) == []


def test_whoever_can_not_put_it_back_is_told_what_is_waiting(journal: Journal) -> None:
    assert journal.waiting() == []
    with opened(journal):
        assert journal.waiting() == [], "its owner lives"
    (line,) = journal.waiting()

    assert "left the autoscaler of flux/ComfyUI.web changed" in line
    assert "MODAL_TOKEN_ID" in line
    assert len(journal.waiting()) == 1, "it stays"


def test_no_link_in_the_journal_is_followed(journal: Journal, tmp_path: Path) -> None:
    precious = tmp_path / "precious.json"
    opened(journal).release()
    (file,) = files(tmp_path)
    precious.write_text(file.read_text())
    file.unlink()
    file.symlink_to(precious)
    before = precious.read_text()

    with pytest.raises(ControlError, match=r"is a link; remove it$"):
        opened(journal)
    assert restore_leftovers(journal, Plane()) == []
    assert journal.waiting() == []
    assert precious.read_text() == before
    assert file.is_symlink()


def test_the_file_that_is_written_is_new_whatever_bears_its_name(journal: Journal, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    opened(journal).release()
    (file,) = files(tmp_path)
    for make in (lambda new: new.symlink_to(precious), lambda new: os.link(precious, new), os.mkfifo):
        make(file.with_suffix(".new"))
        opened(journal).release()
        assert precious.read_text() == "precious"
        assert json.loads(file.read_text())["app"] == "flux"
        assert not file.is_symlink()


def test_a_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "journal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ControlError, match=r"it is a link; remove it"):
        opened(Journal(tmp_path / "journal"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.timeout(10)
def test_a_pipe_in_the_journal_is_not_waited_for(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    os.mkfifo(tmp_path / "journal" / "a.json")
    (line,) = restore_leftovers(journal, Plane())
    assert line.endswith("a.json is not a regular file; remove it")
