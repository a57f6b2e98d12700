# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, 4, 1, 1))
        self.conv = nn.Conv2d(1, 4, 3)
        self.register_buffer('offset', torch.zeros(4, 1, 1))
        self.fc = nn.Linear(4 * 26 * 26, 10)

    def forward(self, x):
        x = self.conv(x) * self.scale + self.offset
        return self.fc(x.flatten(start_dim=1))
