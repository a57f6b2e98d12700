# 1,28,28
import torch
from torch import nn


class Reshape(torch.nn.Module):
    def forward(self, x):
        return x.view(-1, 1, 28, 28)


def init_cnn(module):
    """Initialize weights for CNNs."""
    if type(module) == nn.Linear or type(module) == nn.Conv2d:
        nn.init.xavier_uniform_(module.weight)


class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.net = torch.nn.Sequential(
            Reshape(),
            nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(),
            nn.Linear(120, 84), nn.Sigmoid(),
            nn.Linear(84, num_classes))
        self.net.apply(init_cnn)

    def forward(self, X):
        return self.net(X)


if __name__ == "__main__":
    X = torch.rand(size=(1, 1, 28, 28), dtype=torch.float32)
    for layer in Net().net:
        X = layer(X)
        print(layer.__class__.__name__, 'output shape: \t', X.shape)
