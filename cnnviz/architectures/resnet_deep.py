"""One network of any depth with the shortcut of one's choice, or none (He et al. 2016, section 4.2).

The paper compares plain and residual networks on CIFAR-10; this one reads digits, and is narrow enough
to be trained in front of a class.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
