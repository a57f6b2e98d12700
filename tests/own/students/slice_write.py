# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 784, 10)

    def forward(self, x):
        y = self.conv(x)
        y[:, 0] = 0
        y[:, 1] += 1
        return self.fc(y.flatten(1))
