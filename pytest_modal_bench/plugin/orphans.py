"""A worker ends soon after its controller is gone, whatever it is doing.

xdist's own way, by the end of its input, takes 15 seconds where a call does not return.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LOOK_SEC = 0.25
_GRACE_SEC = 1.0
"""How long a worker may take to end as interrupted, and to put back the autoscaler's settings; then it just ends, and
the journal says what is left to be put back."""


def watch_controller(pid: int | None, shared: Path) -> None:
    """Have this process end soon after its parent, or the process `pid` of this machine, is gone.

    `shared` goes, too: the directory that the processes of the run share.
    """
    watching = (os.getppid(), pid, shared)
    threading.Thread(target=_watch, args=watching, name="modal-bench-orphans", daemon=True).start()


def _watch(parent: int, pid: int | None, shared: Path) -> None:
    while os.getppid() == parent and (pid is None or _lives(pid)):
        time.sleep(_LOOK_SEC)
    atexit.register(shutil.rmtree, shared, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SEC)
    shutil.rmtree(shared, ignore_errors=True)
    os._exit(1)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
