"""Looks around once, before the first test, and tells each process that measures what it can't know by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from pytest_modal_bench.cost.ledger import LimitReached
from pytest_modal_bench.plugin.collection import endpoint_of_id
from pytest_modal_bench.protocol.probe import probe_lora, probed_endpoint, says_missing
from pytest_modal_bench.run import cost_limit
from pytest_modal_bench.run.measurer import Briefing, Measuring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.model import Endpoint, Sample
    from pytest_modal_bench.plugin.settings import Settings


class Briefer:
    """Briefs a session's processes; what it measures itself, it measures with what `lend` lends it."""

    def __init__(
        self,
        settings: Settings,
        *,
        lend: Callable[[], AbstractContextManager[Measuring]],
        say: Callable[[str], None],
    ) -> None:
        self.lora_known: bool | None = None
        """Whether the workspace has the test LoRA; None: nobody has asked."""
        self._settings = settings
        self._lend = lend
        self._say = say
        self._probe: Sample | None = None
        self._looked = False

    def brief(
        self, catalogue: Catalogue, selected: Sequence[Endpoint], started: Sequence[str]
    ) -> dict[str, Any]:
        """What tests are to know, as built-in types. `started` are the ids of tests that were begun before."""
        if not self._looked:
            self._looked = True
            self._foresee(selected)
            self._look_for_lora(catalogue, selected)
        endpoints = catalogue.endpoints
        called = {
            endpoint.id: endpoint for nodeid in started if (endpoint := endpoint_of_id(nodeid, endpoints))
        }
        begun = {endpoint.pool for endpoint in called.values()}
        pools = set(begun)
        probed = probed_endpoint(catalogue)
        probes = {}
        if probed is not None and self._probe is not None:
            pools.add(probed.pool)
            if probed.id not in called:
                probes[probed.id] = self._probe
        lora = catalogue.resources.lora
        known = lora.id if lora is not None and self.lora_known is not False else None
        briefing = Briefing(
            lora=known, called_pools=tuple(sorted(pools)), begun_pools=tuple(sorted(begun)), probed=probes
        )
        return to_builtins(briefing)  # type: ignore[no-any-return]

    def _foresee(self, selected: Sequence[Endpoint]) -> None:
        """Where there is a limit, say before the first call what the calls may cost."""
        if self._settings.max_cost is not None:
            with self._lend() as measuring:
                self._say(cost_limit.foreseen(selected, self._settings, measuring))

    def _look_for_lora(self, catalogue: Catalogue, selected: Sequence[Endpoint]) -> None:
        lora = catalogue.resources.lora
        if lora is None:
            self.lora_known = False
            return
        endpoint = probed_endpoint(catalogue)
        if endpoint is None or not any("lora" in each.needs for each in selected):
            return
        with self._lend() as measuring:
            conditions = measuring.conditions(endpoint)
            try:
                self._probe = probe_lora(
                    endpoint,
                    replace(conditions, resources={**measuring.found, "lora": lora.id}),
                    cold=self._settings.cold != "off" and endpoint.cold is not False,
                )
            except LimitReached as reached:
                self._say(str(reached))
        if self._probe is not None:
            if self._probe.ok:
                self.lora_known = True
            elif says_missing(self._probe):
                self.lora_known = False
