"""Ops on sequences: recurrent layers, attention, running sums, tables of vectors."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.language import Message
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.recurrent import is_recurrent, steps
from cnnviz.operations.rules.explanation import Explanation


def recurrent(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """LSTM, GRU and RNN: step by step, with a memory; or one step alone."""
    if not is_recurrent(op.type, op.arguments) or not op.output_shape:
        return None
    hidden = op.arguments.get("proj_size") or op.arguments["hidden_size"]
    directions = 2 if op.arguments.get("bidirectional") else 1
    values = {
        "name": op.title,
        "received": op.arguments["input_size"],
        "hidden": hidden,
        "output": shape_text(op.output_shape),
    }
    substituted = f"{shape_text(op.input_shapes[0])} -> {shape_text(op.output_shape)}"
    if op.type.endswith("Cell"):
        sentence = Message(
            "{name} makes one step: of the {received} values that arrive and of its {hidden} values so far it makes "
            "new ones: {output}.",
            **values,
        )
        return Explanation("h = f(x, h)", substituted, sentence)
    values["steps"] = steps(op)
    if directions == 2:
        sentence = Message(
            "{name} reads the {steps} steps of the sequence, {received} values each, once forwards and once backwards; "
            "each step gives 2 x {hidden} values, which depend on all others: {output}.",
            **values,
        )
    else:
        sentence = Message(
            "{name} reads the {steps} steps of the sequence, {received} values each, one after the other; each gives "
            "{hidden} values, which depend on all steps before it, too: {output}.",
            **values,
        )
    return Explanation("h[t] = f(x[t], h[t - 1])", substituted, sentence)


def dot_products(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``scaled_dot_product_attention`` (Vaswani et al. 2017, section 3.2.1)."""
    if op.type != "scaled_dot_product_attention":
        return None
    values = {"name": op.title, "output": shape_text(op.output_shape)}
    if op.arguments.get("is_causal"):
        sentence = Message(
            "{name} lets each place look at itself and those before it, weighed by the products of queries and keys: "
            "{output}.",
            **values,
        )
    else:
        sentence = Message(
            "{name} lets each place look at all others, weighed by the products of queries and keys: {output}.",
            **values,
        )
    return Explanation("softmax(Q Kᵀ / √d) V", shape_text(op.output_shape), sentence)


def running(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``cumsum`` and its like."""
    if op.type not in ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"):
        return None
    if op.input_shapes[0] != op.output_shape:
        return None
    sentence = Message(
        "{name} goes along dimension {dim}: each value is made of itself and of all before it; the shape stays {output}.",
        name=op.title,
        dim=op.arguments.get("dim", 0),
        output=shape_text(op.output_shape),
    )
    return Explanation("y[i] = f(x[0], ..., x[i])", shape_text(op.output_shape), sentence)


def looked_up(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An embedding: a row of a table for every number."""
    if op.type not in ("Embedding", "embedding"):
        return None
    sentence = Message(
        "{name} looks up a row of its table for every number that arrives: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation(
        "n -> n x m", f"{shape_text(op.input_shapes[0])} -> {shape_text(op.output_shape)}", sentence
    )


def summed_products(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``einsum``: its equation says it all."""
    equation = op.arguments.get("equation")
    if op.type != "einsum" or not isinstance(equation, str):
        return None
    received = ", ".join(shape_text(shape) for shape in op.input_shapes)
    sentence = Message(
        "{name} multiplies values whose letters agree, and sums over every letter that does not stand behind the "
        "arrow: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation(equation, f"{received} -> {shape_text(op.output_shape)}", sentence)
