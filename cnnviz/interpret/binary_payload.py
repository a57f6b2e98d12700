"""What the browser needs to take apart any output value of a layer by itself, in less than a megabyte.

If not all input channels of a layer fit, the strongest are sent; the others follow for the value that a person
stops at (:func:`others`).
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
    """JSON and float32 arrays packed into one sequence of bytes.

    Four bytes (little endian) hold the length of the JSON; then come the JSON, spaces up to a multiple of four, and
    all numbers. ``arrays`` in the JSON gives the start and the shape of each array.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, Values] = {}

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Add an array of any shape; it is stored as float32."""
        self._arrays[name] = np.ascontiguousarray(values, np.float32)

    def pack(self, facts: Mapping[str, Any]) -> bytes:
        """The ``facts`` and all arrays as bytes."""
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

    ``output``: (rows, columns), or all N values if the layer gives a vector. ``x``: (K, H, W), the input
    channels that are sent; ``channels`` says which. ``weights``: (M, K, kh, kw), of the ``outputs`` that are
    sent: all if the layer gives a vector and they fit, else the one ``channel``. ``biases``: (M,).
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
    """What the channels that were not ``sent`` add at one position; their arrays go into ``payload``.

    ``other_sums``: (m,) of the strongest ``channels``, the largest first; ``other_patches`` and ``other_kernels``:
    (m, kh, kw) of the same. ``count`` and ``sum`` are of all the channels that were not sent.
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
    """The input channels that fit, ordered by how much they add to the output on average."""
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
