"""Multiply-adds: one multiply and one add are one, the bias is not counted (half of the FLOPs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from cnnviz.operations.op import Shape, product
from cnnviz.operations.recurrent import is_recurrent, step_macs

MEASURED = frozenset(
    "matmul mm mv bmm tensordot addmm baddbmm einsum bilinear scaled_dot_product_attention multi_head_attention_forward".split()
)
"""Functions without a formula here: PyTorch's FlopCounterMode counts the call itself."""


def formula_macs(name: str, arguments: Mapping[str, object], input_values: int, output_values: int) -> int:
    """Multiply-adds of a convolution, linear or recurrent layer for one image, 0 for anything else.

    ``input_values`` and ``output_values`` are the numbers of values of one image.

    Every output value of a convolution sums ``in_channels / groups`` x kernel products; a transposed
    convolution does so for every input value; of a linear layer every output value sums
    ``in_features`` products; a recurrent layer multiplies by its weights once for every step.
    """
    if "in_features" in arguments and "in2_features" not in arguments:
        return output_values * cast(int, arguments["in_features"])
    if "in_channels" not in arguments:
        if is_recurrent(name, arguments):
            return step_macs(name, arguments) * (input_values // cast(int, arguments["input_size"]))
        return 0
    window = product(cast(Shape, arguments["kernel_size"]))
    groups = cast(int, arguments["groups"])
    if "transpose" in name.lower():
        return input_values * cast(int, arguments["out_channels"]) // groups * window
    return output_values * cast(int, arguments["in_channels"]) // groups * window
