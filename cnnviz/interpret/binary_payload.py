"""What the browser gets to take any output value of a layer apart by itself, in less than a megabyte.

Of a layer with more input channels than have room, the strongest go; the others are asked for where a
person stops (:func:`others`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnviz.interpret.pixel import Arithmetic, Values, partial_sums, pixel

MOST_BYTES = 900_000
MOST_CHANNELS = 4096
MOST_OTHERS = 24

_NUMBER = 4  # bytes of a float32


class Payload:
    """JSON and float32 arrays in one piece of bytes.

    Four bytes (little endian) with the length of the JSON, the JSON, spaces up to a multiple of four, then
    all numbers. In the JSON ``arrays`` says where in the numbers each array begins, and its shape.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, Values] = {}

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Put an array in, of any shape; as float32."""
        self._arrays[name] = np.ascontiguousarray(values, np.float32)

    def pack(self, facts: Mapping[str, Any]) -> bytes:
        """Everything in one piece."""
        places, start = {}, 0
        for name, values in self._arrays.items():
            places[name] = {"start": start, "shape": values.shape}
            start += values.size
        text = json.dumps({**facts, "arrays": places}, ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-len(text) % _NUMBER)
        return b"".join(
            [len(text).to_bytes(_NUMBER, "little"), text, *(v.tobytes() for v in self._arrays.values())]
        )


def describe(
    layer: Arithmetic, channel: int, payload: Payload, most_bytes: int = MOST_BYTES
) -> dict[str, Any]:
    """The facts about the output ``channel`` of a layer; its arrays go into ``payload``.

    ``output``: (rows, columns), or of a layer that gives a vector all N values. ``x``: (K, H, W), the input
    channels that are sent, ``channels`` says which. ``weights``: (M, K, kh, kw), of the ``outputs`` that are
    sent: all where the layer gives a vector and they have room, else the one ``channel``. ``biases``: (M,).
    """
    vector = layer.mode == "sum" and layer.output.shape[1:] == (1, 1) and layer.groups == 1
    output = layer.output[:, 0, 0] if vector else layer.output[channel]
    room = most_bytes - output.size * _NUMBER
    sent = _strongest(layer, channel, room)
    outputs = [channel]
    if vector and len(sent) == len(layer.x):
        sent.sort()  # the same for each output
        if layer.x.size * _NUMBER + _weight_bytes(layer) <= room:
            outputs = list(range(len(layer.output)))
    payload.add("output", output)
    payload.add("x", layer.x[sent])
    if layer.weight is not None and layer.bias is not None:
        first = layer.sources(channel).start
        payload.add("weights", layer.weight[outputs][:, [place - first for place in sent]])
        payload.add("biases", layer.bias[outputs])
    return {
        "mode": layer.mode,
        "input": layer.x.shape,
        "total": len(layer.output),
        "channel": channel,
        "vector": vector,
        "rows": layer.rows.tolist(),
        "columns": layer.columns.tolist(),
        "channels": sent,
        "sources": len(layer.sources(channel)),
        "outputs": outputs,
        "divisor": layer.divisor,
        "count_padding": layer.count_padding,
    }


def others(
    layer: Arithmetic, channel: int, place: tuple[int, int], payload: Payload, sent: list[int]
) -> dict[str, Any]:
    """What the channels that were not ``sent`` add at one place; their arrays go into ``payload``.

    ``sums``: (n,) of the ``channels``, the largest first; ``patches`` and ``kernels``: (m, kh, kw) of the
    first of them. ``rest`` is what those without a patch add up to.
    """
    found = pixel(layer, channel, *place)
    missing = np.flatnonzero(~np.isin(found.channels, sent))
    order = missing[np.argsort(-np.abs(found.sums[missing]), kind="stable")]
    first = order[:MOST_OTHERS]
    assert layer.weight is not None
    payload.add("other_sums", found.sums[first])
    payload.add("other_patches", found.values[first])
    payload.add("other_kernels", layer.weight[channel][first])
    return {
        "row": place[0],
        "column": place[1],
        "channels": found.channels[first].tolist(),
        "count": len(order),
        "sum": float(found.sums[order].sum()),
    }


def _strongest(layer: Arithmetic, channel: int, room: int) -> list[int]:
    """The input channels that have room, those first that add most to the output on average."""
    sources = layer.sources(channel)
    if layer.weight is None:
        return list(sources)
    height, width = layer.x.shape[1:]
    one = (height * width + layer.rows.shape[1] * layer.columns.shape[1]) * _NUMBER
    strength = np.abs(partial_sums(layer, channel)).mean(axis=(1, 2))
    order = np.argsort(-strength, kind="stable")[: max(1, min(room // one, MOST_CHANNELS))]
    return [int(place) + sources.start for place in order]


def _weight_bytes(layer: Arithmetic) -> int:
    return 0 if layer.weight is None else (layer.weight.size + len(layer.weight)) * _NUMBER
