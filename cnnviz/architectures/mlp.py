"""The network without convolutions: every pixel is connected with every unit."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MLP(nn.Module):
    """784-8-8-10 with a log-softmax at the end; the width of both hidden layers is an option.

    ``dropout`` per cent of the hidden units' values are set to 0 at random while training (Srivastava et al.
    2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting").
    """

    def __init__(self, width: int = 8, dropout: int = 0) -> None:
        super().__init__()
        self.dropout = dropout / 100
        self.fc1 = nn.Linear(784, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> logarithms of class probabilities (B, 10)."""
        x = torch.flatten(x, 1)  # (B, 784)
        x = self.dropped(F.relu(self.fc1(x)))
        x = self.dropped(F.relu(self.fc2(x)))
        return F.log_softmax(self.fc3(x), dim=1)

    def dropped(self, x: Tensor) -> Tensor:
        """x: any shape -> the same, some values 0 where that is wanted and the network is trained."""
        return F.dropout(x, self.dropout, self.training) if self.dropout else x
