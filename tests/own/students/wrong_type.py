# 1,28,28
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 26 * 26, 10).double()

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
