"""What a 1x1 convolution saves that stands before a larger one and reduces its channels.

The idea is from Lin et al. 2013, "Network in Network", section 3; as a bottleneck it is from Szegedy et
al. 2015, "Going Deeper with Convolutions", section 4. Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.operations.layer import convolution
from cnnviz.operations.op import Op


@dataclass(frozen=True)
class Saving:
    """The same output two ways: ``direct``, or ``reduce`` (1x1) and then ``after``, all of them ops.

    ``break_even`` is the smallest number of reduced channels from which on the detour saves no
    multiply-adds.
    """

    direct: Op
    reduce: Op
    after: Op
    break_even: int

    @property
    def macs(self) -> int:
        """Multiply-adds of the detour, of one image."""
        return self.reduce.macs + self.after.macs

    @property
    def params(self) -> int:
        """Parameters of the detour, biases among them."""
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
