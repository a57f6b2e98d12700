# 3,64,64
"""MobileNet-like homework."""
import torch
from torch import nn


class ConvBNReLU(nn.Sequential):
    def __init__(self, in_planes, out_planes, kernel_size=3, stride=1, groups=1):
        padding = (kernel_size - 1) // 2
        super(ConvBNReLU, self).__init__(
            nn.Conv2d(in_planes, out_planes, kernel_size, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(out_planes),
            nn.ReLU6(inplace=True),
        )


class Net(nn.Module):
    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        settings = [
            # t, c, n, s
            [1, 16, 1, 1],
            [2, 24, 2, 2],
        ]
        features = [ConvBNReLU(3, 8, stride=2)]
        channels = 8
        for t, c, n, s in settings:
            for i in range(n):
                stride = s if i == 0 else 1
                features.append(ConvBNReLU(channels, c, stride=stride))
                features.append(ConvBNReLU(c, c, groups=c))
                channels = c
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(channels, num_classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = x.mean([2, 3])
        return self.classifier(x)
