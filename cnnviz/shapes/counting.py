"""Where an op's parameters and multiply-adds come from, with the numbers in."""

from __future__ import annotations

from typing import cast

from cnnviz.shapes.op import Op, Shape, product, shape_text


def parameter_formula(op: Op) -> str | None:
    """``(5 x 5 x 1 + 1) x 10 = 260``; None where there is nothing to count.

    A kernel has a weight for each of its places and input channels (of its group), and a bias.
    """
    if op.params == 0:
        return None
    arguments = op.arguments
    bias = " + 1" if arguments.get("bias") else ""
    if "in_channels" in arguments and "transpose" not in op.type.lower():
        channels = cast(int, arguments["in_channels"]) // cast(int, arguments["groups"])
        kernel = shape_text(cast(Shape, arguments["kernel_size"]))
        formula = f"({kernel} x {channels}{bias}) x {arguments['out_channels']}"
        values = product(cast(Shape, arguments["kernel_size"])) * channels + bool(bias)
        count = values * cast(int, arguments["out_channels"])
    elif "in_features" in arguments:
        formula = f"({arguments['in_features']}{bias}) x {arguments['out_features']}"
        count = (cast(int, arguments["in_features"]) + bool(bias)) * cast(int, arguments["out_features"])
    elif "num_features" in arguments:
        formula, count = f"2 x {arguments['num_features']}", 2 * cast(int, arguments["num_features"])
    else:
        return None
    return f"{formula} = {count:,}" if count == op.params else None


def macs_formula(op: Op) -> str | None:
    """``5 x 5 x 1 x 10 x 24 x 24 = 144,000``: products of one output value, times the output values."""
    if op.macs == 0 or "transpose" in op.type.lower():
        return None
    arguments = op.arguments
    if "in_channels" in arguments:
        channels = cast(int, arguments["in_channels"]) // cast(int, arguments["groups"])
        window = f"{shape_text(cast(Shape, arguments['kernel_size']))} x {channels}"
    elif "in_features" in arguments:
        window = str(arguments["in_features"])
    else:
        return None
    return f"{window} x {shape_text(op.output_shape)} = {op.macs:,}"
