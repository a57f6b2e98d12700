"""From a trace to what the browser's engine computes: the operations in order, with their links, settings and weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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


def refusal(trace: Trace) -> Message | None:
    """Why the browser cannot compute the traced network; None where it can."""
    if trace.failure is not None:
        return trace.failure.reason
    if trace.macs > MOST_MACS:
        return Message(
            "It takes {macs:,} multiply-adds for an image; the browser computes at most {most:,}.",
            macs=trace.macs,
            most=MOST_MACS,
        )
    if trace.output is None or not _is_plain(trace):
        return Message("It does more than the browser can follow: parameters outside of layers.")
    unknown = next((op for op in trace.ops if _kernel(op) is None), None)
    if unknown is None:
        return None
    return Message(
        "The browser does not compute {name} ({type}) as yet.", name=unknown.name, type=unknown.type
    )


def is_known(trace: Trace) -> bool:
    """Whether the browser can compute the traced network."""
    return refusal(trace) is None


def plan(trace: Trace, tensors: Collection[str]) -> Plan:
    """What the browser computes for the traced network, in evaluation, whose weights are called ``tensors``.

    Raises:
        UnplannableError: it has an operation that the browser does not know, or too many multiply-adds.
    """
    reason = refusal(trace)
    if reason is not None:
        raise UnplannableError(reason)
    assert trace.output is not None
    return {
        "input": list(trace.input_shape),
        "output": trace.output.index,
        "ops": [_planned(op, tensors) for op in trace.ops],
    }


def _is_plain(trace: Trace) -> bool:
    """Whether the network computes one image from another, with the parameters of its layers alone."""
    return trace.mixing_op is None and not trace.further_inputs and not trace.used_directly


def _kernel(op: Op) -> Mapping[str, Any] | None:
    """How the browser computes an op; None where it does not."""
    operation = operation_of(op)
    plain = op.layout == FRONT and all(layout == FRONT for layout in op.input_layouts) and not any(op.parts)
    kernel = operation.kernel(op) if operation.kernel is not None and plain else None
    return None if kernel is None or ("weights" in kernel and op.module is None) else kernel


def _planned(op: Op, tensors: Collection[str]) -> dict[str, Any]:
    kernel = _kernel(op) or {}
    weights: Mapping[str, str] = kernel.get("weights", {})
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
