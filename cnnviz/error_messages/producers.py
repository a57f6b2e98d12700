"""Which registered networks raise the error of a Linear that does not fit, and for which images."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache

from cnnviz import architectures
from cnnviz.error_messages.entry import WrongLinear

LARGEST_SIDE = 512


@dataclass(frozen=True)
class Producer:
    """A registered network whose ``layer`` raises the error for images from ``smallest`` to ``largest`` pixels."""

    key: str
    layer: str
    smallest: int
    largest: int


@lru_cache(maxsize=64)
def producers(linear: WrongLinear) -> tuple[Producer, ...]:
    """The networks with this Linear in which it receives that many features for square images of some size.

    Larger images never give fewer features, so the sizes are found by bisection, some 20 traces a network.
    """
    found = []
    for key, path, in_features, out_features in _linears():
        if (in_features, out_features) == (linear.in_features, linear.out_features):
            sides = range(1, LARGEST_SIDE + 1)
            arriving = _Arriving(key, path)
            smallest = bisect_left(sides, linear.received, key=arriving) + 1
            largest = bisect_right(sides, linear.received, key=arriving)
            if smallest <= largest:
                found.append(Producer(key, path, smallest, largest))
    return tuple(found)


@lru_cache(maxsize=1)
def _linears() -> tuple[tuple[str, str, int, int], ...]:
    """Key, path, ``in_features`` and ``out_features`` of every Linear of every registered network."""
    from torch import nn

    from cnnviz.models import resolve

    return tuple(
        (architecture.key, path, layer.in_features, layer.out_features)
        for architecture in architectures.registered("network")
        for path, layer in resolve(architecture.key, {})[0].named_modules()
        if isinstance(layer, nn.Linear)
    )


class _Arriving:
    """The features that a layer receives for square images of ``side`` pixels; 0 if the pass does not get there."""

    def __init__(self, key: str, path: str) -> None:
        from cnnviz.models import resolve

        self._model = resolve(key, {})[0]
        self._channels = architectures.get(key).input_shape[0]
        self._path = path

    def __call__(self, side: int) -> int:
        from cnnviz.tracing.trace import trace

        traced = trace(self._model, (self._channels, side, side))
        for op in traced.ops:
            if op.module == self._path:
                return op.input_shapes[0][-1]
        failure = traced.failure
        if failure is not None and failure.name == self._path and isinstance(failure.received, int):
            return failure.received
        return 0
