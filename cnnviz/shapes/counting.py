"""The formulas of an op's parameters and multiply-adds, with numbers, and what a 1x1 reduction saves.

Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.operations.op import Op
from cnnviz.operations.operation import named
from cnnviz.operations.windows import detached_convolution


def parameter_formula(op: Op) -> str | None:
    """``(5 x 5 x 1 + 1) x 10 = 260``; None if there is nothing to count or no formula for it.

    A kernel has one weight for each position and input channel (of its group), and a bias.
    """
    formula = named(op.base).parameters
    counted = formula(op) if op.params and formula else None
    if counted is None or counted[1] != op.params:
        return None
    return f"{counted[0]} = {op.params:,}"


def macs_formula(op: Op) -> str | None:
    """``5 x 5 x 1 x 10 x 24 x 24 = 144,000``: the products for one output value, times the number of output values.

    For a transposed convolution: the products for one input value, times the number of input values. For a
    recurrent layer: the products of one step, times the number of steps.
    """
    formula = named(op.base).macs_formula
    counted = formula(op) if op.macs and op.input_shapes and formula else None
    if counted is None or counted[1] != op.macs:
        return None
    return f"{counted[0]} = {op.macs:,}"


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
        direct=detached_convolution(channels, maps, (kernel, kernel), size, size),
        reduce=detached_convolution(channels, reduced, (1, 1), size, size),
        after=detached_convolution(reduced, maps, (kernel, kernel), size, size),
        break_even=-(-direct // each),
    )
