# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(in_channels=1, out_channels=6, kernel_size=(3, 5), stride=(1, 2), padding=(1, 0))
        self.fc = nn.Linear(in_features=6 * 28 * 12, out_features=10, bias=False)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
