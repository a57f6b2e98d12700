"""A network as one file for the browser: its plan, how images are normalised for it, and the weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.browser.plan import plan

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.tracing.trace import Trace


def packed(
    model: nn.Module, trace: Trace, mean: Sequence[float], deviation: Sequence[float], **more: Any
) -> bytes:
    """A safetensors file with the tensors that the browser needs; ``readNetwork`` of ``engine.js`` reads it.

    Its metadata hold, as JSON, the ``plan``, ``mean`` and ``deviation`` (one number a channel, for values from 0 to 1),
    and what else it is given. ``trace`` is the traced ``model``, which may live on any device and is not changed.

    Raises:
        UnplannableError: the browser cannot run the network.
    """
    tensors = model.state_dict()
    told = plan(trace, tensors)
    names = sorted({name for op in told["ops"] for name in op["weights"].values()})
    metadata = {"plan": told, "mean": list(mean), "deviation": list(deviation), **more}
    header: dict[str, object] = {"__metadata__": {name: _json(value) for name, value in metadata.items()}}
    parts = []
    begin = 0
    for name in names:
        values = np.asarray(tensors[name].detach().cpu().float().numpy(), "<f4", order="C")
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [begin, begin + values.nbytes],
        }
        begin += values.nbytes
        parts.append(values.tobytes())
    text = _json(header).encode()
    text += b" " * (-len(text) % 8)  # as the format wants it: numbers begin at multiples of eight bytes
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
