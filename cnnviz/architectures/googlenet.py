"""GoogLeNet (Szegedy et al. 2015, "Going Deeper with Convolutions", table 1)."""

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
    """Nine Inception modules. With ``auxiliary`` two classifiers hang on modules 4a and 4d while training."""

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
