"""The first convolutional networks of the course: two convolutions, two poolings, and fully connected layers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BasicCNN(nn.Module):
    """Two 5x5 convolutions, each halved by a max pooling, and one fully connected layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.pooling = nn.MaxPool2d(2)
        self.fc = nn.Linear(320, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> class scores (B, 10)."""
        x = F.relu(self.pooling(self.conv1(x)))  # (B, 10, 12, 12)
        x = F.relu(self.pooling(self.conv2(x)))  # (B, 20, 4, 4)
        x = torch.flatten(x, 1)  # (B, 320)
        x = self.fc(x)  # no softmax: the cross-entropy loss contains it
        return x


class SmallCNN(nn.Module):
    """Two 5x5 convolutions with the same number of maps, each halved by a max pooling, then 50 and 10."""

    def __init__(self, maps: int = 6) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, maps, kernel_size=5)
        self.conv2 = nn.Conv2d(maps, maps, kernel_size=5)
        self.fc1 = nn.Linear(maps * 4 * 4, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> logarithms of class probabilities (B, 10)."""
        x = F.max_pool2d(F.relu(self.conv1(x)), kernel_size=2)  # (B, maps, 12, 12)
        x = F.max_pool2d(F.relu(self.conv2(x)), kernel_size=2)  # (B, maps, 4, 4)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)
