"""Ops that leave the shape alone: activations, dropout, and whatever works on each value by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnviz.language import Message
from cnnviz.shapes.op import Op, shape_text
from cnnviz.shapes.rules.explanation import Explanation, number

_FORMULAS: Mapping[str, str] = {
    "relu": "max(0, x)",
    "relu6": "min(max(0, x), 6)",
    "leakyrelu": "max(0, x) + {negative_slope} * min(0, x)",
    "prelu": "max(0, x) + a * min(0, x)",
    "rrelu": "max(0, x) + a * min(0, x)",
    "elu": "x if x > 0 else {alpha} * (e^x - 1)",
    "celu": "x if x > 0 else {alpha} * (e^(x/{alpha}) - 1)",
    "selu": "1.0507 * (x if x > 0 else 1.6733 * (e^x - 1))",
    "gelu": "x * Φ(x)",
    "silu": "x/(1 + e^(-x))",
    "mish": "x * tanh(ln(1 + e^x))",
    "sigmoid": "1/(1 + e^(-x))",
    "tanh": "(e^x - e^(-x))/(e^x + e^(-x))",
    "softplus": "ln(1 + e^({beta} * x))/{beta}",
    "softsign": "x/(1 + |x|)",
    "hardtanh": "min(max({min_val}, x), {max_val})",
    "hardswish": "x * min(max(0, x + 3), 6)/6",
    "hardsigmoid": "min(max(0, x/6 + 1/2), 1)",
    "hardshrink": "x if |x| > {lambd} else 0",
    "softshrink": "sign(x) * max(0, |x| - {lambd})",
    "tanhshrink": "x - tanh(x)",
    "logsigmoid": "ln(1/(1 + e^(-x)))",
    "threshold": "x if x > {threshold} else {value}",
    "exp": "e^x",
    "softmax": "e^x / Σ e^x",
    "softmax2d": "e^x / Σ e^x",
    "logsoftmax": "x - ln Σ e^x",
    "softmin": "e^(-x) / Σ e^(-x)",
    "gumbelsoftmax": "e^((x + g)/τ) / Σ e^((x + g)/τ)",
}
"""By name in small letters: the definitions of PyTorch's documentation."""

_DEFAULTS: Mapping[str, object] = {
    "negative_slope": 0.01,
    "alpha": 1.0,
    "beta": 1.0,
    "min_val": -1.0,
    "max_val": 1.0,
    "lambd": 0.5,
    "threshold": 0.0,
    "value": 0.0,
}
"""PyTorch's own, for functions that were called without them."""


def activation(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An activation, with its formula."""
    if op.kind != "activation":
        return None
    name = op.type.lower().replace("_", "")
    if name == "glu":
        return _gated(op)
    if op.input_shapes[0] != op.output_shape:
        return None
    formula = _FORMULAS.get(name)
    if formula is None:
        return one_by_one(op, ())
    values = {key: number(op.arguments.get(key, default)) for key, default in _DEFAULTS.items()}
    formula = "y = " + formula.format(**values)
    output = shape_text(op.output_shape)
    if "soft" in name and "Σ" in formula:
        return Explanation(formula, output, _shares(op, name), background=_advice(name))
    sentence = Message(
        "{name} computes {formula} for each value by itself: the shape stays {output}.",
        name=op.title,
        formula=formula,
        output=output,
    )
    return Explanation(formula, output, sentence, background=_remarks(op, name))


def _remarks(op: Op, name: str) -> tuple[Message, ...]:
    if name == "gelu":
        return (Message("Φ is the distribution function of the normal distribution."),)
    if name == "prelu":
        return (Message("The slope a is learned: {count:,} of them.", count=op.params),) if op.params else ()
    if name == "rrelu":
        return (Message("The slope a is drawn anew for each value in training; in evaluation it is fixed."),)
    return ()


def _shares(op: Op, name: str) -> Message:
    dim = op.arguments.get("dim")
    axis = dim - 1 if isinstance(dim, int) and dim > 0 else dim
    if name == "softmax2d" or not isinstance(axis, int):
        axis = 0 if name == "softmax2d" else -1
    count = op.output_shape[axis] if -len(op.output_shape) <= axis < len(op.output_shape) else "-"
    values = {"name": op.title, "count": count, "output": shape_text(op.output_shape)}
    if name == "logsoftmax":
        return Message(
            "{name} turns {count} scores into logarithms of probabilities, which add up to 1; the shape stays {output}.",
            **values,
        )
    return Message(
        "{name} turns {count} scores into probabilities, which add up to 1; the shape stays {output}.",
        **values,
    )


def _advice(name: str) -> tuple[Message, ...]:
    if name == "logsoftmax":
        return (Message("The loss that belongs to it is NLLLoss; CrossEntropyLoss contains both."),)
    return ()


def _gated(op: Op) -> Explanation | None:
    if len(op.input_shapes[0]) != len(op.output_shape):
        return None
    sentence = Message(
        "{name} halves one dimension: one half decides by a sigmoid how much of the other passes: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    substituted = f"{shape_text(op.input_shapes[0])} -> {shape_text(op.output_shape)}"
    return Explanation("y = a/(1 + e^(-b)), n/2", substituted, sentence)


def dropout(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Dropout (Srivastava et al. 2014), scaled in training as PyTorch does it."""
    if op.kind != "dropout" or op.input_shapes[0] != op.output_shape:
        return None
    p = op.arguments.get("p", 0.5)
    values = {"name": op.title, "p": number(p), "output": shape_text(op.output_shape)}
    if "alpha" in op.type.lower():
        sentence = Message(
            "{name} sets each value with probability {p} to a fixed negative number in training, so that mean and "
            "variance stay; the shape stays {output}.",
            **values,
        )
        return Explanation(
            "m = n", shape_text(op.output_shape), sentence, background=(_NOTHING_IN_EVALUATION,)
        )
    if op.type[-2:].lower() in ("1d", "2d", "3d"):
        sentence = Message(
            "{name} sets whole channels to zero in training, each with probability {p}; the shape stays {output}.",
            **values,
        )
    else:
        sentence = Message(
            "{name} sets each value to zero in training, with probability {p}; the shape stays {output}.",
            **values,
        )
    notes = [_NOTHING_IN_EVALUATION]
    if isinstance(p, (int, float)) and p < 1:
        notes.insert(
            0,
            Message(
                "What is kept is multiplied by 1/(1 - {p}) = {factor}, so that the sum to be expected stays the same.",
                p=number(p),
                factor=f"{1 / (1 - p):.4g}",
            ),
        )
    return Explanation(
        "y = m * x/(1 - p), m = 0 or 1",
        f"y = m * x/(1 - {number(p)}), m = 0 or 1",
        sentence,
        background=tuple(notes),
    )


_NOTHING_IN_EVALUATION = Message("In evaluation it does nothing.")


def identity(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An op that passes on what arrives."""
    if op.type not in ("Identity", "contiguous", "clone", "detach") or op.input_shapes[0] != op.output_shape:
        return None
    sentence = Message(
        "{name} passes on what arrives, as it is: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("y = x", shape_text(op.output_shape), sentence)


def one_by_one(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An op of one input that keeps the shape."""
    if op.input_shapes[0] != op.output_shape or op.kind in ("convolution", "pooling", "linear"):
        return None
    sentence = Message(
        "{name} works on each value by itself: the shape stays {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("m = n", shape_text(op.output_shape), sentence)
