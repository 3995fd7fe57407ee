"""Locust, imported before all else: it replaces sockets, threads and locks of the whole process with its own."""

from __future__ import annotations

import locust
from locust import runners

ENGINE = f"Locust {locust.__version__}"

# Locust's 3 s would take a process for dead that had no time for a moment; one on this machine is watched anyhow.
runners.HEARTBEAT_LIVENESS = 10
# One that has lost its master does not go on for Locust's 60 s.
runners.MASTER_HEARTBEAT_TIMEOUT = 10
