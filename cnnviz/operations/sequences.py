"""Sequences: recurrent layers, running sums, tables of vectors.

Each gate of an LSTM (Hochreiter and Schmidhuber 1997; four gates) or GRU (Cho et al. 2014; three) multiplies the
input, and the layer's own output one step earlier, by a matrix each; a plain RNN has one such gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np

from cnnviz.language import Message
from cnnviz.operations.arrangement import lost_batch, rows_not_transposed
from cnnviz.operations.batch_axis import Layout, Source
from cnnviz.operations.explanation import Explanation
from cnnviz.operations.op import FailedCall, Failure, Op, Shape, product, shape_text
from cnnviz.operations.operation import define
from cnnviz.operations.reach import Call, Reach, UnknownError, joined

# -- shapes ------------------------------------------------------------------------------------------


def explain_recurrent(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """LSTM, GRU and RNN: step by step, with a memory."""
    if not op.output_shape:
        return None
    values = {**_sizes(op), "steps": _steps(op)}
    if op.arguments.get("bidirectional"):
        sentence = Message(
            "{name} reads the {steps} steps of the sequence, {received} values each, forwards and backwards; "
            "each step outputs 2 x {hidden} values, which depend on all the others: {output}.",
            **values,
        )
    else:
        sentence = Message(
            "{name} reads the {steps} steps of the sequence, {received} values each, one after the other; "
            "each outputs {hidden} values, which also depend on all earlier steps: {output}.",
            **values,
        )
    return Explanation("h[t] = f(x[t], h[t - 1])", _from_to(op), sentence)


def explain_cell(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A single step of an LSTM, GRU or RNN."""
    if not op.output_shape:
        return None
    sentence = Message(
        "{name} does one step: it computes new values from the {received} input values and its {hidden} "
        "current ones: {output}.",
        **_sizes(op),
    )
    return Explanation("h = f(x, h)", _from_to(op), sentence)


def _sizes(op: Op) -> dict[str, object]:
    return {
        "name": op.title,
        "received": op.arguments["input_size"],
        "hidden": op.arguments.get("proj_size") or op.arguments["hidden_size"],
        "output": shape_text(op.output_shape),
    }


def _from_to(op: Op) -> str:
    return f"{shape_text(op.input_shapes[0])} -> {shape_text(op.output_shape)}"


def explain_running(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``cumsum`` and its relatives."""
    if op.input_shapes[0] != op.output_shape:
        return None
    sentence = Message(
        "{name} accumulates along dimension {dim}: each value is computed from itself and all values before "
        "it; the shape stays {output}.",
        name=op.title,
        dim=op.arguments.get("dim", 0),
        output=shape_text(op.output_shape),
    )
    return Explanation("y[i] = f(x[0], ..., x[i])", shape_text(op.output_shape), sentence)


def explain_embedding(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An embedding: for each number, a row of a table."""
    sentence = Message(
        "{name} looks up one row of its table for every number it receives: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("n -> n x m", _from_to(op), sentence)


# -- receptive fields and the batch dimension --------------------------------------------------------


def reach_recurrent(call: Call) -> Reach:
    """Each step depends on itself and all earlier steps; with two directions on later ones, too."""
    row = 1 if call.arguments.get("batch_first") else 0
    if any(not state.nothing for state in call.sources[1:]):
        raise UnknownError
    steps = call.first.reduced([2])
    if call.part:  # the final state
        return steps.reduced([row]).broadcast(call.shape)
    count = call.shape[-1]
    if not call.arguments.get("bidirectional"):
        return steps.accumulated(row).repeated(-1, count)
    if call.number("num_layers", 1) > 1:
        return steps.reduced([row]).broadcast(call.shape)
    ahead = steps.accumulated(row).repeated(-1, count // 2)
    turned = np.arange(call.shape[row])[None, ::-1]
    behind = steps.gathered(row, turned).accumulated(row).gathered(row, turned).repeated(-1, count // 2)
    features = len(call.shape) - 1
    bounds = tuple(
        np.concatenate(
            [np.repeat(one, count // 2, axis=features), np.repeat(other, count // 2, axis=features)],
            axis=features,
        )
        for one, other in zip(ahead.bounds, behind.bounds, strict=True)
    )
    return replace(ahead.irregular(), shape=call.shape, bounds=bounds)


def reach_cell(call: Call) -> Reach:
    """Each value depends on the whole input and the whole previous state."""
    if any(len(source.shape) != 2 for source in call.sources):
        raise UnknownError
    return joined([source.reduced([1]) for source in call.sources], (call.shape[0], 1)).repeated(
        1, call.shape[1]
    )


def reach_running(call: Call) -> Reach:
    """Each value depends on itself and all values before it."""
    return call.first.accumulated(call.number("dim"))


def _states(_first: Source, shape: Shape, _images: int) -> Layout:
    """The states of a recurrent layer have the shape (layers x directions, batch, features)."""
    return Layout(len(shape) - 2)


# -- parameters and multiply-adds ----------------------------------------------------------------------


def _step_terms(gates: int, arguments: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
    """The weights of each layer that one step multiplies by, as ``4 x 7 x (5 + 7)`` and as a number."""
    hidden = cast(int, arguments["hidden_size"])
    directions = 2 if arguments.get("bidirectional") else 1
    projected = cast(int, arguments.get("proj_size") or 0)
    returned, received = projected or hidden, cast(int, arguments["input_size"])
    ahead = "2 x " if directions == 2 else ""
    terms = []
    for _ in range(cast(int, arguments.get("num_layers", 1))):
        terms.append(
            (
                f"{ahead}{gates} x {hidden} x ({received} + {returned})",
                directions * gates * hidden * (received + returned),
            )
        )
        if projected:
            terms.append((f"{ahead}{hidden} x {projected}", directions * hidden * projected))
        received = directions * returned
    return tuple(terms)


def _steps(op: Op) -> int:
    """The number of steps of the input sequence of one image."""
    return product(op.input_shapes[0]) // cast(int, op.arguments["input_size"])


def _biases(gates: int, arguments: Mapping[str, object]) -> tuple[str, int]:
    """The biases of all layers: two per gate and feature, as PyTorch keeps them."""
    if not arguments.get("bias"):
        return "", 0
    directions = 2 if arguments.get("bidirectional") else 1
    factors = (2, directions * cast(int, arguments.get("num_layers", 1)), gates)
    count = product(factors) * cast(int, arguments["hidden_size"])
    return f" + {' x '.join(map(str, factors))} x {arguments['hidden_size']}", count


def weights_of_recurrent(gates: int, op: Op) -> tuple[str, int]:
    """``4 x 7 x (5 + 7) + 2 x 4 x 7``: the matrices of all gates, layer by layer, and their biases."""
    terms, (text, count) = _step_terms(gates, op.arguments), _biases(gates, op.arguments)
    return " + ".join(term for term, _ in terms) + text, sum(weights for _, weights in terms) + count


def macs_of_recurrent(gates: int, arguments: Mapping[str, Any], received: int, _given: int) -> int:
    """A recurrent layer with so many ``gates`` multiplies by its weights once per step."""
    products = sum(count for _, count in _step_terms(gates, arguments))
    return products * (received // int(arguments["input_size"]))


def macs_formula_of_recurrent(gates: int, op: Op) -> tuple[str, int]:
    """The products of one step, times the number of steps."""
    count, terms = _steps(op), _step_terms(gates, op.arguments)
    return " + ".join(f"{term} x {count}" for term, _ in terms), sum(weights for _, weights in terms) * count


def weights_of_embedding(op: Op) -> tuple[str, int]:
    """``1000 x 64``: one vector per word."""
    table = (cast(int, op.arguments["num_embeddings"]), cast(int, op.arguments["embedding_dim"]))
    return shape_text(table), product(table)


# -- diagnosis -------------------------------------------------------------------------------------------


def _diagnose_transposed(call: FailedCall, _ops: Sequence[Op]) -> Failure | None:
    return rows_not_transposed(call, call.arguments.get("input_size"))


# -- entries -------------------------------------------------------------------------------------------

for _layer, _gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
    _recurrent: Mapping[str, Any] = {
        "attributes": "input_size hidden_size num_layers batch_first bidirectional proj_size",
        "parameters": partial(weights_of_recurrent, _gates),
        "macs": partial(macs_of_recurrent, _gates),
        "macs_formula": partial(macs_formula_of_recurrent, _gates),
    }
    define(
        modules=_layer,
        explain=explain_recurrent,
        reach=reach_recurrent,
        further_batch_axis=_states,
        diagnose=(lost_batch, _diagnose_transposed),
        **_recurrent,
    )
    define(modules=f"{_layer}Cell", explain=explain_cell, reach=reach_cell, **_recurrent)
define("lstm gru rnn_tanh rnn_relu", random=True)  # what these layers call; there may be dropout between them
define(
    "cumsum cumprod cummax cummin logcumsumexp",
    arguments="input dim",
    explain=explain_running,
    reach=reach_running,
)
define(
    "embedding",
    "Embedding",
    attributes="num_embeddings embedding_dim",
    explain=explain_embedding,
    parameters=weights_of_embedding,
)
define(
    "embedding_bag",
    "EmbeddingBag",
    attributes="num_embeddings embedding_dim mode",
    parameters=weights_of_embedding,
)
