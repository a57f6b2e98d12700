"""The formulas of an op's parameters and multiply-adds, with numbers, and what a 1x1 reduction saves.

Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from cnnviz.operations.layer import convolution
from cnnviz.operations.op import Op, Shape, product, shape_text
from cnnviz.operations.recurrent import biases, is_recurrent, step_terms, steps


def parameter_formula(op: Op) -> str | None:
    """``(5 x 5 x 1 + 1) x 10 = 260``; None if there is nothing to count or no formula for it.

    A kernel has one weight for each position and input channel (of its group), and a bias.
    """
    counted = _parameters(op) if op.params else None
    if counted is None or counted[1] != op.params:
        return None
    return f"{counted[0]} = {op.params:,}"


def _parameters(op: Op) -> tuple[str, int] | None:
    """The formula and its value."""
    arguments = op.arguments
    bias = bool(arguments.get("bias"))
    if "in_channels" in arguments and "groups" in arguments:
        kernel = cast(Shape, arguments["kernel_size"])
        channels = cast(int, arguments["in_channels"]) // cast(int, arguments["groups"])
        return _rows(
            f"{shape_text(kernel)} x {channels}", product(kernel) * channels, bias, arguments["out_channels"]
        )
    if "in_features" in arguments:
        features = cast(int, arguments["in_features"])
        return _rows(str(features), features, bias, arguments["out_features"])
    if "in1_features" in arguments:
        pair = (cast(int, arguments["in1_features"]), cast(int, arguments["in2_features"]))
        return _rows(shape_text(pair), product(pair), bias, arguments["out_features"])
    if "num_embeddings" in arguments:
        table = (cast(int, arguments["num_embeddings"]), cast(int, arguments["embedding_dim"]))
        return shape_text(table), product(table)
    if is_recurrent(op.type, arguments):
        terms, (text, count) = step_terms(op.type, arguments), biases(op.type, arguments)
        return " + ".join(term for term, _ in terms) + text, sum(weights for _, weights in terms) + count
    return _of_each_channel(op)


def _rows(text: str, weights: int, bias: bool, rows: object) -> tuple[str, int]:
    """``rows`` kernels (or rows of a matrix) of ``weights`` weights each."""
    count = cast(int, rows)
    if bias:
        return f"({text} + 1) x {count}", (weights + 1) * count
    return f"{text} x {count}", weights * count


def _of_each_channel(op: Op) -> tuple[str, int] | None:
    """Gamma and beta of a normalisation, the slopes of a PReLU."""
    arguments = op.arguments
    channels = arguments.get("num_features", arguments.get("num_channels"))
    shape = arguments.get("normalized_shape")
    if isinstance(channels, int):
        text, count = str(channels), channels
    elif isinstance(shape, (tuple, list)):
        text, count = shape_text(tuple(shape)), product(tuple(shape))
    elif isinstance(arguments.get("num_parameters"), int):
        text, count = str(op.params), op.params
    else:
        return None
    pairs = op.params == 2 * count
    return (f"2 x {text}", 2 * count) if pairs else (text, count)


def macs_formula(op: Op) -> str | None:
    """``5 x 5 x 1 x 10 x 24 x 24 = 144,000``: the products for one output value, times the number of output values.

    For a transposed convolution: the products for one input value, times the number of input values. For a
    recurrent layer: the products of one step, times the number of steps.
    """
    arguments = op.arguments
    values = op.output_shape
    if op.macs == 0 or not op.input_shapes:
        return None
    if is_recurrent(op.type, arguments):
        return _macs_of_steps(op)
    if "in_channels" in arguments:
        transposed = "transpose" in op.type.lower()
        values = op.input_shapes[0] if transposed else values
        channels = cast(int, arguments["out_channels" if transposed else "in_channels"])
        kernel = cast(Shape, arguments["kernel_size"])
        window = (*kernel, channels // cast(int, arguments["groups"]))
    elif "in_features" in arguments:
        window = (cast(int, arguments["in_features"]),)
    else:
        return None
    if product(window) * product(values) != op.macs:
        return None
    return f"{shape_text((*window, *values))} = {op.macs:,}"


def _macs_of_steps(op: Op) -> str | None:
    count = steps(op)
    terms = step_terms(op.type, op.arguments)
    if sum(weights for _, weights in terms) * count != op.macs:
        return None
    return " + ".join(f"{term} x {count}" for term, _ in terms) + f" = {op.macs:,}"


@dataclass(frozen=True)
class Saving:
    """The same output in two ways: ``direct``, or ``reduce`` (1x1) and then ``after``; all three are ops.

    The idea is from Lin et al. 2013, "Network in Network", section 3; as a bottleneck it is from Szegedy et
    al. 2015, "Going Deeper with Convolutions", section 4.

    ``break_even`` is the smallest number of reduced channels at which the detour saves no multiply-adds.
    """

    direct: Op
    reduce: Op
    after: Op
    break_even: int

    @property
    def macs(self) -> int:
        """Multiply-adds of the detour, for one image."""
        return self.reduce.macs + self.after.macs

    @property
    def params(self) -> int:
        """Parameters of the detour, biases included."""
        return self.reduce.params + self.after.params

    @property
    def ratio(self) -> float:
        """How many times more multiply-adds the direct way needs."""
        return self.direct.macs / self.macs


def saving(channels: int, size: tuple[int, int], kernel: int, maps: int, reduced: int) -> Saving:
    """Compare a ``kernel`` x ``kernel`` convolution from ``channels`` to ``maps`` channels with one after a 1x1.

    ``size`` (height, width) in pixels stays the same all the way (padding "same"); the 1x1 convolution
    leaves ``reduced`` channels. All numbers are 1 or more.
    """
    window = kernel * kernel
    direct = window * channels * maps  # for each pixel, as is the cost of one reduced channel
    each = channels + window * maps
    return Saving(
        direct=convolution(channels, maps, (kernel, kernel), size, size),
        reduce=convolution(channels, reduced, (1, 1), size, size),
        after=convolution(reduced, maps, (kernel, kernel), size, size),
        break_even=-(-direct // each),
    )
