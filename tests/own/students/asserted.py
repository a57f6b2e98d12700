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
        assert x.dim() == 4, 'images are needed'
        b, c, h, w = x.shape
        x = self.conv(x)
        return self.fc(x.view(b, -1))
