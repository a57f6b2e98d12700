"""From a trace to what the browser's engine computes: the operations in order, with their links, settings and weights."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.batch_axis import FRONT
from cnnviz.operations.op import Op
from cnnviz.operations.operation import operation_of
from cnnviz.tracing.trace import Trace

MOST_MACS = 60_000_000
"""Multiply-adds for one image: more keep a browser busy for longer than a drawing should wait."""

Plan = dict[str, Any]
"""As JSON: ``input`` (C, H, W), ``output`` (the index of the op whose values the network returns) and ``ops``, each with
``name``, ``type``, ``kind``, ``kernel``, ``inputs`` (-1 is the image), ``shape``, ``weights`` (names of tensors by role)
and the kernel's settings.
"""


class UnplannableError(CnnvizError):
    """The browser cannot run this network; the message says why."""


def plan(trace: Trace, tensors: Collection[str]) -> Plan:
    """What the browser computes for the traced network, in evaluation, whose weights are called ``tensors``.

    Raises:
        UnplannableError: it has an operation that the browser does not know, or too many multiply-adds.
    """
    if trace.failure is not None:
        raise UnplannableError(trace.failure.reason)
    if trace.macs > MOST_MACS:
        raise UnplannableError(
            Message(
                "It takes {macs:,} multiply-adds for an image; the browser computes at most {most:,}.",
                macs=trace.macs,
                most=MOST_MACS,
            )
        )
    if trace.output is None or trace.mixing_op is not None or trace.further_inputs or trace.used_directly:
        raise UnplannableError(
            Message("It does more than the browser can follow: parameters outside of layers.")
        )
    return {
        "input": list(trace.input_shape),
        "output": trace.output.index,
        "ops": [_planned(op, tensors) for op in trace.ops],
    }


def _planned(op: Op, tensors: Collection[str]) -> dict[str, Any]:
    operation = operation_of(op)
    plain = op.layout == FRONT and all(layout == FRONT for layout in op.input_layouts) and not any(op.parts)
    kernel = operation.kernel(op) if operation.kernel is not None and plain else None
    weights = {} if kernel is None else dict(kernel.get("weights", {}))  # type: ignore[call-overload]
    if kernel is None or (weights and op.module is None):
        raise UnplannableError(
            Message("The browser does not compute {name} ({type}) as yet.", name=op.name, type=op.type)
        )
    named = {role: f"{op.module}.{attribute}" for role, attribute in weights.items()}
    missing = [name for name in named.values() if name not in tensors]
    if missing:
        raise UnplannableError(Message("The weights have no tensor {name}.", name=missing[0]))
    return {
        **kernel,
        "name": op.name,
        "type": op.type,
        "kind": op.kind,
        "inputs": list(op.inputs),
        "shape": list(op.output_shape),
        "weights": named,
    }
