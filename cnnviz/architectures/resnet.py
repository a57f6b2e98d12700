"""Residual networks: blocks that add to their input (He et al. 2016, "Deep Residual Learning for Image Recognition")."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """relu(x + conv(relu(conv(x)))): figure 2 of the paper, without batch normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, channels, H, W) -> the same shape, as the addition demands."""
        y = F.relu(self.conv1(x))
        y = self.conv2(y)
        return F.relu(x + y)


class ResNetMini(nn.Module):
    """Two convolutions, each followed by a pooling and a residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=5)
        self.mp = nn.MaxPool2d(2)
        self.rblock1 = ResidualBlock(16)
        self.rblock2 = ResidualBlock(32)
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> class scores (B, 10)."""
        x = self.mp(F.relu(self.conv1(x)))  # (B, 16, 12, 12)
        x = self.rblock1(x)
        x = self.mp(F.relu(self.conv2(x)))  # (B, 32, 4, 4)
        x = self.rblock2(x)
        x = torch.flatten(x, 1)  # (B, 512)
        x = self.fc(x)
        return x


class ResNetBlock(nn.Module):
    """relu(shortcut(x) + bn(conv(relu(bn(conv(x)))))); a 1x1 convolution where the shape changes (section 3.3)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, stride=stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        changes = stride != 1 or in_channels != out_channels
        self.shortcut = (
            nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride) if changes else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.shortcut is not None:
            x = self.shortcut(x)
        return F.relu(x + y)


STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""How many blocks each stage has, by the number of layers with parameters (table 1 of the paper)."""


class ResNet18(nn.Sequential):
    """A stem and four stages of 64, 128, 256 and 512 maps; ``depth`` 34 has more blocks in each."""

    def __init__(self, depth: int = 18) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3)
        self.bn = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for number, blocks in enumerate(STAGES[depth], 1):
            out_channels = 32 * 2**number
            stride = 1 if number == 1 else 2
            first = ResNetBlock(channels, out_channels, stride)
            rest = (ResNetBlock(out_channels, out_channels) for _ in range(blocks - 1))
            self.add_module(f"stage{number}", nn.Sequential(first, *rest))
            channels = out_channels
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(512, 10)


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut around them.

    Where the block halves the map and doubles the channels, ``identity`` and ``pre-activation`` take every
    second value and add channels of zeros (option A of the paper), ``max-pooled`` takes the largest of
    each 2x2, and ``projection`` is a 1x1 convolution (option B).
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, shortcut: str, batch_norm: bool
    ) -> None:
        super().__init__()
        self.kind = shortcut
        self.stride = stride
        self.more = out_channels - in_channels
        first = in_channels if shortcut == "pre-activation" else out_channels
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, stride=stride)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(first) if batch_norm else nn.Identity()
        self.bn2 = nn.BatchNorm2d(out_channels) if batch_norm else nn.Identity()
        if shortcut == "projection" and self.more:
            self.project = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride)."""
        if self.kind == "pre-activation":
            y: Tensor = self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))
            return self.around(x) + y
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y) if self.kind == "none" else F.relu(self.around(x) + y)

    def around(self, x: Tensor) -> Tensor:
        """What the shortcut makes of x: the shape that the convolutions give."""
        if not self.more:
            return x
        if self.kind == "projection":
            projected: Tensor = self.project(x)
            return projected
        if self.kind == "max-pooled":
            x = F.max_pool2d(x, kernel_size=self.stride, ceil_mode=True)
        else:
            x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.more))


class ResNetDeep(nn.Module):
    """A stem, three stages of blocks with ``width``, twice and four times as many maps, and one Linear.

    One network of any depth with the shortcut of one's choice, or none (section 4.2). The paper compares plain and
    residual networks on CIFAR-10; this one reads digits, and is narrow enough to be trained in front of a class.
    ``depth`` counts convolutions and the Linear, those of projections left out: 2 blocks have depth 6.
    """

    def __init__(
        self, depth: int = 20, shortcut: str = "identity", width: int = 8, batch_norm: bool = True
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, kernel_size=3, padding=1, stride=2)
        self.bn = nn.BatchNorm2d(width) if batch_norm else nn.Identity()
        blocks = (depth - 2) // 2
        self.stages = nn.ModuleList()
        channels = width
        for number in range(3):
            out_channels = width * 2**number
            stage = nn.Sequential()
            for place in range((blocks + 2 - number) // 3):
                stride = 2 if number and not place else 1
                stage.append(Block(channels, out_channels, stride, shortcut, batch_norm))
                channels = out_channels
            self.stages.append(stage)
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> class scores (B, 10)."""
        x = F.relu(self.bn(self.stem(x)))  # (B, width, 14, 14)
        for stage in self.stages:
            x = stage(x)
        x = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)
        scores: Tensor = self.fc(x)
        return scores


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
