"""Ops that leave the shape alone: activations, and whatever works on each value by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnviz.language import Message
from cnnviz.operations.elementwise import CONSTANT, is_pointwise
from cnnviz.operations.op import JOINING, Op, shape_text
from cnnviz.operations.rules.explanation import Explanation, number
from cnnviz.operations.rules.softmax import shares

_FORMULAS: Mapping[str, str] = {
    "relu": "max(0, x)",
    "relu6": "min(max(0, x), 6)",
    "leakyrelu": "max(0, x) + {negative_slope} * min(0, x)",
    "prelu": "max(0, x) + a * min(0, x)",
    "rrelu": "max(0, x) + a * min(0, x)",
    "elu": "max(0, x) + min(0, {alpha} * (e^x - 1))",
    "celu": "max(0, x) + min(0, {alpha} * (e^(x/{alpha}) - 1))",
    "selu": "1.0507 * (max(0, x) + min(0, 1.6733 * (e^x - 1)))",
    "gelu": "x * Φ(x)",
    "gelutanh": "x/2 * (1 + tanh(0.79788 * (x + 0.044715 * x^3)))",
    "silu": "x/(1 + e^(-x))",
    "mish": "x * tanh(ln(1 + e^x))",
    "sigmoid": "1/(1 + e^(-x))",
    "tanh": "(e^x - e^(-x))/(e^x + e^(-x))",
    "softplus": "ln(1 + e^({beta} * x))/{beta}",
    "softsign": "x/(1 + |x|)",
    "hardtanh": "min(max({min_val}, x), {max_val})",
    "hardswish": "x * min(max(0, x + 3), 6)/6",
    "hardsigmoid": "min(max(0, x/6 + 1/2), 1)",
    "hardshrink": "x * (|x| > {lambd})",
    "softshrink": "sign(x) * max(0, |x| - {lambd})",
    "tanhshrink": "x - tanh(x)",
    "logsigmoid": "ln(1/(1 + e^(-x)))",
    "threshold": "x * (x > {threshold}) + {value} * (x ≤ {threshold})",
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
    if name == "gelu" and op.arguments.get("approximate") == "tanh":
        name = "gelutanh"
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
        return shares(op, name, formula)
    sentence = Message(
        "{name} computes {formula} for each value by itself: the shape stays {output}.",
        name=op.title,
        formula=formula,
        output=output,
    )
    return Explanation(formula, output, sentence, background=_remarks(op, name))


def _remarks(op: Op, name: str) -> tuple[Message, ...]:
    if name in ("hardshrink", "threshold"):
        return (Message("A comparison counts as 1 where it holds, and as 0 where it does not."),)
    if name == "gelu":
        return (Message("Φ is the distribution function of the normal distribution."),)
    if name == "prelu":
        return (Message("The slope a is learned: {count:,} of them.", count=op.params),) if op.params else ()
    if name == "rrelu":
        return (Message("The slope a is drawn anew for each value in training; in evaluation it is fixed."),)
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


def identity(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An op that passes on what arrives."""
    alone = op.type in JOINING and len(op.inputs) == 1
    if (op.type not in _PASSING and not alone) or op.input_shapes[0] != op.output_shape:
        return None
    sentence = Message(
        "{name} passes on what arrives, as it is: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("y = x", shape_text(op.output_shape), sentence)


_PASSING = frozenset("Identity contiguous clone detach to type float double half bfloat16 cpu cuda".split())


def constant(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """New values, of which not one depends on what arrives."""
    if op.type not in CONSTANT:
        return None
    sentence = Message(
        "{name} makes new values, whatever arrives: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("m", shape_text(op.output_shape), sentence)


def one_by_one(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An op of one input that keeps the shape."""
    if op.input_shapes[0] != op.output_shape or op.kind in ("convolution", "pooling", "linear"):
        return None
    values = {"name": op.title, "type": op.type, "output": shape_text(op.output_shape)}
    if is_pointwise(op.type):
        sentence = Message("{name} works on each value by itself: the shape stays {output}.", **values)
    else:
        sentence = Message("{name} ({type}) leaves the shape as it is: {output}.", **values)
    return Explanation("m = n", shape_text(op.output_shape), sentence)
