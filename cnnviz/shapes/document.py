"""Traces and derivations as plain JSON values: what the command line prints with ``--json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cnnviz.operations.op import Failure, ModuleCall, Op
from cnnviz.shapes.derivation import Derivation, Step
from cnnviz.tracing.trace import Trace


def summary_document(name: str, trace: Trace) -> dict[str, Any]:
    """The document of ``summary``; ``name`` is the model's name as it was asked for."""
    return {
        "model": name,
        "input_shape": list(trace.input_shape),
        "total_params": trace.total_params,
        "macs": trace.macs,
        "ops": [_op(op) for op in trace.ops],
        "modules": [_module(call) for call in trace.modules],
        "unexecuted": [asdict(entry) for entry in trace.unexecuted],
        "failure": _failure(trace.failure),
    }


def derivation_document(
    derivation: Derivation, beside: Mapping[str, Sequence[Sequence[Step]]] | None = None
) -> dict[str, Any]:
    """The document of ``why``; ``beside`` are the branches that meet in ops on the way, by the op's name."""
    return {
        "layer": derivation.layer,
        "steps": [_step(step) for step in derivation.steps],
        "branches": {
            name: [[_step(step) for step in branch] for branch in branches]
            for name, branches in (beside or {}).items()
        },
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "op": step.op.name,
        "rule": step.rule,
        "substituted": step.substituted,
        "result": list(step.result),
        "text": step.text,
    }


def _module(call: ModuleCall) -> dict[str, Any]:
    return {name: value for name, value in asdict(call).items() if name != "layout"}


def _op(op: Op) -> dict[str, Any]:
    return {
        "index": op.index,
        "name": op.name,
        "type": op.type,
        "kind": op.kind,
        "inputs": list(op.inputs),
        "input_shapes": [list(shape) for shape in op.input_shapes],
        "output_shape": list(op.output_shape),
        "params": op.params,
        "macs": op.macs,
        "reused": op.reused,
    }


def _failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "name": failure.name,
        "type": failure.type,
        "message": failure.message,
        "expected": failure.expected,
        "received": failure.received,
        "fix": None if failure.fix is None else asdict(failure.fix),
    }
