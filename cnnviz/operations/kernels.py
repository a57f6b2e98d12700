"""What several operations have in common when they are told to the browser's engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cnnviz.operations.op import Op

Kernel = Mapping[str, object]
"""The name of a kernel of ``browser/engine.js`` as ``kernel``, its settings, and ``weights``: the layer's tensors that
it needs, by their role there.
"""


def value_by_value(kernel: str, defaults: Mapping[str, float], op: Op) -> Kernel | None:
    """Of an operation that makes one value of each; its arguments, with their ``defaults``, are the kernel's settings."""
    if len(op.inputs) != 1 or op.input_shapes[0] != op.output_shape:
        return None
    return {
        "kernel": kernel,
        **{_camel(name): op.arguments.get(name, usual) for name, usual in defaults.items()},
    }


def _camel(name: str) -> str:
    """``negative_slope`` as JavaScript writes it: ``negativeSlope``."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def unchanged(op: Op) -> Kernel | None:
    """Of an operation that hands on the values as they are, in their order."""
    return {"kernel": "copy"} if op.inputs else None


def of_two(kernel: str) -> Callable[[Op], Kernel | None]:
    """Of an operation that combines the values of two tensors one by one, without a factor or a rounding between."""

    def told(op: Op) -> Kernel | None:
        return {"kernel": kernel} if len(op.inputs) == 2 and not op.arguments else None

    return told


def image_axis(dim: object, axes: int) -> int | None:
    """Dimension ``dim`` of a batch as an axis of one image, which has so many ``axes``; None for the batch itself."""
    if not isinstance(dim, int):
        return None
    axis = dim - 1 if dim >= 0 else dim + axes
    return axis if 0 <= axis < axes else None


def pair(value: object) -> list[int] | None:
    """Two whole numbers, of height and width; None for anything else."""
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return list(value)
    return None
