"""How far a window reaches, and the padding that keeps a map's size. Imports no torch."""

from __future__ import annotations


def span(kernel: int, dilation: int = 1) -> int:
    """From the first to the last cell that a window reads along one side, the gaps of a dilation included."""
    return dilation * (kernel - 1) + 1


def same_padding(kernel: int, dilation: int = 1) -> tuple[int, int]:
    """The cells that ``padding="same"`` adds before and after; of an odd number, one more stands after.

    As PyTorch's ``torch.nn.modules.conv._ConvNd`` deals them out; the stride is 1.
    """
    total = span(kernel, dilation) - 1
    return total // 2, total - total // 2
