"""Samples in little memory: a run keeps those of all its endpoints to its end, and needs few of them at a time."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import msgspec
from msgspec import structs

from pytest_modal_bench.model.sample import Sample
from pytest_modal_bench.model.surrogates import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_modal_bench.model.result import EndpointResult

_LEVEL = 1
"""Of compression: more takes longer and hardly makes samples smaller, which are much alike."""
_decoder = msgspec.msgpack.Decoder(list[Sample])


class PackedSamples(Sequence[Sample]):
    """Samples that are made anew each time that they are asked for: about a tenth of their size.

    Who needs them more than once makes a list of them.
    """

    __slots__ = ("_length", "_packed")

    def __init__(self, samples: Iterable[Sample]) -> None:
        known = [_known(sample) for sample in samples]
        self._length = len(known)
        self._packed = zlib.compress(_encoded(known), _LEVEL)

    def __len__(self) -> int:
        """Return how many there are."""
        return self._length

    def __iter__(self) -> Iterator[Sample]:
        """Make all of them."""
        return iter(_decoder.decode(zlib.decompress(self._packed)))

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Make all of them, and return what was asked for."""
        return list(self)[index]

    def __eq__(self, other: object) -> bool:
        """Whether the other samples are equal, packed or not."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # as of a list


def packed(result: EndpointResult) -> EndpointResult:
    """Return `result` with its samples packed, and those of its base."""
    base = None if result.base is None else packed(result.base)
    samples = PackedSamples(result.samples) if result.samples else []
    return structs.replace(result, samples=samples, base=base)


def unpacked(result: EndpointResult) -> EndpointResult:
    """Return `result` with lists of samples, as those have it who read a report."""
    base = None if result.base is None else unpacked(result.base)
    return structs.replace(result, samples=list(result.samples), base=base)


def _encoded(known: list[dict[str, object]]) -> bytes:
    try:
        return msgspec.msgpack.encode(known)
    except UnicodeEncodeError:
        return msgspec.msgpack.encode(without_surrogates(msgspec.to_builtins(known)))


def _known(sample: Sample) -> dict[str, object]:
    """What is known of a sample, by field; most of its fields are None."""
    return {name: value for name, value in structs.asdict(sample).items() if value is not None}
