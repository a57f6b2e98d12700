# 3,32,32
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3)
        self.dw = nn.Conv2d(24, 24, 3, groups=24)
        self.norm = nn.GroupNorm(8, 32)
        self.fc = nn.Linear(24, 10)

    def forward(self, x):
        x = self.norm(self.dw(self.stem(x)))
        return self.fc(x.mean((2, 3)))
