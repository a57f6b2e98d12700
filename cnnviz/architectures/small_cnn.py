"""A convolutional network with as many parameters as the MLP beside it, to compare the two."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
