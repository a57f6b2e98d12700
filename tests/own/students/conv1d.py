# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 9, stride=4)
        self.fc = nn.Linear(8 * 194, 10)

    def forward(self, x):
        x = x.view(x.size(0), 1, -1)
        return self.fc(self.conv(x).flatten(1))
