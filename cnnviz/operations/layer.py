"""A convolution that belongs to no network, for counting what it would cost. Imports no torch."""

from __future__ import annotations

from cnnviz.operations.macs import formula_macs
from cnnviz.operations.op import MODEL_INPUT, Op, Shape, product


def convolution(
    in_channels: int, out_channels: int, kernel: tuple[int, int], input_size: Shape, output_size: Shape
) -> Op:
    """The op of a ``Conv2d`` with bias; sizes are (height, width) in pixels of its input and output."""
    arguments = {
        "in_channels": in_channels,
        "out_channels": out_channels,
        "kernel_size": kernel,
        "groups": 1,
        "bias": True,
    }
    received, given = (in_channels, *input_size), (out_channels, *output_size)
    return Op(
        index=0,
        name="conv",
        type="Conv2d",
        kind="convolution",
        inputs=(MODEL_INPUT,),
        input_shapes=(received,),
        output_shape=given,
        params=(product(kernel) * in_channels + 1) * out_channels,
        macs=formula_macs("Conv2d", arguments, product(received), product(given)),
        arguments=arguments,
    )
