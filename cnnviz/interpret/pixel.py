"""One pixel's arithmetic: from which input values, weights and products an output value is computed.

Convolutions, pooling and linear layers are one and the same here: for each output row a list of input
rows, for each output column a list of input columns. Where both cross lies the patch. Stride, padding,
dilation, windows that reach over the edge (``ceil_mode``), adaptive and transposed windows only change
these lists, and a linear layer is a convolution whose kernel is as large as its input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnviz.interpret.window_places import PADDING, Places
from cnnviz.operations.op import Op

Values = NDArray[np.float32]
Sums = NDArray[np.float64]
Mode = Literal["sum", "max", "mean"]


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """A layer with its input and output for one image, ready to be taken apart; shared, not to be changed.

    ``x``: (C, H, W) float32, the input; of a linear layer (features, 1, 1), or the maps that were flattened
    before it. ``output``: (N, rows, columns) float32, what PyTorch computed. ``weight``: (N, C / groups, kh,
    kw) and ``bias``: (N,) float32, None for pooling. ``rows`` (rows, kh) and ``columns`` (columns, kw) say
    which input row and column each part of the window reads: PADDING beside the input, BEYOND where it reads
    nothing. ``divisor`` is what average pooling divides by, None where it counts the values.
    """

    op: Op
    mode: Mode
    x: Values
    output: Values
    rows: Places
    columns: Places
    weight: Values | None = None
    bias: Values | None = None
    groups: int = 1
    divisor: int | None = None
    count_padding: bool = True

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays = (self.x, self.output, self.rows, self.columns, self.weight, self.bias)
        return sum(0 if array is None else array.nbytes for array in arrays)

    def sources(self, channel: int) -> range:
        """The input channels that the output ``channel`` is computed from."""
        if self.weight is None:
            return range(channel, channel + 1)
        outputs, inputs = self.weight.shape[:2]
        group = channel // (outputs // self.groups)
        return range(group * inputs, (group + 1) * inputs)

    def count(self, row: int, column: int) -> int:
        """By what average pooling divides at an output place."""
        if self.divisor is not None:
            return self.divisor
        least = PADDING if self.count_padding else 0
        return int((self.rows[row] >= least).sum() * (self.columns[column] >= least).sum())


@dataclass(frozen=True, eq=False)
class Pixel:
    """One output value taken apart.

    ``channels``: (n,) the input channels that take part. ``values``: (n, kh, kw) float32, the patch, 0 in the
    padding and beyond. ``inside``: (kh, kw), where the patch lies in the input. ``products`` (n, kh, kw) and
    ``sums`` (n,), both float64, of value times weight; of the values for pooling. ``result`` follows from
    them, ``computed`` is PyTorch's.
    """

    channels: NDArray[np.int64]
    values: Values
    inside: NDArray[np.bool_]
    products: Sums
    sums: Sums
    bias: float
    result: float
    computed: float


def pixel(layer: Arithmetic, channel: int, row: int, column: int) -> Pixel:
    """Take apart the output value in ``channel`` at ``row`` and ``column``, all from 0."""
    rows, columns = layer.rows[row], layer.columns[column]
    inside = (rows >= 0)[:, None] & (columns >= 0)[None, :]
    sources = layer.sources(channel)
    read = layer.x[sources.start : sources.stop][:, np.maximum(rows, 0)][:, :, np.maximum(columns, 0)]
    patch: Values = np.where(inside, read, np.float32(0))
    products = patch.astype(np.float64)
    if layer.weight is not None:
        products = products * layer.weight[channel]
    sums: Sums = products.sum(axis=(1, 2))
    bias = 0.0 if layer.bias is None else float(layer.bias[channel])
    if layer.mode == "max":
        result = float(patch[0][inside].max())
    elif layer.mode == "mean":
        result = float(sums[0]) / layer.count(row, column)
    else:
        result = float(sums.sum()) + bias
    return Pixel(
        channels=np.array(sources),
        values=patch,
        inside=inside,
        products=products,
        sums=sums,
        bias=bias,
        result=result,
        computed=float(layer.output[channel, row, column]),
    )


def partial_sums(layer: Arithmetic, channel: int) -> Sums:
    """How much each input channel adds to every value of the output ``channel``: (n, rows, columns) float64.

    For layers with weights; with the bias they add up to the output.
    """
    assert layer.weight is not None
    sources = layer.sources(channel)
    # A row and a column of zeros at the end stand for whatever lies outside.
    padded = np.pad(layer.x[sources.start : sources.stop], ((0, 0), (0, 1), (0, 1)))
    height, width = layer.x.shape[1:]
    rows = np.where(layer.rows < 0, height, layer.rows)
    columns = np.where(layer.columns < 0, width, layer.columns)
    sums = np.zeros((len(sources), len(rows), len(columns)))
    for i in range(rows.shape[1]):
        for j in range(columns.shape[1]):
            taken = padded[:, rows[:, i]][:, :, columns[:, j]]
            sums += taken * layer.weight[channel, :, i, j, None, None].astype(np.float64)
    return sums
