"""The network without convolutions: every pixel is connected with every unit."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MLP(nn.Module):
    """784-8-8-10 with a log-softmax at the end; the width of both hidden layers is an option."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> logarithms of class probabilities (B, 10)."""
        x = torch.flatten(x, 1)  # (B, 784)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return F.log_softmax(self.fc3(x), dim=1)
