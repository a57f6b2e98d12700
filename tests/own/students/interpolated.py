# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.out = nn.Conv2d(2, 1, 1)

    def forward(self, x):
        y = F.interpolate(self.conv(x), scale_factor=2, mode='bilinear', align_corners=False)
        return self.out(y)
