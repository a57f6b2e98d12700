"""DenseNet (Huang et al. 2017, "Densely Connected Convolutional Networks")."""

import torch
from torch import Tensor, nn


class DenseLayer(nn.Sequential):
    """BatchNorm, ReLU, 3x3 convolution: the paper's composite function H (section 3)."""

    def __init__(self, in_channels: int, growth: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(in_channels, growth, kernel_size=3, padding=1)


class DenseBlock(nn.Module):
    """Each layer sees the outputs of all layers before it, and adds ``growth`` channels to them."""

    def __init__(self, in_channels: int, layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(in_channels + i * growth, growth) for i in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, H, W) -> (B, in_channels + layers * growth, H, W)."""
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


class Transition(nn.Sequential):
    """Halves channels (1x1 convolution), height and width (average pooling) between two blocks."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1)
        self.pool = nn.AvgPool2d(2)


class DenseNet(nn.Sequential):
    """A stem, ``blocks`` dense blocks of ``layers`` layers with transitions between them, and one Linear."""

    def __init__(self, growth: int = 32, layers: int = 4, blocks: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3)
        self.norm1 = nn.BatchNorm2d(64)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for number in range(1, blocks + 1):
            self.add_module(f"block{number}", DenseBlock(channels, layers, growth))
            channels += layers * growth
            if number < blocks:
                self.add_module(f"transition{number}", Transition(channels, channels // 2))
                channels //= 2
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, 10)
