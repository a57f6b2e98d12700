"""LeNet and its kin (LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", figure 2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}


class LeNet5(nn.Module):
    """6-16-120-84-10 with average pooling. A padding of 2 makes the paper's 32x32 of MNIST's 28x28."""

    def __init__(self, activation: str = "tanh") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.pool = nn.AvgPool2d(2)
        self.activation = ACTIVATIONS[activation]()
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 28, 28) float32, normalised -> class scores (B, 10)."""
        x = self.pool(self.activation(self.conv1(x)))  # (B, 6, 14, 14)
        x = self.pool(self.activation(self.conv2(x)))  # (B, 16, 5, 5)
        x = torch.flatten(x, 1)  # (B, 400)
        x = self.activation(self.fc1(x))
        x = self.activation(self.fc2(x))
        x = self.fc3(x)
        return x


class LeNetBatchNorm(nn.Sequential):
    """LeNet with a batch normalisation after every layer but the last; ``batch_norm`` leaves it out.

    The normalisation follows Ioffe and Szegedy 2015, section 3.2: before the activation.
    """

    def __init__(self, batch_norm: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5)
        if batch_norm:
            self.bn1 = nn.BatchNorm2d(6)
        self.sigmoid1 = nn.Sigmoid()
        self.pool1 = nn.AvgPool2d(2)  # (B, 6, 12, 12)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        if batch_norm:
            self.bn2 = nn.BatchNorm2d(16)
        self.sigmoid2 = nn.Sigmoid()
        self.pool2 = nn.AvgPool2d(2)  # (B, 16, 4, 4)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(256, 120)
        if batch_norm:
            self.bn3 = nn.BatchNorm1d(120)
        self.sigmoid3 = nn.Sigmoid()
        self.fc2 = nn.Linear(120, 84)
        if batch_norm:
            self.bn4 = nn.BatchNorm1d(84)
        self.sigmoid4 = nn.Sigmoid()
        self.fc3 = nn.Linear(84, 10)


class LeNetCifar(nn.Module):
    """LeNet's layers for 3x32x32 colour images, with ReLU and max pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, kernel_size=5)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, 32, 32) float32, normalised -> class scores (B, 10)."""
        x = self.pool(F.relu(self.conv1(x)))  # (B, 6, 14, 14)
        x = self.pool(F.relu(self.conv2(x)))  # (B, 16, 5, 5)
        x = torch.flatten(x, 1)  # (B, 400)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = self.fc3(x)
        return x


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
