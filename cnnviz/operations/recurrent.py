"""What a recurrent layer consists of: the products of one step, layer by layer. Imports no torch.

Every gate of an LSTM (Hochreiter and Schmidhuber 1997; four gates) or GRU (Cho et al. 2014; three) multiplies what
arrives, and what the layer said one step before, by a matrix each; a plain RNN has one such gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from cnnviz.operations.op import Op, product

_GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "RNN": 1, "RNNCell": 1}


def is_recurrent(type_name: str, arguments: Mapping[str, object]) -> bool:
    """Whether the op of these ``arguments`` is one of torch.nn's recurrent layers or cells."""
    return type_name in _GATES and "hidden_size" in arguments and "input_size" in arguments


def step_terms(type_name: str, arguments: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
    """For each layer the weights that one step multiplies by, as ``4 x 7 x (5 + 7)`` and as a number."""
    gates, hidden = _GATES[type_name], cast(int, arguments["hidden_size"])
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


def step_macs(type_name: str, arguments: Mapping[str, object]) -> int:
    """Multiply-adds of one step, of all layers and directions together."""
    return sum(count for _, count in step_terms(type_name, arguments))


def steps(op: Op) -> int:
    """How many steps the sequence of one image has that arrives at ``op``."""
    return product(op.input_shapes[0]) // cast(int, op.arguments["input_size"])


def biases(type_name: str, arguments: Mapping[str, object]) -> tuple[str, int]:
    """The biases of all layers: two for each gate's value, as PyTorch keeps them."""
    if not arguments.get("bias"):
        return "", 0
    directions = 2 if arguments.get("bidirectional") else 1
    factors = (2, directions * cast(int, arguments.get("num_layers", 1)), _GATES[type_name])
    count = product(factors) * cast(int, arguments["hidden_size"])
    return f" + {' x '.join(map(str, factors))} x {arguments['hidden_size']}", count
