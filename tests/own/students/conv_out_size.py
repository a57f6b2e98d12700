# 3,32,32
import math
import torch
import torch.nn as nn


def conv_out(size, kernel, stride=1, padding=0):
    return math.floor((size + 2 * padding - kernel) / stride) + 1


class Net(nn.Module):
    def __init__(self, image_size=32):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 5, stride=2)
        size = conv_out(image_size, 5, 2)
        self.linear = nn.Linear(8 * size * size, 10)

    def forward(self, x):
        with torch.no_grad():
            mean = x.mean(dim=(1, 2, 3), keepdim=True)
        x = torch.relu(self.conv(x - mean))
        return self.linear(x.flatten(1))
