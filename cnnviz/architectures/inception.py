"""Inception modules: several kernel sizes side by side (Szegedy et al. 2015, "Going Deeper with Convolutions")."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.architectures.blocks import NaiveInception
from cnnviz.architectures.googlenet import Inception


class InceptionA(nn.Module):
    """Four branches that keep height and width; their 16 + 24 + 24 + 24 = 88 channels are concatenated.

    The 1x1 convolutions in front of the larger kernels reduce the channels first (section 4 of the
    paper); the 5x5 branch beside two stacked 3x3 follows Szegedy et al. 2016, section 3.1.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch1x1 = nn.Conv2d(in_channels, 16, kernel_size=1)

        self.branch5x5_1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch5x5_2 = nn.Conv2d(16, 24, kernel_size=5, padding=2)

        self.branch3x3_1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch3x3_2 = nn.Conv2d(16, 24, kernel_size=3, padding=1)
        self.branch3x3_3 = nn.Conv2d(24, 24, kernel_size=3, padding=1)

        self.branch_pool = nn.Conv2d(in_channels, 24, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, H, W) -> (B, 88, H, W)."""
        branch1x1 = self.branch1x1(x)
        branch5x5 = self.branch5x5_2(self.branch5x5_1(x))
        branch3x3 = self.branch3x3_3(self.branch3x3_2(self.branch3x3_1(x)))
        branch_pool = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return torch.cat([branch1x1, branch5x5, branch3x3, branch_pool], dim=1)


class InceptionMini(nn.Module):
    """Two Inception modules between two 5x5 convolutions: the course's GoogLeNet in miniature."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(88, 20, kernel_size=5)
        self.incep1 = InceptionA(in_channels=10)
        self.incep2 = InceptionA(in_channels=20)
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(1408, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> class scores (B, 10)."""
        x = F.relu(self.mp(self.conv1(x)))  # (B, 10, 12, 12)
        x = self.incep1(x)  # (B, 88, 12, 12)
        x = F.relu(self.mp(self.conv2(x)))  # (B, 20, 4, 4)
        x = self.incep2(x)  # (B, 88, 4, 4)
        x = torch.flatten(x, 1)  # (B, 1408)
        x = self.fc(x)
        return x


class InceptionPair(nn.Module):
    """A stem, two modules and one Linear behind a global average. ``module`` is ``reduced`` or ``naive``.

    It compares what modules cost with and without 1x1 reductions (figure 2 of the paper).
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
