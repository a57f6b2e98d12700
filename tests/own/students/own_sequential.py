# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class ConvBN(nn.Sequential):
    def __init__(self, i, o, kernel_size=3):
        super().__init__(
            nn.Conv2d(i, o, kernel_size, padding=1 if kernel_size == 3 else 0, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True)
        )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = ConvBN(1, 8)
        self.b = ConvBN(8, 8, kernel_size=5)
        self.fc = nn.Linear(8 * 24 * 24, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.b(self.a(x)), 1))
