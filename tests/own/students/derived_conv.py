# 3,32,32
import torch
import torch.nn as nn
import torch.nn.functional as F


class SamePadConv(nn.Conv2d):
    def __init__(self, in_channels, out_channels, kernel_size, **kwargs):
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2, **kwargs)

    def forward(self, x):
        return F.relu(super().forward(x))


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = SamePadConv(3, 16, 3)
        self.conv2 = SamePadConv(16, 32, 5, bias=False)
        self.fc = nn.Linear(32 * 8 * 8, 10)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        return self.fc(x.view(x.size(0), -1))
