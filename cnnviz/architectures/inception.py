"""Inception modules and networks of them (Szegedy et al. 2015, "Going Deeper with Convolutions")."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Inception(nn.Module):
    """Four branches side by side: 1x1; 1x1 then 3x3; 1x1 then 5x5; pooling then 1x1 (figure 2b)."""

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3: tuple[int, int], ch5x5: tuple[int, int], ch_pool: int
    ) -> None:
        super().__init__()
        self.branch1x1 = nn.Conv2d(in_channels, ch1x1, kernel_size=1)
        self.branch3x3_1 = nn.Conv2d(in_channels, ch3x3[0], kernel_size=1)
        self.branch3x3_2 = nn.Conv2d(ch3x3[0], ch3x3[1], kernel_size=3, padding=1)
        self.branch5x5_1 = nn.Conv2d(in_channels, ch5x5[0], kernel_size=1)
        self.branch5x5_2 = nn.Conv2d(ch5x5[0], ch5x5[1], kernel_size=5, padding=2)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.branch_pool = nn.Conv2d(in_channels, ch_pool, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, H, W) -> (B, ch1x1 + ch3x3[1] + ch5x5[1] + ch_pool, H, W)."""
        branch1x1 = F.relu(self.branch1x1(x))
        branch3x3 = F.relu(self.branch3x3_2(F.relu(self.branch3x3_1(x))))
        branch5x5 = F.relu(self.branch5x5_2(F.relu(self.branch5x5_1(x))))
        branch_pool = F.relu(self.branch_pool(self.pool(x)))
        return torch.cat([branch1x1, branch3x3, branch5x5, branch_pool], dim=1)


class NaiveInception(nn.Module):
    """1x1, 3x3, 5x5 and a pooling side by side, nothing reduced (figure 2a); by default as wide as GoogLeNet's 3a.

    The pooling cannot change its number of channels, so the output has them all on top: 64 + 128 + 32 + 192.
    """

    def __init__(self, in_channels: int = 192, ch1x1: int = 64, ch3x3: int = 128, ch5x5: int = 32) -> None:
        super().__init__()
        self.branch1x1 = nn.Conv2d(in_channels, ch1x1, kernel_size=1)
        self.branch3x3 = nn.Conv2d(in_channels, ch3x3, kernel_size=3, padding=1)
        self.branch5x5 = nn.Conv2d(in_channels, ch5x5, kernel_size=5, padding=2)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, H, W) -> (B, ch1x1 + ch3x3 + ch5x5 + in_channels, H, W)."""
        branches = [self.branch1x1(x), self.branch3x3(x), self.branch5x5(x)]
        return torch.cat([*map(F.relu, branches), self.pool(x)], dim=1)


class ReducedInception(Inception):
    """1x1 convolutions reduce the channels in front of the large kernels and after the pooling (figure 2b)."""

    def __init__(self, reduce3x3: int = 96, reduce5x5: int = 16) -> None:
        super().__init__(192, 64, (reduce3x3, 128), (reduce5x5, 32), 32)


class FactorisedInception(nn.Module):
    """The 5x5 becomes two 3x3 with the same receptive field (Szegedy et al. 2016, figure 5)."""

    def __init__(self, reduce3x3: int = 96, reduce5x5: int = 16) -> None:
        super().__init__()
        self.branch1x1 = nn.Conv2d(192, 64, kernel_size=1)
        self.branch3x3_1 = nn.Conv2d(192, reduce3x3, kernel_size=1)
        self.branch3x3_2 = nn.Conv2d(reduce3x3, 128, kernel_size=3, padding=1)
        self.branch5x5_1 = nn.Conv2d(192, reduce5x5, kernel_size=1)
        self.branch5x5_2 = nn.Conv2d(reduce5x5, 32, kernel_size=3, padding=1)
        self.branch5x5_3 = nn.Conv2d(32, 32, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.branch_pool = nn.Conv2d(192, 32, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 192, H, W) -> (B, 256, H, W)."""
        branch1x1 = F.relu(self.branch1x1(x))
        branch3x3 = F.relu(self.branch3x3_2(F.relu(self.branch3x3_1(x))))
        branch5x5 = F.relu(self.branch5x5_2(F.relu(self.branch5x5_1(x))))
        branch5x5 = F.relu(self.branch5x5_3(branch5x5))
        branch_pool = F.relu(self.branch_pool(self.pool(x)))
        return torch.cat([branch1x1, branch3x3, branch5x5, branch_pool], dim=1)


class Auxiliary(nn.Module):
    """A classifier in the middle of the network, so that gradients reach the early layers (section 5)."""

    def __init__(self, in_channels: int, classes: int) -> None:
        super().__init__()
        self.average = nn.AdaptiveAvgPool2d(4)
        self.conv = nn.Conv2d(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, H, W) -> class scores (B, classes)."""
        x = F.relu(self.conv(self.average(x)))  # (B, 128, 4, 4)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        x = self.fc2(self.dropout(x))
        return x


class Scores(NamedTuple):
    """Class scores (B, classes) of the network and of its two auxiliary classifiers."""

    main: Tensor
    auxiliary1: Tensor
    auxiliary2: Tensor


class GoogLeNet(nn.Module):
    """Nine Inception modules (table 1). With ``auxiliary`` two classifiers hang on modules 4a and 4d while training."""

    def __init__(self, auxiliary: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3)
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(64, 64, kernel_size=1)
        self.conv3 = nn.Conv2d(64, 192, kernel_size=3, padding=1)
        self.pool2 = nn.MaxPool2d(3, stride=2, padding=1)
        self.inception3a = Inception(192, 64, (96, 128), (16, 32), 32)
        self.inception3b = Inception(256, 128, (128, 192), (32, 96), 64)
        self.pool3 = nn.MaxPool2d(3, stride=2, padding=1)
        self.inception4a = Inception(480, 192, (96, 208), (16, 48), 64)
        self.inception4b = Inception(512, 160, (112, 224), (24, 64), 64)
        self.inception4c = Inception(512, 128, (128, 256), (24, 64), 64)
        self.inception4d = Inception(512, 112, (144, 288), (32, 64), 64)
        self.inception4e = Inception(528, 256, (160, 320), (32, 128), 128)
        self.pool4 = nn.MaxPool2d(3, stride=2, padding=1)
        self.inception5a = Inception(832, 256, (160, 320), (32, 128), 128)
        self.inception5b = Inception(832, 384, (192, 384), (48, 128), 128)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(1024, 10)
        self.auxiliary1 = Auxiliary(512, 10) if auxiliary else None
        self.auxiliary2 = Auxiliary(528, 10) if auxiliary else None

    def forward(self, x: Tensor) -> Tensor | Scores:
        """x: (B, 1, 96, 96) -> class scores (B, 10); with auxiliary classifiers, in training, all three."""
        x = self.pool1(F.relu(self.conv1(x)))  # (B, 64, 24, 24)
        x = F.relu(self.conv2(x))
        x = self.pool2(F.relu(self.conv3(x)))  # (B, 192, 12, 12)
        x = self.inception3a(x)
        x = self.pool3(self.inception3b(x))  # (B, 480, 6, 6)
        x = early = self.inception4a(x)
        x = self.inception4b(x)
        x = self.inception4c(x)
        x = late = self.inception4d(x)
        x = self.pool4(self.inception4e(x))  # (B, 832, 3, 3)
        x = self.inception5a(x)
        x = self.inception5b(x)  # (B, 1024, 3, 3)
        x = self.fc(torch.flatten(self.average(x), 1))
        if self.training and self.auxiliary1 is not None and self.auxiliary2 is not None:
            return Scores(x, self.auxiliary1(early), self.auxiliary2(late))
        return x


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
