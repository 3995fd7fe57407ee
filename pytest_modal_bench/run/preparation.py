"""Looks around once, before the first test: what each process that measures can't know by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from pytest_modal_bench.protocol.probe import probe_lora, probed_endpoint, says_missing
from pytest_modal_bench.protocol.progress import EndpointEnded
from pytest_modal_bench.run import cost_limit, inputs
from pytest_modal_bench.run.handover import Preparation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Set as AbstractSet
    from contextlib import AbstractContextManager

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.model import Endpoint, Sample
    from pytest_modal_bench.run.measurer import Measurer
    from pytest_modal_bench.run.settings import Settings


class Preparer:
    """Prepares a run's processes; what it calls itself, it calls with the measurer that `lend` lends it."""

    def __init__(
        self,
        settings: Settings,
        *,
        lend: Callable[[], AbstractContextManager[Measurer]],
        say: Callable[[str], None],
    ) -> None:
        self.lora_known: bool | None = None
        """Whether the workspace has the test LoRA; None: nobody has asked."""
        self._settings = settings
        self._lend = lend
        self._say = say
        self._probe: Sample | None = None
        self._looked = False

    def prepare(
        self,
        catalogue: Catalogue,
        selected: Sequence[Endpoint],
        begun: Iterable[str],
        base: Catalogue | None = None,
    ) -> dict[str, Any]:
        """Return a `Preparation` as built-in types. `begun`: ids of endpoints of which a test was begun.

        `base`: the catalogue of what is called in turn.
        """
        if not self._looked:
            self._looked = True
            self._foresee(selected, base)
            self._look_for_lora(catalogue, selected)
        called = set(begun)
        begun_pools = _pools(catalogue, called)
        called_pools = set(begun_pools)
        probed = probed_endpoint(catalogue)
        probes = {}
        if probed is not None and self._probe is not None:
            called_pools.add(probed.pool)
            if probed.id not in called:
                probes[probed.id] = self._probe
        lora = catalogue.resources.lora
        known = lora.id if lora is not None and self.lora_known is not False else None
        preparation = Preparation(
            lora=known,
            called_pools=tuple(sorted(called_pools)),
            begun_pools=tuple(sorted(begun_pools)),
            previews=len(selected) <= inputs.MOST_SHOWN,
            base=None if base is None else self._prepared_base(base, called),
            probed=probes,
        )
        return to_builtins(preparation)  # type: ignore[no-any-return]

    def _prepared_base(self, base: Catalogue, called: AbstractSet[str]) -> Preparation:
        pools = tuple(sorted(_pools(base, called)))
        lora = base.resources.lora
        return Preparation(
            # Whether the base has it is for its own calls to say.
            lora=None if lora is None or self.lora_known is False else lora.id,
            called_pools=pools,
            begun_pools=pools,
            previews=False,
            probed={},
        )

    def _foresee(self, selected: Sequence[Endpoint], base: Catalogue | None) -> None:
        """Where there is a limit, say before the first call what the calls may cost."""
        if self._settings.max_cost is not None:
            with self._lend() as measurer:
                counterparts = {} if base is None else {each.id: each for each in base.endpoints}
                others = [counterparts[each.id] for each in selected if each.id in counterparts]
                self._say(cost_limit.foreseen([*selected, *others], self._settings, measurer.spending))

    def _look_for_lora(self, catalogue: Catalogue, selected: Sequence[Endpoint]) -> None:
        lora = catalogue.resources.lora
        if lora is None:
            self.lora_known = False
            return
        endpoint = probed_endpoint(catalogue)
        if endpoint is None or not any("lora" in each.needs for each in selected):
            return
        with self._lend() as measurer:
            conditions = replace(measurer.conditions(endpoint), resources={**measurer.found, "lora": lora.id})
            cold = self._settings.cold != "off" and endpoint.cold is not False
            measurement = probe_lora(endpoint, conditions, cold=cold)
            measurer.watch(EndpointEnded(endpoint=endpoint.id))
        if measurement is not None and measurement.stopped is not None:
            self._say(measurement.stopped)
        if measurement is not None and measurement.samples:
            self._probe = measurement.samples[0]
            if self._probe.ok:
                self.lora_known = True
            elif says_missing(self._probe):
                self.lora_known = False


def _pools(catalogue: Catalogue, ids: AbstractSet[str]) -> set[str]:
    return {endpoint.pool for endpoint in catalogue.endpoints if endpoint.id in ids}
