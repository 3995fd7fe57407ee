"""The same calls by Locust's own users, as a locustfile: what the generator is held against."""

from __future__ import annotations

import os
import random
from typing import Any

from locust import FastHttpUser, HttpUser, constant, constant_throughput, task

_EVERY_SEC = os.environ.get("LOAD_PACE_SEC")
_PACE = constant(0) if _EVERY_SEC is None else constant_throughput(1 / float(_EVERY_SEC))


def _call(client: Any) -> None:
    client.post("/", json={"seed": random.randint(0, 2**31 - 1)})  # noqa: S311 - no secret


if os.environ.get("LOAD_PEER", "HttpUser") == "HttpUser":

    class Http(HttpUser):
        """On requests, as this project's client."""

        wait_time = _PACE

        @task
        def call(self) -> None:
            """Call once."""
            _call(self.client)

else:

    class FastHttp(FastHttpUser):
        """On geventhttpclient, which is written in C."""

        wait_time = _PACE

        @task
        def call(self) -> None:
            """Call once."""
            _call(self.client)
