"""Elementwise operations: activations, arithmetic, comparisons; softmax stands beside the activations.

The formulas of activations are those of PyTorch's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from cnnviz.language import Message
from cnnviz.operations.explanation import Explanation, number
from cnnviz.operations.kernels import Kernel, image_axis, value_by_value
from cnnviz.operations.normalisation import diagnose_normalisation, mend_normalisation
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.operation import Operation, define
from cnnviz.operations.reach import Call, Reach, spread

# -- activations -----------------------------------------------------------------------------------------

Remarks = Callable[[Op], tuple[Message, ...]]


def explain_activation(
    formula: str, defaults: Mapping[str, object], remarks: Remarks, op: Op, _ops: Sequence[Op]
) -> Explanation | None:
    """An activation by its ``formula``, filled in with the op's arguments, or with PyTorch's ``defaults``."""
    if op.input_shapes[0] != op.output_shape:
        return None
    values = {key: number(op.arguments.get(key, default)) for key, default in defaults.items()}
    formula, output = "y = " + formula.format(**values), shape_text(op.output_shape)
    sentence = Message(
        "{name} computes {formula} for each value separately: the shape stays {output}.",
        name=op.title,
        formula=formula,
        output=output,
    )
    return Explanation(formula, output, sentence, background=remarks(op))


def activation(
    functions: str,
    modules: str,
    formula: str,
    remarks: Remarks | Message | None = None,
    *,
    arguments: str = "",
    random: bool = False,
    kernel: str = "",
    **defaults: float,
) -> Operation:
    """Register an activation by its names, its formula, a remark, and its arguments with PyTorch's defaults.

    The arguments come in PyTorch's order after the input; ``arguments`` names them all where some default is not
    a number. ``kernel`` names the browser's, whose settings have the names of the arguments.
    """
    if isinstance(remarks, Message):
        told = (remarks,)
        remarks = lambda _op: told  # noqa: E731
    return define(
        functions,
        modules,
        kind="activation",
        arguments=f"input {arguments or ' '.join(defaults)}",
        pointwise=True,
        random=random,
        explain=partial(explain_activation, formula, defaults, remarks or (lambda _op: ())),
        kernel=partial(value_by_value, kernel, defaults) if kernel else None,
    )


_COMPARISON = Message("A comparison gives 1 where it is true and 0 where it is false.")

activation("relu", "ReLU", "max(0, x)", kernel="relu")
activation("relu6", "ReLU6", "min(max(0, x), 6)", kernel="relu6")
activation(
    "leaky_relu",
    "LeakyReLU",
    "max(0, x) + {negative_slope} * min(0, x)",
    negative_slope=0.01,
    kernel="leakyRelu",
)
activation("elu", "ELU", "max(0, x) + min(0, {alpha} * (e^x - 1))", alpha=1.0, kernel="elu")
activation("celu", "CELU", "max(0, x) + min(0, {alpha} * (e^(x/{alpha}) - 1))", alpha=1.0, kernel="celu")
activation("selu", "SELU", "1.0507 * (max(0, x) + min(0, 1.6733 * (e^x - 1)))", kernel="selu")
activation("silu", "SiLU", "x/(1 + e^(-x))", kernel="silu")
activation("mish", "Mish", "x * tanh(ln(1 + e^x))", kernel="mish")
activation("sigmoid expit", "Sigmoid", "1/(1 + e^(-x))", kernel="sigmoid")
activation("tanh", "Tanh", "(e^x - e^(-x))/(e^x + e^(-x))", kernel="tanh")
activation(
    "softplus", "Softplus", "ln(1 + e^({beta} * x))/{beta}", beta=1.0, threshold=20.0, kernel="softplus"
)
activation("softsign", "Softsign", "x/(1 + |x|)", kernel="softsign")
activation(
    "hardtanh", "Hardtanh", "min(max({min_val}, x), {max_val})", min_val=-1.0, max_val=1.0, kernel="hardtanh"
)
activation("hardswish", "Hardswish", "x * min(max(0, x + 3), 6)/6", kernel="hardswish")
activation("hardsigmoid", "Hardsigmoid", "min(max(0, x/6 + 1/2), 1)", kernel="hardsigmoid")
activation("hardshrink", "Hardshrink", "x * (|x| > {lambd})", _COMPARISON, lambd=0.5, kernel="hardshrink")
activation("softshrink", "Softshrink", "sign(x) * max(0, |x| - {lambd})", lambd=0.5, kernel="softshrink")
activation("tanhshrink", "Tanhshrink", "x - tanh(x)", kernel="tanhshrink")
activation("logsigmoid log_sigmoid", "LogSigmoid", "ln(1/(1 + e^(-x)))", kernel="logSigmoid")
activation(
    "threshold",
    "Threshold",
    "x * (x > {threshold}) + {value} * (x ≤ {threshold})",
    _COMPARISON,
    threshold=0.0,
    value=0.0,
    kernel="threshold",
)
activation("exp", "", "e^x", kernel="exp")
activation(
    "rrelu rrelu_with_noise",
    "RReLU",
    "max(0, x) + a * min(0, x)",
    Message("In training, the slope a is drawn at random for each value; in evaluation it is fixed."),
    arguments="lower upper training",
    random=True,
)


def _explain_gelu(op: Op, ops: Sequence[Op]) -> Explanation | None:
    if op.arguments.get("approximate") == "tanh":
        formula = "x/2 * (1 + tanh(0.79788 * (x + 0.044715 * x^3)))"
        return explain_activation(formula, {}, lambda _op: (), op, ops)
    told = Message("Φ is the cumulative distribution function of the normal distribution.")
    return explain_activation("x * Φ(x)", {}, lambda _op: (told,), op, ops)


def _kernel_of_gelu(op: Op) -> Kernel | None:
    return {"kernel": "gelu", "tanh": op.arguments.get("approximate") == "tanh"}


define(
    "gelu",
    "GELU",
    kind="activation",
    arguments="input approximate",
    pointwise=True,
    explain=_explain_gelu,
    kernel=_kernel_of_gelu,
)


def _slopes(op: Op) -> tuple[Message, ...]:
    return (Message("The slope a is learned ({count:,} values).", count=op.params),) if op.params else ()


def _slopes_of_channels(op: Op) -> tuple[str, int] | None:
    """The slopes of a PReLU: a single one, or one per channel."""
    return (str(op.params), op.params) if isinstance(op.arguments.get("num_parameters"), int) else None


define(
    "prelu",
    "PReLU",
    kind="activation",
    arguments="input weight",
    attributes="num_parameters",
    pointwise=True,
    explain=partial(explain_activation, "max(0, x) + a * min(0, x)", {}, _slopes),
    parameters=_slopes_of_channels,
    kernel=lambda _op: {"kernel": "prelu", "weights": {"weight": "weight"}},
    diagnose=(diagnose_normalisation,),
    mend=mend_normalisation,
)


def explain_gate(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``GLU`` (Dauphin et al. 2017): one half of a dimension decides how much of the other half passes."""
    if len(op.input_shapes[0]) != len(op.output_shape):
        return None
    sentence = Message(
        "{name} halves one dimension: a sigmoid of one half decides how much of the other passes: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    substituted = f"{shape_text(op.input_shapes[0])} -> {shape_text(op.output_shape)}"
    return Explanation("y = a/(1 + e^(-b)), n/2", substituted, sentence)


def reach_gate(call: Call) -> Reach:
    """Each value depends on its counterpart in both halves of the dimension."""
    reach, dim = call.first, call.number("dim", -1) % len(call.shape)
    half = reach.shape[dim] // 2
    return reach.gathered(dim, np.arange(half) + np.array([[0], [half]]))


define("glu", "GLU", kind="activation", arguments="input dim", explain=explain_gate, reach=reach_gate)

# -- softmax and its like --------------------------------------------------------------------------------


Dimension = Callable[[int], int]
"""The dimension that a softmax of a tensor with so many dimensions sums over where its call names none."""


def first_or_second(count: int) -> int:
    """PyTorch's own choice, since before it had an argument for it."""
    return 0 if count in (0, 1, 3) else 1


def explain_softmax(
    formula: str,
    sentence: Message,
    background: tuple[Message, ...],
    usual: Dimension,
    op: Op,
    _ops: Sequence[Op],
) -> Explanation | None:
    """Scores become shares that add up to 1 along one dimension, by ``formula``."""
    if op.input_shapes[0] != op.output_shape:
        return None
    output = shape_text(op.output_shape)
    full = op.layout.full(op.output_shape, 2)
    dim = softmax_dimension(usual, op, len(full))
    axis = op.layout.axis(dim, len(full))
    if axis is None:
        sentence = Message(
            "{name} normalises over the images of the batch, dimension {dim}, so the probabilities of one "
            "image do not add up to 1. Use dim=1 (or -1), the dimension of the classes; the shape stays "
            "{output}.",
            name=op.title,
            dim=dim,
            output=output,
        )
        return Explanation(formula, output, sentence)
    told = Message(sentence.template, name=op.title, count=op.output_shape[axis], output=output)
    return Explanation(formula, output, told, background=background)


def softmax_dimension(usual: Dimension, op: Op, count: int) -> int:
    """The dimension, of ``count`` with the batch, that is summed over."""
    dim = op.arguments.get("dim")
    return dim % count if isinstance(dim, int) else usual(count)


def reach_softmax(usual: Dimension, call: Call) -> Reach:
    """Each value depends on all values along the dimension that is summed over."""
    return spread(call, [softmax_dimension(usual, call.op, len(call.shape))])


_PROBABILITIES = Message(
    "{name} turns {count} scores into probabilities that add up to 1; the shape stays {output}."
)


def _softmax(
    functions: str,
    modules: str,
    formula: str,
    sentence: Message = _PROBABILITIES,
    background: tuple[Message, ...] = (),
    usual: Dimension = first_or_second,
    arguments: str = "input dim",
    kernel: Mapping[str, bool] | None = None,
    **knowledge: Any,
) -> None:
    """Register a softmax or one of its relatives; ``kernel`` are the settings of the browser's, where it has one."""
    define(
        functions,
        modules,
        kind="activation",
        arguments=arguments,
        explain=partial(explain_softmax, f"y = {formula}", sentence, background, usual),
        reach=partial(reach_softmax, usual),
        kernel=None if kernel is None else partial(_kernel_of_softmax, usual, kernel),
        **knowledge,
    )


def _kernel_of_softmax(usual: Dimension, settings: Mapping[str, bool], op: Op) -> Kernel | None:
    axes = len(op.output_shape)
    axis = image_axis(softmax_dimension(usual, op, axes + 1), axes)
    return None if axis is None else {"kernel": "softmax", "axis": axis, **settings}


_softmax("softmax", "Softmax", "e^x / Σ e^x", gives="probabilities", kernel={})
_softmax("", "Softmax2d", "e^x / Σ e^x", usual=lambda count: count - 3, gives="probabilities", kernel={})
_softmax(
    "log_softmax",
    "LogSoftmax",
    "x - ln Σ e^x",
    Message(
        "{name} turns {count} scores into log-probabilities; the probabilities add up to 1; the shape stays "
        "{output}."
    ),
    (Message("The matching loss is NLLLoss; CrossEntropyLoss combines both."),),
    gives="log probabilities",
    kernel={"log": True},
)
_softmax("softmin", "Softmin", "e^(-x) / Σ e^(-x)", kernel={"negated": True})
_softmax(
    "gumbel_softmax",
    "",
    "e^((x + g)/τ) / Σ e^((x + g)/τ)",
    usual=lambda count: count - 1,
    arguments="input tau hard eps dim",
    random=True,
)

# -- arithmetic of one tensor, and comparisons -------------------------------------------------------------

for _names in (
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "rsqrt",
    "square",
    "abs absolute",
    "neg negative",
    "positive",
    "sign sgn",
    "sin",
    "cos",
    "tan",
    "asin arcsin",
    "acos arccos",
    "atan arctan",
    "sinh",
    "cosh",
    "asinh arcsinh",
    "acosh arccosh",
    "atanh arctanh",
    "erf",
    "erfc",
    "erfinv",
    "logit",
    "reciprocal",
    "floor",
    "ceil",
    "round",
    "trunc fix",
    "frac",
    "clamp clip",
    "clamp_min",
    "clamp_max",
    "nan_to_num",
    "rsub",
    "floordiv floor_divide",
    "mod remainder",
    "fmod",
    "pow",
    "rpow",
    "rdiv rtruediv",
    "float_power",
    "fmax",
    "fmin",
    "atan2 arctan2",
    "hypot",
    "lerp",
    "addcmul",
    "addcdiv",
    "masked_fill",
    "heaviside",
    "xlogy",
    "logaddexp",
    "eq",
    "ne not_equal",
    "lt less",
    "le less_equal",
    "gt greater",
    "ge greater_equal",
    "and logical_and",
    "or logical_or",
    "xor logical_xor",
    "invert",
    "logical_not",
    "isnan",
    "isinf",
    "isfinite",
    "type_as",
    "int",
    "long",
    "short",
    "byte",
    "char",
    "bool",
    "angle",
    "conj",
    "conj_physical",
    "copysign",
    "deg2rad",
    "rad2deg",
    "digamma psi",
    "lgamma gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "entr",
    "erfcx",
    "ndtr",
    "ndtri",
    "log_ndtr",
    "ldexp",
    "logaddexp2",
    "nextafter",
    "signbit",
    "sinc",
    "xlog1py",
    "isclose",
    "isneginf",
    "isposinf",
    "isreal",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_not",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "lshift",
    "rshift",
):
    define(_names, pointwise=True)
