"""Building blocks on their own, to compare what each does to shapes, parameters and multiply-adds.

The Inception variants have the widths of GoogLeNet's module 3a, which takes 192 maps of 28x28; the
residual ones take 64 maps of 56x56.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.architectures.googlenet import Inception
from cnnviz.architectures.resnet import ResNetBlock


class NaiveInception(nn.Module):
    """1x1, 3x3, 5x5 and a pooling side by side, nothing reduced (Szegedy et al. 2015, figure 2a).

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


class PlainBlock(nn.Module):
    """Two convolutions with batch normalisation and no shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(64)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 64, H, W) -> the same shape."""
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)))


class IdentityBlock(ResNetBlock):
    """The shortcut passes the input on as it is (He et al. 2016, figure 2)."""

    def __init__(self) -> None:
        super().__init__(64, 64)


class ProjectionBlock(ResNetBlock):
    """The block halves the map and doubles the channels; a 1x1 convolution on the shortcut does too."""

    def __init__(self) -> None:
        super().__init__(64, 128, stride=2)


class PooledShortcutBlock(nn.Module):
    """A residual block that halves the map: the shortcut is a max pooling, its missing channels are zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(64, 128, kernel_size=3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(128)
        self.conv2 = nn.Conv2d(128, 128, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(128)
        self.shortcut = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 64, H, W) -> (B, 128, H / 2, W / 2)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        shortcut = F.pad(self.shortcut(x), (0, 0, 0, 0, 0, 64))
        return F.relu(shortcut + y)


class PreActivationBlock(nn.Module):
    """Normalisation and ReLU before each convolution; nothing stands on the shortcut (He et al. 2016b, figure 1b)."""

    def __init__(self) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)
        self.conv1 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 64, H, W) -> the same shape."""
        y: Tensor = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        return x + y
