"""Two Inception modules with and without 1x1 reductions (Szegedy et al. 2015, figure 2), to compare what they cost."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.architectures.blocks import NaiveInception
from cnnviz.architectures.googlenet import Inception


class InceptionPair(nn.Module):
    """A stem, two modules and one Linear behind a global average. ``module`` is ``reduced`` or ``naive``.

    The widths are those of GoogLeNet's module 3a divided by three, each brought to a multiple of 8. As the
    naive module's pooling cannot reduce its channels, the second module gets 152 of them in place of 104.
    """

    def __init__(self, module: str = "reduced") -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 64, kernel_size=3, stride=2, padding=1)
        self.inception1, channels = _module(module, 64)
        self.pool = nn.MaxPool2d(2)
        self.inception2, channels = _module(module, channels)
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> class scores (B, 10)."""
        x = F.relu(self.conv(x))  # (B, 64, 14, 14)
        x = self.pool(self.inception1(x))  # (B, 104 or 152, 7, 7)
        x = self.inception2(x)  # (B, 104 or 240, 7, 7)
        x = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)
        scores: Tensor = self.fc(x)
        return scores


def _module(kind: str, channels: int) -> tuple[nn.Module, int]:
    """A module of the kind that takes so many channels, and how many it gives."""
    if kind == "naive":
        return NaiveInception(channels, 24, 48, 16), channels + 24 + 48 + 16
    return Inception(channels, 24, (32, 48), (8, 16), 16), 24 + 48 + 16 + 16
