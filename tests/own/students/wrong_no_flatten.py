# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(2704, 10)

    def forward(self, x):
        x = self.conv(x)
        x = self.fc(x)
        return x
